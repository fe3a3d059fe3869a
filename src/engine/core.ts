/** State shared by all parts of the engine: the run, its current round as clients see it, and the listeners. */
import { UserError } from '../core/errors.js';
import type { AttemptQueue } from '../core/queue.js';
import type { RoundState } from '../core/rounds.js';
import type { JournalEntry, Run } from '../run/run.js';
import type { Pending } from '../run/runData.js';
import type { Compute } from './compute.js';
import type { EngineEvent, EngineState, Snapshot } from '../protocol/messages.js';
import { Roles, type Terminal } from './roles.js';
import { RoundView } from './view.js';

export class Core {
  readonly roles = new Roles();
  private readonly listeners = new Set<(event: EngineEvent) => void>();
  view: RoundView;
  private toldQueue: AttemptQueue;
  state: EngineState = { pid: process.pid, backend: '', activity: 'starting', memory_mb: 0, problem: null };
  /** The engine has been told to end and accepts no more clients. */
  closing = false;

  constructor(
    readonly run: Run,
    readonly compute: Compute,
  ) {
    this.view = RoundView.read(run, run.current);
    this.toldQueue = run.queue;
  }

  /** Reads the round again after a person may have repaired its files. */
  readAgain(): void {
    this.view = RoundView.read(this.run, this.run.current);
  }

  /** Why the current round cannot be worked on: its unreadable part of run.json or of its own files. */
  get unreadable(): string | null {
    return this.run.damageOf(this.run.current) ?? this.view.problem;
  }

  /** The round being worked on or last finished. */
  get round(): RoundState {
    return this.run.round(this.run.current);
  }

  /** The command that the current round's work has yet to obey. */
  get pending(): Pending | null {
    const { pending, current } = this.run;
    return pending !== null && (pending.command === 'pause' || pending.round === current) ? pending : null;
  }

  /** Subscribes to every event from now on. @returns a function that unsubscribes */
  listen(listener: (event: EngineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** As one terminal sees it; null: as a client that is not a terminal. */
  snapshot(terminal: Terminal | null = null): Snapshot {
    return {
      directory: this.run.directory,
      config: this.run.config,
      rounds: [...this.run.rounds],
      current: this.run.current,
      engine: this.state,
      role: this.roles.of(terminal),
      queue: this.run.queue,
      ...this.view.data(),
    };
  }

  emit(event: EngineEvent): void {
    // The bye is the last event that clients get.
    if (this.closing && event.type !== 'bye') return;
    for (const listener of this.listeners) listener(event);
    for (const terminal of this.roles.terminals) terminal.send(event);
  }

  /** Sends every client a snapshot: what they knew of the round is outdated. */
  emitSnapshot(): void {
    for (const listener of this.listeners) listener({ type: 'snapshot', snapshot: this.snapshot() });
    for (const terminal of this.roles.terminals) terminal.send({ type: 'snapshot', snapshot: this.snapshot(terminal) });
  }

  setState(changes: Partial<EngineState>): void {
    this.state = { ...this.state, ...changes };
    this.emit({ type: 'engine', engine: this.state });
  }

  /** Changes the current round. */
  setRound(changes: Partial<RoundState>, entry?: JournalEntry): void {
    this.emit({ type: 'round', round: this.run.updateRound(this.run.current, changes, entry) });
    this.tellQueue();
  }

  /** Tells clients of the queue if it has changed: with a round, or by itself. */
  tellQueue(): void {
    if (this.run.queue === this.toldQueue) return;
    this.toldQueue = this.run.queue;
    this.emit({ type: 'queue', queue: this.toldQueue });
  }

  /** Changes any round. */
  changeRound(id: number, changes: Partial<RoundState>, entry?: JournalEntry): void {
    if (id === this.run.current) return this.setRound(changes, entry);
    this.run.updateRound(id, changes, entry);
    // A `round` event would make it the current one.
    this.emit({ type: 'rounds', rounds: [...this.run.rounds], current: this.run.current });
  }

  /** Adds a round that has no data yet. */
  addRound(round: RoundState, entry?: JournalEntry): void {
    this.run.addRound(round, entry);
    this.view = RoundView.read(this.run, round.id);
    this.emit({ type: 'round', round });
  }

  /** Shows another round with all its data. */
  show(id: number): void {
    if (this.run.current !== id) this.run.select(id);
    this.view = RoundView.read(this.run, id);
    this.state = { ...this.state, problem: this.unreadable };
    this.toldQueue = this.run.queue;
    this.emitSnapshot();
  }

  /** @throws UserError with `otherwise` if the condition does not hold */
  expect(condition: boolean, otherwise: string): void {
    if (!condition) throw new UserError(otherwise);
  }
}
