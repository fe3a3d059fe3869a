/**
 * The engine: owns a run, moves its rounds through their stages, and tells clients what happens. It computes nothing
 * itself (compute.ts) and knows no sockets (server.ts).
 */
import { UserError, messageOf } from '../errors.js';
import type { DroppedPairs } from '../rows.js';
import type { Report, WorkResults, WorkStage } from '../rounds/context.js';
import { discardUpdate } from '../rounds/discard.js';
import { type RoundSettings, type RoundState, type Stage, newRound } from '../store/rounds.js';
import type { Run } from '../store/run.js';
import type { Compute } from './compute.js';
import type { EngineCommand, EngineEvent, EngineState, Snapshot } from './protocol.js';
import { checkSettings } from './settings.js';
import { RoundView } from './view.js';

export class Engine {
  private readonly listeners = new Set<(event: EngineEvent) => void>();
  private view: RoundView;
  private current: number;
  private state: EngineState = { pid: process.pid, backend: '', activity: 'starting', memory_mb: 0, problem: null };
  private working: Promise<void> = Promise.resolve();
  private closing = false;

  constructor(
    private readonly run: Run,
    private readonly compute: Compute,
    private readonly onShutdown: () => void,
  ) {
    this.current = run.rounds.at(-1)?.id ?? 0;
    this.view = RoundView.read(run, this.current);
  }

  /** Takes up unfinished work; a new run begins with its base policy's evaluation and its first round. */
  start(): void {
    if (this.run.rounds.length === 0)
      this.addRound(null, {
        alpha: this.run.config.dpo.alpha,
        beta: this.run.config.dpo.beta,
        lr: this.run.config.update.lr,
      });
    this.work();
  }

  /** Every event from now on. @returns how to stop listening */
  listen(listener: (event: EngineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  snapshot(): Snapshot {
    return {
      directory: this.run.directory,
      config: this.run.config,
      rounds: [...this.run.rounds],
      current: this.current,
      engine: this.state,
      role: { driving: true, terminals: 1 },
      ...this.view.data(),
    };
  }

  backendLoaded(name: string): void {
    this.setState({ backend: name });
  }

  /** It has been told to end and takes no more clients. */
  get ending(): boolean {
    return this.closing;
  }

  /** @throws UserError where the command has no place now */
  handle(command: Exclude<EngineCommand, { type: 'attach' | 'shutdown' }>): void {
    const round = this.run.rounds.at(-1);
    const { activity } = this.state;
    switch (command.type) {
      case 'next-round':
        this.expect(round?.stage === 'done', 'a new round can start once the round before it is done');
        this.nextRound(command.settings ?? {});
        return;
      case 'set':
        this.expect(round?.stage === 'review', 'α, β and the learning rate can be changed in review only');
        this.changeSettings(round as RoundState, command.settings);
        return;
      case 'launch':
        this.expect(round?.stage === 'review', 'an update can be launched from review only');
        this.run.record(this.current, 'launch', (round as RoundState).settings);
        this.setRound({ stage: 'update' });
        this.work();
        return;
      case 'pause':
        this.expect(activity === 'working', 'nothing is being computed that could be paused');
        this.compute.pause();
        this.setState({ activity: 'paused' });
        return;
      case 'resume':
        this.expect(activity === 'paused', 'nothing is paused');
        this.compute.resume();
        this.setState({ activity: 'working' });
        return;
      case 'stop':
        this.expect(
          activity !== 'idle' && (round?.stage === 'sample' || round?.stage === 'update'),
          'only sampling and an update can be stopped early',
        );
        this.compute.stop();
        this.setState({ activity: 'working' });
        return;
      case 'abort':
        this.expect(round?.stage === 'update', 'only an update can be aborted');
        if (activity === 'idle') return this.discard(round as RoundState);
        this.compute.abort();
        this.setState({ activity: 'working' });
        return;
      case 'retry':
        this.expect(this.state.problem !== null, 'nothing has failed that could be tried again');
        this.work();
        return;
      default:
        throw new UserError(`the engine knows no command ${JSON.stringify((command as { type?: unknown }).type)}`);
    }
  }

  /** Ends after the micro-batch in flight; unfinished work is taken up by the next engine. */
  async shutdown(reason: string): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.emit({ type: 'bye', reason });
    await this.compute.close();
    this.onShutdown();
  }

  private expect(condition: boolean, otherwise: string): void {
    if (!condition) throw new UserError(otherwise);
  }

  private addRound(parent: number | null, settings: RoundSettings): void {
    const id = (this.run.rounds.at(-1)?.id ?? -1) + 1;
    this.run.addRound(newRound(id, parent, settings));
    this.current = id;
    this.view = RoundView.read(this.run, id);
    this.emit({ type: 'round', round: this.run.round(id) });
  }

  private nextRound(changes: Partial<RoundSettings>): void {
    checkSettings(changes);
    const before = this.run.round(this.current);
    this.addRound(before.id, { ...before.settings, ...changes });
    this.work();
  }

  private changeSettings(round: RoundState, changes: Partial<RoundSettings>): void {
    checkSettings(changes);
    this.run.record(round.id, 'set', changes);
    this.setRound({ settings: { ...round.settings, ...changes } });
  }

  /** An update that failed goes back to review, where its settings can be changed. */
  private discard(round: RoundState): void {
    this.expect(this.state.problem !== null, 'nothing is being computed that could be aborted');
    discardUpdate({ files: this.run.files, round });
    this.run.record(round.id, 'abort');
    this.view.metrics = [];
    this.setRound({ stage: 'review' });
    this.setState({ problem: null });
  }

  private work(): void {
    const again = this.state.problem !== null;
    this.setState({ activity: 'working', problem: null });
    this.working = this.working.then(() => this.advance(again));
  }

  /** Runs stages until something waits for a person. @param again the first one has failed before */
  private async advance(again: boolean): Promise<void> {
    try {
      for (let stage = this.nextStage(); stage !== null && !this.closing; stage = this.nextStage()) {
        const { seconds } = this.run.round(this.current);
        const started = performance.now();
        this.view.begin(stage, this.run);
        // What clients saw of the failed attempt is counted anew.
        if (again) this.emit({ type: 'snapshot', snapshot: this.snapshot() });
        again = false;
        const next = await this.runStage(stage);
        this.setRound({ ...next, seconds: { ...seconds, [stage]: (performance.now() - started) / 1000 } });
      }
      if (!this.closing) this.setState({ activity: 'idle' });
    } catch (error) {
      if (this.closing) return;
      const { id, stage } = this.run.round(this.current);
      const message = messageOf(error);
      this.setState({ activity: 'idle', problem: message });
      this.emit({ type: 'problem', round: id, stage, message });
    }
  }

  /** What is to be computed next; null where a person decides. The base policy leads on to the first round. */
  private nextStage(): WorkStage | null {
    const { id, stage, settings } = this.run.round(this.current);
    if (stage !== 'review' && stage !== 'done') return stage;
    if (id > 0) return null;
    this.addRound(0, settings);
    return 'sample';
  }

  private computed<S extends WorkStage>(stage: S): Promise<WorkResults[S]> {
    const result = this.compute.run(stage, this.run.round(this.current), (report) => this.report(stage, report));
    // Paused while the stage before it ended.
    if (this.state.activity === 'paused') this.compute.pause();
    return result;
  }

  /** @returns how the round changes, its next stage included */
  private async runStage(stage: WorkStage): Promise<Partial<RoundState>> {
    const { run, current } = this;
    switch (stage) {
      case 'sample':
        await this.computed('sample');
        return { stage: 'score' };
      case 'score': {
        const { pairs, dropped } = await this.computed('score');
        this.view.pairs = pairs;
        this.emit({ type: 'pairs', round: current, pairs, review: [], dropped });
        if (pairs.length === 0) throw new UserError(noPairs(current, dropped));
        return { stage: 'review', pairs: pairs.length, dropped };
      }
      case 'update': {
        const { steps, outcome } = await this.computed('update');
        if (outcome === 'aborted') {
          run.record(current, 'abort');
          this.view.metrics = [];
          return { stage: 'review', steps: null };
        }
        return { stage: 'evaluate', steps, stopped_early: outcome === 'stopped' };
      }
      case 'evaluate':
        return { stage: 'done', evaluation: await this.computed('evaluate') };
    }
  }

  private report(stage: Stage, report: Report): void {
    const { progress, response } = this.view.take(stage, report);
    if (progress !== undefined) {
      this.emit({ type: 'progress', progress });
      this.setState({ memory_mb: process.memoryUsage.rss() / 2 ** 20 });
    }
    if (response !== undefined) this.emit({ type: 'response', response });
    if (report.type === 'rewards') this.emit({ type: 'rewards', round: this.current, rewards: report.rewards });
    if (report.type === 'step') this.emit({ type: 'step', round: this.current, metrics: report.metrics });
  }

  private setRound(changes: Partial<RoundState>): void {
    const round = this.run.updateRound(this.current, changes);
    this.emit({ type: 'round', round });
  }

  private setState(changes: Partial<EngineState>): void {
    this.state = { ...this.state, ...changes };
    this.emit({ type: 'engine', engine: this.state });
  }

  private emit(event: EngineEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

function noPairs(round: number, dropped: DroppedPairs): string {
  const causes = Object.entries(dropped).map(([cause, count]) => `${count} ${cause.replace('_', ' ')}`);
  return `round ${round} gave no pairs (${causes.join(', ')}); raise sampling.samples_per_prompt or the temperature, or lower pairs.min_gap`;
}
