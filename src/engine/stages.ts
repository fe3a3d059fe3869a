/** Runs the current round's computing stages one after the other, until a person has to decide. */
import { messageOf, UserError } from '../core/errors.js';
import { log } from '../io/print.js';
import { jobMayRun } from '../remote/jobs/view.js';
import type { Report, Work, WorkResults, WorkStage } from '../run/stages/context.js';
import { discardUpdate } from '../run/stages/files.js';
import { configOf } from '../core/config/rounds.js';
import { heldOutRule } from '../core/heldOutPairs.js';
import { countReview, type ReviewCounts } from '../core/review/decisions.js';
import type { DroppedPairs } from '../core/rows.js';
import { newRound, type RoundState } from '../core/rounds.js';
import type { Pending } from '../run/runData.js';
import type { Core } from './core.js';
import { continueQueue } from './attempts.js';
import type { WeightProgress } from '../protocol/messages.js';

/** Milliseconds in review before log-probabilities are computed. */
const QUIET_MS = 300;

/** Passed to command handlers, which validate against the current stage, then apply the command. */
export interface CommandContext {
  core: Core;
  stages: Stages;
}

export class Stages {
  private working: Promise<void> = Promise.resolve();
  private readonly clock = new Stopwatch();
  /** Number of tasks that wait for their turn. */
  private queued = 0;
  /** The next stage is a retry after a failure. */
  private retrying = false;
  /** Interrupts the computation of log-probabilities for review; does nothing while none runs. */
  private interrupt: () => void = () => {};

  /** @param renew starts another engine when this one's device is lost */
  constructor(
    private readonly core: Core,
    private readonly renew: () => void,
  ) {}

  /** Starts whatever has to be computed next. */
  work(): void {
    if (this.core.compute.lost) return this.renew();
    const again = this.core.state.problem !== null;
    if (this.core.unreadable !== null) this.core.readAgain();
    const { unreadable } = this.core;
    if (unreadable !== null) {
      const { id, stage } = this.core.round;
      this.core.setState({ activity: 'idle', problem: unreadable });
      this.core.emit({ type: 'problem', round: id, stage, message: unreadable });
      return;
    }
    const paused = this.core.pending?.command === 'pause';
    this.core.setState({ activity: paused ? 'paused' : 'working', problem: null });
    this.schedule(() => this.advance(again));
  }

  /** After a switch to another round: if it is in review, computes its log-probabilities. */
  turn(): void {
    this.schedule(async () => {});
  }

  /**
   * Queues a task. Log-probabilities for review are computed when the queue is empty and interrupted by every other
   * task.
   */
  private schedule(task: () => Promise<void>): void {
    this.queued++;
    this.interrupt();
    this.working = this.working
      .then(() => {
        this.queued--;
        return task();
      })
      .then(() => this.computeLogps());
  }

  /** Discards an update whose abort a killed engine had acknowledged. `work` handles pauses and stops. */
  obeyAbort(): void {
    // If the update's job may still run, the stage ends it.
    if (this.isAborting() && !this.jobMayRun()) this.core.setRound(this.aborted());
  }

  // A command is recorded before it is obeyed: once it is acknowledged, an engine that starts after a crash obeys it.

  pause(): void {
    this.record('pause');
    this.core.compute.pause();
    this.clock.pause();
    this.core.setState({ activity: 'paused' });
  }

  resume(): void {
    this.core.run.setPending(null);
    this.core.compute.resume();
    this.goOn();
  }

  stop(): void {
    this.record('stop');
    this.core.compute.stop();
    this.goOn();
  }

  /** Discards a running or failed update and returns to review, where its settings can be changed. */
  abort(): void {
    const { core } = this;
    if (core.state.activity !== 'idle') {
      this.record('abort');
      core.compute.abort();
      this.goOn();
      return;
    }
    core.expect(core.state.problem !== null, 'nothing is being computed that could be aborted');
    if (this.jobMayRun()) {
      this.record('abort');
      this.work();
      return;
    }
    core.setRound(this.aborted(), { action: 'abort' });
    core.setState({ problem: null });
  }

  /** Tries the failed stage again. */
  retry(): void {
    this.retrying = true;
    if (this.core.pending?.command === 'pause') this.core.run.setPending(null);
    this.work();
  }

  /** Ends after the micro-batch in flight; an update writes a checkpoint. */
  async close(): Promise<void> {
    this.interrupt();
    await this.core.compute.close();
    await this.working;
  }

  private record(command: Pending['command']): void {
    const { run, round, view } = this.core;
    const step = command === 'stop' && round.stage === 'update' ? (view.metrics.at(-1)?.step ?? 0) : null;
    run.setPending({ command, round: round.id, step }, command === 'abort' ? { action: 'abort' } : undefined);
  }

  private isAborting(): boolean {
    return this.core.pending?.command === 'abort' && this.core.round.stage === 'update';
  }

  /** Whether the update's job may still run: it cannot be aborted before the job has ended. */
  private jobMayRun(): boolean {
    const { run, round } = this.core;
    return round.stage === 'update' && jobMayRun(run.files, round.id);
  }

  private goOn(): void {
    this.clock.start();
    this.core.setState({ activity: 'working' });
  }

  /** @param again the first stage has failed before */
  private async advance(again: boolean): Promise<void> {
    const { core } = this;
    try {
      for (let stage = this.nextStage(); stage !== null && !core.closing; stage = this.nextStage()) {
        core.view.begin(stage, core.run);
        // Resets what clients counted in the failed attempt.
        if (again) core.emitSnapshot();
        again = false;
        const next = await this.timed(stage);
        core.setRound(next);
      }
      if (core.closing) return;
      // Paused just as the last stage ended.
      if (core.pending !== null) core.run.setPending(null);
      core.setState({ activity: 'idle' });
    } catch (error) {
      if (core.closing) return;
      if (this.isAborting() && this.abortFailed()) return;
      const { id, stage } = core.round;
      const message = messageOf(error);
      core.setState({ activity: 'idle', problem: message });
      core.emit({ type: 'problem', round: id, stage, message });
    }
  }

  /** @returns the changes to the round; its seconds add up over all attempts, failed ones included */
  private async timed(stage: WorkStage): Promise<Partial<RoundState>> {
    const { core, clock } = this;
    const { seconds } = core.round;
    const spent = () => ({ ...seconds, [stage]: (seconds[stage] ?? 0) + clock.lap() });
    clock.lap();
    if (core.state.activity !== 'paused') clock.start();
    try {
      return { ...(await this.runStage(stage)), seconds: spent() };
    } catch (error) {
      core.setRound({ seconds: spent() });
      throw error;
    } finally {
      clock.pause();
    }
  }

  /**
   * The next stage to compute, of a queued attempt if the round has none; null if a person decides. A new run's base
   * continues to the first round.
   */
  private nextStage(): WorkStage | null {
    const { core } = this;
    const { id, stage, settings } = core.round;
    if (stage !== 'review' && stage !== 'done') return stage;
    if (continueQueue(core)) return this.nextStage();
    if (id > 0 || core.run.nextId() > 1) return null;
    core.addRound(newRound(1, 0, settings));
    return 'sample';
  }

  /**
   * Computes the missing log-probabilities for gradient weights in review. This never blocks the person: every command
   * is accepted meanwhile, and the engine counts as idle. A failure is shown beside the weights; the update needs the
   * same values of its pairs and will report it too.
   */
  private async computeLogps(): Promise<void> {
    const { core } = this;
    const { id, stage } = core.round;
    const { view } = core;
    const { weights } = view;
    if (this.queued > 0 || core.closing || core.compute.lost || stage !== 'review') return;
    if (weights.need !== 'logps' || weights.done >= weights.total) return;
    const tell = (progress: Partial<WeightProgress>) => {
      const event = view.logpsKnown([], progress);
      if (event !== null && core.view === view) core.emit(event);
    };
    tell({ computing: true, problem: null });
    try {
      if (await this.quiet()) await this.computed('logps');
      tell({ computing: false });
    } catch (error) {
      if (core.closing) return;
      log(`round ${id}: log-probabilities for review: ${messageOf(error)}`);
      tell({ computing: false, problem: messageOf(error) });
    } finally {
      this.interrupt = () => {};
    }
  }

  /** Waits QUIET_MS first: `auto` launches at once and needs no weights. @returns false if interrupted */
  private async quiet(): Promise<boolean> {
    const going = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, QUIET_MS, true);
      this.interrupt = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
    this.interrupt = () => this.core.compute.abort();
    return going && this.queued === 0 && !this.core.closing;
  }

  private computed<S extends Work>(stage: S): Promise<WorkResults[S]> {
    const { core } = this;
    const { round } = core;
    const { pending } = core;
    const stopped = pending?.command === 'stop';
    const task = {
      round,
      branch: core.run.branch(round.id),
      ...(stopped && pending.step !== null ? { stopAfter: pending.step } : {}),
      ...(this.retrying ? { again: true } : {}),
    };
    this.retrying = false;
    const result = core.compute.run(stage, task, (report) => {
      // The client may switch to another round before this one's log-probabilities are done.
      if (core.round.id === round.id) this.report(stage, report);
    });
    // Stopped before a crash: keep what is on the disk.
    if (stopped && pending.step === null) core.compute.stop();
    // Aborted before a crash, and the update's job may still run.
    if (stage === 'update' && pending?.command === 'abort') core.compute.abort();
    // Paused while the previous stage ended.
    if (core.state.activity === 'paused') core.compute.pause();
    return result;
  }

  /** @returns the changes to the round, its next stage included */
  private async runStage(stage: WorkStage): Promise<Partial<RoundState>> {
    const { core } = this;
    switch (stage) {
      case 'sample': {
        const { responses, sampled } = await this.computed('sample');
        if (sampled.prompts === 0 && sampled.stopped_early) throw this.nothingSampled();
        // The view still counts responses that a stop or fewer samples dropped: reload it.
        if (responses !== core.view.responseCount) core.show(core.round.id);
        return { stage: 'score', sampled };
      }
      case 'score': {
        const scored = await this.computed('score');
        const { pairs, dropped } = scored;
        core.emit(core.view.scored(scored));
        if (pairs.length === 0) throw new UserError(noPairs(core.round.id, dropped));
        // Pairs that were made again have their decisions already.
        const { decisions } = core.view.standing;
        const counts = this.counted();
        if (decisions.size > 0) return { stage: 'review', ...counts };
        const { held_out_pairs, pairs_digest } = counts;
        return { stage: 'review', pairs: pairs.length, held_out_pairs, dropped, pairs_digest };
      }
      case 'update': {
        const { steps, outcome } = await this.computed('update');
        // The abort may have arrived after the last step.
        if (outcome === 'aborted' || this.isAborting()) return this.aborted();
        // Without rows an earlier version scored the round.
        const { review } = core.view;
        const held_out_pairs = review.length === 0 ? null : this.counted().held_out_pairs;
        return { stage: 'evaluate', steps, stopped_early: outcome === 'stopped', held_out_pairs };
      }
      case 'evaluate':
        return { stage: 'done', evaluation: await this.computed('evaluate') };
    }
  }

  private counted(): ReviewCounts {
    const { view, run, round } = this.core;
    return countReview(view.review, view.standing.decisions, heldOutRule(configOf(run.config, round), round));
  }

  /** Discards the round's update. @returns the changes to the round */
  private aborted(): Partial<RoundState> {
    const { core } = this;
    discardUpdate({ files: core.run.files, round: core.round });
    core.view.forgetUpdate();
    return { stage: 'review', steps: null };
  }

  /**
   * An update that fails while being aborted still counts as aborted. @returns false if its job may run or the disk
   * fails
   */
  private abortFailed(): boolean {
    try {
      if (this.jobMayRun()) return false;
      this.core.setRound(this.aborted());
    } catch {
      return false;
    }
    this.core.setState({ activity: 'idle' });
    return true;
  }

  private nothingSampled(): UserError {
    const { run, round } = this.core;
    run.setPending(null);
    return new UserError(
      `sampling of round ${round.id} was stopped before any prompt had two responses, so there is nothing to keep; retry samples on, or delete the round`,
    );
  }

  private report(stage: Work, report: Report): void {
    const { core } = this;
    const event = core.view.take(stage, report);
    if (report.type === 'rewound') core.emitSnapshot();
    if (event === null) return;
    core.emit(event);
    if (event.type === 'progress') core.setState({ memory_mb: process.memoryUsage.rss() / 2 ** 20 });
  }
}

function noPairs(round: number, dropped: DroppedPairs): string {
  const causes = Object.entries(dropped).map(([cause, count]) => `${count} ${cause.replace('_', ' ')}`);
  return `round ${round} gave no pairs (${causes.join(', ')}); raise sampling.samples_per_prompt or the temperature, or lower pairs.min_gap`;
}

/** Measures working time, without pauses. */
export class Stopwatch {
  private before = 0;
  private since: number | null = null;

  start(): void {
    this.since ??= performance.now();
  }

  pause(): void {
    this.before = this.milliseconds();
    this.since = null;
  }

  /** @returns the seconds since the last lap, and starts again from 0 */
  lap(): number {
    const seconds = this.milliseconds() / 1000;
    this.before = 0;
    this.since = this.since === null ? null : performance.now();
    return seconds;
  }

  private milliseconds(): number {
    return this.before + (this.since === null ? 0 : performance.now() - this.since);
  }
}
