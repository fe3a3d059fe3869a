/** Takes the current round through its computing stages, one after the other, until something waits for a person. */
import { UserError, messageOf } from '../errors.js';
import type { Report, Work, WorkResults, WorkStage } from '../rounds/context.js';
import { discardUpdate } from '../rounds/discard.js';
import type { DroppedPairs } from '../rows.js';
import { type RoundState, newRound } from '../store/rounds.js';
import type { Core } from './core.js';
import type { WeightProgress } from './protocol.js';
import { Stopwatch } from './stopwatch.js';

/** Milliseconds in review before log-probabilities are computed. */
const QUIET_MS = 300;

export class Stages {
  private working: Promise<void> = Promise.resolve();
  private readonly clock = new Stopwatch();
  /** Tasks that wait for their turn. */
  private queued = 0;
  /** Ends the computation of log-probabilities for review; nothing while there is none. */
  private interrupt: () => void = () => {};

  /** @param renew lets another engine go on where this one's device is lost */
  constructor(
    private readonly core: Core,
    private readonly renew: () => void,
  ) {}

  /** Takes up what is to be computed next. */
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
    this.core.setState({ activity: 'working', problem: null });
    this.schedule(() => this.advance(again));
  }

  /** Another round is shown, which may be in review: its log-probabilities are the ones to compute. */
  turn(): void {
    this.schedule(async () => {});
  }

  /** Log-probabilities for review are computed whenever nothing else is, and give way to everything else. */
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

  pause(): void {
    this.core.compute.pause();
    this.clock.pause();
    this.core.setState({ activity: 'paused' });
  }

  resume(): void {
    this.core.compute.resume();
    this.goOn();
  }

  stop(): void {
    this.core.compute.stop();
    this.goOn();
  }

  /** Discards an update, under way or failed: back to review, where its settings can be changed. */
  abort(): void {
    const { core } = this;
    if (core.state.activity !== 'idle') {
      core.compute.abort();
      this.goOn();
      return;
    }
    core.expect(core.state.problem !== null, 'nothing is being computed that could be aborted');
    discardUpdate({ files: core.run.files, round: core.round });
    core.setRound(this.aborted());
    core.setState({ problem: null });
  }

  /** After the micro-batch in flight; an update keeps a checkpoint. */
  async close(): Promise<void> {
    this.interrupt();
    await this.core.compute.close();
    await this.working;
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
        // What clients saw of the failed attempt is counted anew.
        if (again) core.emitSnapshot();
        again = false;
        const next = await this.timed(stage);
        core.setRound(next);
      }
      if (!core.closing) core.setState({ activity: 'idle' });
    } catch (error) {
      if (core.closing) return;
      const { id, stage } = core.round;
      const message = messageOf(error);
      core.setState({ activity: 'idle', problem: message });
      core.emit({ type: 'problem', round: id, stage, message });
    }
  }

  /** @returns how the round changes; its seconds add up over attempts, those that fail included */
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

  /** What is to be computed next; null where a person decides. A new run's base leads on to the first round. */
  private nextStage(): WorkStage | null {
    const { core } = this;
    const { id, stage, settings } = core.round;
    if (stage !== 'review' && stage !== 'done') return stage;
    if (id > 0 || core.run.nextId() > 1) return null;
    core.addRound(newRound(1, 0, settings));
    return 'sample';
  }

  /**
   * Computes what gradient weights in review need and do not have yet, without keeping the person from anything: every
   * command is taken meanwhile, and the engine counts as idle. A failure is told beside the weights; the update, which
   * needs the same values of its pairs, will tell it too.
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
      console.error(`round ${id}: log-probabilities for review: ${messageOf(error)}`);
      tell({ computing: false, problem: messageOf(error) });
    } finally {
      this.interrupt = () => {};
    }
  }

  /** Waits a moment: `auto` launches at once and needs no weights to look at. @returns false if interrupted */
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
    const task = { round, branch: core.run.branch(round.id) };
    const result = core.compute.run(stage, task, (report) => {
      // Another round may be shown before the computation of log-probabilities for this one has ended.
      if (core.round.id === round.id) this.report(stage, report);
    });
    // Paused while the stage before it ended.
    if (core.state.activity === 'paused') core.compute.pause();
    return result;
  }

  /** @returns how the round changes, its next stage included */
  private async runStage(stage: WorkStage): Promise<Partial<RoundState>> {
    const { core } = this;
    switch (stage) {
      case 'sample': {
        const { responses, sampled } = await this.computed('sample');
        // Responses to prompts that were left behind, by a stop or by fewer samples, are not kept.
        if (responses !== core.view.lengths.length) core.show(core.round.id);
        return { stage: 'score', sampled };
      }
      case 'score': {
        const { pairs, review, dropped } = await this.computed('score');
        core.view.scored(pairs, review);
        core.emit({ type: 'pairs', round: core.round.id, pairs, review, dropped, weights: core.view.weights });
        if (pairs.length === 0) throw new UserError(noPairs(core.round.id, dropped));
        return { stage: 'review', pairs: pairs.length, dropped };
      }
      case 'update': {
        const { steps, outcome } = await this.computed('update');
        if (outcome === 'aborted') return this.aborted();
        return { stage: 'evaluate', steps, stopped_early: outcome === 'stopped' };
      }
      case 'evaluate':
        return { stage: 'done', evaluation: await this.computed('evaluate') };
    }
  }

  private aborted(): Partial<RoundState> {
    const { core } = this;
    core.run.record(core.round.id, 'abort');
    core.view.forgetUpdate();
    return { stage: 'review', steps: null };
  }

  private report(stage: Work, report: Report): void {
    const { core } = this;
    const event = core.view.take(stage, report);
    if (event === null) return;
    core.emit(event);
    if (event.type === 'progress') core.setState({ memory_mb: process.memoryUsage.rss() / 2 ** 20 });
  }
}

function noPairs(round: number, dropped: DroppedPairs): string {
  const causes = Object.entries(dropped).map(([cause, count]) => `${count} ${cause.replace('_', ' ')}`);
  return `round ${round} gave no pairs (${causes.join(', ')}); raise sampling.samples_per_prompt or the temperature, or lower pairs.min_gap`;
}
