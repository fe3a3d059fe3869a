/**
 * The engine: owns a run, moves its rounds through their stages, and sends events to clients. It leaves computing to
 * compute.ts and sockets to server.ts.
 */
import { newRound } from '../core/rounds.js';
import type { Run } from '../run/run.js';
import { handleCommand } from './commands.js';
import type { Compute } from './compute.js';
import { Core } from './core.js';
import type { AnswerTo, EngineEvent, Query, RunCommand, Snapshot } from '../protocol/messages.js';
import { notifyByCommand } from './notify.js';
import { answer, Archive } from './queries.js';
import type { Terminal } from './roles.js';
import { Stages } from './stages.js';
import { openTrackers } from '../run/trackers/index.js';
import { TrackerFeed } from './trackers.js';

export class Engine {
  readonly core: Core;
  readonly stages: Stages;
  private readonly archive: Archive;
  private feed: TrackerFeed | null = null;

  constructor(
    run: Run,
    compute: Compute,
    private readonly onShutdown: () => void,
  ) {
    this.core = new Core(run, compute);
    this.stages = new Stages(this.core, () => this.renew());
    this.archive = new Archive(run);
  }

  /** Resumes unfinished work; a new run begins with its base policy's evaluation and its first round. */
  start(): void {
    const { run } = this.core;
    run.takeUp();
    if (run.rounds.length === 0) {
      const { dpo, update } = run.config;
      this.core.addRound(newRound(0, null, { alpha: dpo.alpha, beta: dpo.beta, lr: update.lr }));
    }
    notifyByCommand(this.core);
    this.feed = new TrackerFeed(this.core, openTrackers(run, run.config.trackers));
    this.stages.obeyAbort();
    this.stages.work();
  }

  /** Subscribes a listener that is not a terminal to every event from now on. @returns a function that unsubscribes */
  listen(listener: (event: EngineEvent) => void): () => void {
    return this.core.listen(listener);
  }

  /** @returns a function that detaches @throws UserError if it may not attach */
  attach(terminal: Terminal): () => void {
    this.core.roles.attach(terminal);
    return () => this.core.roles.leave(terminal);
  }

  takeOver(terminal: Terminal): void {
    this.core.roles.takeOver(terminal);
  }

  snapshot(terminal: Terminal | null = null): Snapshot {
    return this.core.snapshot(terminal);
  }

  backendLoaded(name: string): void {
    this.core.setState({ backend: name });
  }

  /** The engine has been told to end and accepts no more clients. */
  get ending(): boolean {
    return this.core.closing;
  }

  /** @throws UserError if another terminal drives */
  checkDriver(terminal: Terminal | null): void {
    this.core.roles.check(terminal);
  }

  /** @throws UserError if the command is not possible now, or comes from a viewer */
  handle(command: RunCommand, terminal: Terminal | null = null): void {
    this.checkDriver(terminal);
    this.core.run.beforeWrite();
    handleCommand(this, command);
  }

  /** @throws UserError if what the query asks for does not exist */
  answer<Q extends Query>(query: Q): Promise<AnswerTo<Q>> {
    return answer(this.core, this.archive, query);
  }

  /** Ends so that another process can continue: this one's device is lost. */
  private renew(): void {
    // After the reply to the current command.
    queueMicrotask(
      () => void this.shutdown('the GPU takes no more work from this engine: another one continues', true),
    );
  }

  /**
   * Ends after the micro-batch in flight; the next engine resumes unfinished work.
   *
   * @param again clients should start the next engine at once
   */
  async shutdown(reason: string, again = false): Promise<void> {
    const { core } = this;
    if (core.closing) return;
    core.closing = true;
    core.emit({ type: 'bye', reason, ...(again ? { again } : {}) });
    await this.stages.close();
    await this.feed?.close();
    this.onShutdown();
  }

  /** Ends at once and writes nothing more: another engine owns the run directory now. */
  abandon(reason: string): void {
    const { core } = this;
    if (core.closing) return;
    core.closing = true;
    core.emit({ type: 'bye', reason });
    this.onShutdown();
  }
}
