/**
 * The engine: owns a run, moves its rounds through their stages, and tells clients what happens. It computes nothing
 * itself (compute.ts) and knows no sockets (server.ts).
 */
import { newRound } from '../core/rounds.js';
import type { Run } from '../run/run.js';
import { handleCommand } from './commands.js';
import type { Compute } from './compute.js';
import { Core } from './core.js';
import type { AnswerTo, EngineEvent, Query, RunCommand, Snapshot } from '../protocol/messages.js';
import { answer, Archive } from './queries.js';
import type { Terminal } from './roles.js';
import { Stages } from './stages.js';

export class Engine {
  readonly core: Core;
  readonly stages: Stages;
  private readonly archive: Archive;

  constructor(
    run: Run,
    compute: Compute,
    private readonly onShutdown: () => void,
  ) {
    this.core = new Core(run, compute);
    this.stages = new Stages(this.core, () => this.renew());
    this.archive = new Archive(run);
  }

  /** Takes up unfinished work; a new run begins with its base policy's evaluation and its first round. */
  start(): void {
    const { run } = this.core;
    run.takeUp();
    if (run.rounds.length === 0) {
      const { dpo, update } = run.config;
      this.core.addRound(newRound(0, null, { alpha: dpo.alpha, beta: dpo.beta, lr: update.lr }));
    }
    this.stages.obeyAbort();
    this.stages.work();
  }

  /** Every event from now on, for somebody who is no terminal. @returns how to stop listening */
  listen(listener: (event: EngineEvent) => void): () => void {
    return this.core.listen(listener);
  }

  /** @returns how to leave @throws UserError where it may not */
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

  /** It has been told to end and takes no more clients. */
  get ending(): boolean {
    return this.core.closing;
  }

  /** @throws UserError where another terminal drives */
  checkDriver(terminal: Terminal | null): void {
    this.core.roles.check(terminal);
  }

  /** @throws UserError where the command has no place now, or comes from a terminal that looks on */
  handle(command: RunCommand, terminal: Terminal | null = null): void {
    this.checkDriver(terminal);
    this.core.run.beforeWrite();
    handleCommand(this, command);
  }

  /** @throws UserError where there is no such thing */
  answer<Q extends Query>(query: Q): Promise<AnswerTo<Q>> {
    return answer(this.core, this.archive, query);
  }

  /** Lets another process go on: this one's device is lost. */
  private renew(): void {
    // The command that led here is answered first.
    queueMicrotask(
      () => void this.shutdown('the GPU takes no more work from this engine: another one continues', true),
    );
  }

  /**
   * Ends after the micro-batch in flight; unfinished work is taken up by the next engine.
   *
   * @param again clients are to start it at once
   */
  async shutdown(reason: string, again = false): Promise<void> {
    const { core } = this;
    if (core.closing) return;
    core.closing = true;
    core.emit({ type: 'bye', reason, ...(again ? { again } : {}) });
    await this.stages.close();
    this.onShutdown();
  }

  /** Ends at once and writes nothing more: the run directory is not this engine's any longer. */
  abandon(reason: string): void {
    const { core } = this;
    if (core.closing) return;
    core.closing = true;
    core.emit({ type: 'bye', reason });
    this.onShutdown();
  }
}
