/**
 * A run directory: run.json (configuration, the tree of rounds, the journal) through lowdb, and the paths of each
 * round's other files. Changes of run.json are on the disk when the call returns.
 */
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { LowSync, type SyncAdapter } from 'lowdb';
import type { Config } from '../core/config/schema.js';
import { configOf } from '../core/config/rounds.js';
import { UserError, messageOf } from '../core/errors.js';
import { heldOutRule } from '../core/heldOutPairs.js';
import { largest } from '../core/limits.js';
import { type AttemptQueue, emptyQueue } from '../core/queue.js';
import type { ReviewCounts } from '../core/review/decisions.js';
import { readCounts } from './stages/reviewFiles.js';
import {
  copyFile,
  makeDirectory,
  removeAll,
  removeTemporaries,
  syncDirectory,
  syncTree,
  writeFileAtomic,
} from '../io/durable.js';
import { checkOwner } from '../io/trust.js';
import type { RoundState } from '../core/rounds.js';
import { type Damage, type Pending, RUN_VERSION, type RunData, readRunData, writeRunData } from './runData.js';
import { log } from '../io/print.js';
import { readTextFile } from '../io/files.js';
import { roundFiles, runFiles, type RunFiles } from '../core/runFiles.js';

/** A journal entry that is written together with its change. */
export interface JournalEntry {
  action: string;
  detail?: unknown;
}

/** lowdb's adapter with durable writes. */
class RunFile implements SyncAdapter<RunData> {
  damage: Damage = { problems: [], rounds: new Map(), stray: [] };
  private copied = false;

  constructor(
    private readonly file: string,
    private readonly beforeWrite: () => void,
  ) {}

  read(): RunData | null {
    if (!existsSync(this.file)) return null;
    const { data, damage } = readRunData(readTextFile(this.file), this.file);
    this.damage = damage;
    return data;
  }

  write(data: RunData): void {
    this.beforeWrite();
    if (this.damage.problems.length > 0 && !this.copied) this.copy();
    writeFileAtomic(this.file, this.textOf(data));
  }

  textOf(data: RunData): string {
    return writeRunData(data, this.damage);
  }

  /** Keeps a copy of a damaged file, so that it can be repaired by hand. */
  private copy(): void {
    let copy = `${this.file}.damaged`;
    for (let number = 2; lstatSync(copy, { throwIfNoEntry: false }) !== undefined; number++)
      copy = `${this.file}.damaged-${number}`;
    copyFile(this.file, copy);
    this.copied = true;
  }
}

export interface RunOptions {
  /** Called before every write of run.json; throws if the run must not be written (the lock is lost). */
  beforeWrite?: () => void;
}

interface OpenOptions extends RunOptions {
  /**
   * Updates the counts that are derived from the journals of decisions. Off for lists that show none: it reads the
   * review rows of every round with decisions.
   */
  recount?: boolean;
  /** `anyone`: also opens a run of another user. Only for commands that read: an engine would run its code. */
  owner?: 'user' | 'anyone';
}

export class Run {
  private readonly db: LowSync<RunData>;
  private readonly source: RunFile;
  /** Call it before writing any other file of the run. */
  readonly beforeWrite: () => void;

  private constructor(
    readonly directory: string,
    initial: RunData | null,
    { beforeWrite = () => {} }: RunOptions = {},
  ) {
    this.beforeWrite = beforeWrite;
    this.source = new RunFile(runFile(directory), beforeWrite);
    this.db = new LowSync<RunData>(this.source, initial as RunData);
    if (initial === null) this.db.read();
    else this.db.write();
  }

  /** @throws UserError if the directory holds something else */
  static create(directory: string, config: Config): Run {
    const absolute = path.resolve(directory);
    if (existsSync(absolute) && readdirSync(absolute).length > 0) {
      throw new UserError(`${absolute} is not empty and holds no run; name another directory for the new run`);
    }
    makeDirectory(absolute);
    return new Run(absolute, {
      version: RUN_VERSION,
      config,
      rounds: [],
      current: null,
      deleted: [],
      pending: null,
      queue: emptyQueue,
      journal: [],
    });
  }

  /**
   * @throws UserError if there is no run, it cannot be read, it belongs to another user, or links in it lead elsewhere
   */
  static open(directory: string, { recount = true, owner = 'user', ...options }: OpenOptions = {}): Run {
    const absolute = path.resolve(directory);
    if (owner === 'user') checkOwner(absolute);
    if (!isRun(absolute))
      throw new UserError(
        existsSync(absolute)
          ? `${absolute} is not a run directory (it has no run.json); give the directory of a run`
          : `run ${absolute} does not exist; give the directory of a run`,
      );
    checkLayout(absolute);
    const run = new Run(absolute, null, options);
    if (recount) run.recount();
    return run;
  }

  /**
   * Counts decisions again: a crash may come after a decision is in its round's journal and before run.json counts it.
   * Changes memory only; the next write saves it.
   */
  private recount(): void {
    const { data } = this.db;
    data.rounds = data.rounds.map((round) => {
      if (round.pairs === null || round.damaged !== undefined) return round;
      try {
        const rule = heldOutRule(configOf(this.config, round), round);
        return { ...round, ...readCounts(this.files, round.id, rule) };
      } catch (error) {
        // A damaged journal is reported when its round is opened. The other rounds do not depend on it.
        if (error instanceof UserError) return round;
        throw error;
      }
    });
  }

  get config(): Config {
    return this.db.data.config;
  }

  /** One sentence for each unreadable part of run.json. */
  get problems(): readonly string[] {
    return this.source.damage.problems.map((problem) => `${runFile(this.directory)}: ${problem}`);
  }

  get rounds(): readonly RoundState[] {
    return this.db.data.rounds;
  }

  round(id: number): RoundState {
    const round = this.db.data.rounds.find((candidate) => candidate.id === id);
    if (round === undefined)
      throw new UserError(
        `run ${this.directory} has no round ${id}; it has ${this.db.data.rounds.map((r) => r.id).join(', ') || 'none'}`,
      );
    return round;
  }

  /** The round being worked on or last worked on; 0 before the first. */
  get current(): number {
    return this.db.data.current ?? this.db.data.rounds.at(-1)?.id ?? 0;
  }

  /** Makes another round the current one. */
  select(id: number, entry?: JournalEntry): void {
    this.round(id);
    this.change((data) => {
      data.current = id;
      note(data, id, entry);
    });
  }

  /**
   * The rounds from the first to this one, each the parent of the next, without the base.
   *
   * @throws UserError if one of them is damaged: its origin is unknown
   */
  branch(id: number): RoundState[] {
    const branch: RoundState[] = [];
    for (let round = this.round(id); ; round = this.round(round.parent)) {
      // The base only needs its policy, which the configuration names.
      if (round.id === 0) return branch;
      this.expectSound(round);
      if (round.parent === null) return branch;
      branch.unshift(round);
    }
  }

  /** @throws UserError that names the damaged key of run.json */
  private expectSound({ id }: RoundState): void {
    const problem = this.damageOf(id);
    if (problem !== null) throw new UserError(problem);
  }

  /** A sentence on what is unreadable of a round in run.json; null if it is sound. */
  damageOf(id: number): string | null {
    const { damaged } = this.round(id);
    if (damaged === undefined) return null;
    return `round ${id} is damaged (${runFile(this.directory)}: ${damaged}); correct that key while no engine runs, or continue from another round`;
  }

  /** The round and all its descendants. */
  descendants(id: number): RoundState[] {
    const children = this.rounds.filter(({ parent }) => parent === id);
    return [this.round(id), ...children.flatMap((child) => this.descendants(child.id))];
  }

  /**
   * An id that no round has or had. A folder with files counts too: left by a crash, or run.json was restored from a
   * backup.
   */
  nextId(): number {
    const taken = largest([-1, ...this.db.data.rounds.map((round) => round.id), ...this.db.data.deleted]);
    let next = taken + 1;
    while (existsSync(this.files.roundDir(next)) && readdirSync(this.files.roundDir(next)).length > 0) next++;
    return next;
  }

  /** The command that the work has yet to obey. */
  get pending(): Pending | null {
    return this.db.data.pending;
  }

  setPending(pending: Pending | null, entry?: JournalEntry): void {
    this.change((data) => {
      data.pending = pending;
      if (pending !== null) note(data, pending.round, entry);
    });
  }

  /** The attempts that wait, and the one that is being made. */
  get queue(): AttemptQueue {
    return this.db.data.queue;
  }

  /** @param current the round that becomes the current one with it */
  setQueue(queue: AttemptQueue, current = this.current, entry?: JournalEntry): void {
    this.change((data) => {
      data.queue = queue;
      data.current = current;
      note(data, current, entry);
    });
  }

  /** Adds a round, which becomes the current one. @param queue after it, if the round is an attempt of the queue */
  addRound(round: RoundState, entry?: JournalEntry, queue = this.queue): void {
    // Created first, so that a round that run.json names has a folder even after a crash.
    makeDirectory(this.files.roundDir(round.id));
    this.change((data) => {
      data.rounds.push(round);
      data.current = round.id;
      data.queue = queue;
      note(data, round.id, entry);
    });
  }

  /** Removes rounds, then their files; after a crash between the two, `removeDeleted` removes the rest. */
  deleteRounds(ids: number[], current: number, entry?: JournalEntry): void {
    this.change((data) => {
      data.rounds = data.rounds.filter((round) => !ids.includes(round.id));
      data.current = current;
      data.deleted = [...data.deleted, ...ids];
      if (data.pending !== null && ids.includes(data.pending.round)) data.pending = null;
      data.queue = withoutRounds(data.queue, ids);
      note(data, ids[0], entry);
    });
    this.removeDeleted();
  }

  /**
   * Removes the remaining files of deleted rounds. Never touches folders that run.json does not name: they may be the
   * only copy.
   */
  removeDeleted(): void {
    removeAll(this.db.data.deleted.map((id) => this.files.roundDir(id)));
  }

  /**
   * Prepares the run for an engine: deletes files that a killed engine left half-written or half-deleted, and syncs the
   * files of unfinished rounds. The killed engine may have written rows without syncing them; run.json must not build
   * on them while a power cut can still remove them. Call it under the lock.
   */
  takeUp(): void {
    const { roundDir, file } = this.files;
    const rounds = path.join(this.directory, 'rounds');
    for (const directory of [this.directory, rounds]) removeTemporaries(directory);
    for (const { id, stage } of this.rounds) {
      for (const directory of [roundDir(id), file(id, 'update')]) removeTemporaries(directory);
      if (stage !== 'done' && existsSync(roundDir(id))) syncTree(roundDir(id));
    }
    this.removeDeleted();
    if (existsSync(rounds)) syncDirectory(rounds);
    syncDirectory(this.directory);
  }

  /** A stop or an abort ends with its stage; a pause also holds the next one. */
  updateRound(id: number, changes: Partial<RoundState>, entry?: JournalEntry): RoundState {
    const old = this.round(id);
    this.expectSound(old);
    const round = { ...old, ...changes };
    this.change((data) => {
      data.rounds.splice(data.rounds.indexOf(old), 1, round);
      if (round.stage !== old.stage && data.pending?.round === id && data.pending.command !== 'pause')
        data.pending = null;
      // An attempt that a person aborts is in review now; whether the queue goes on is theirs to say.
      const isAborted = old.stage === 'update' && round.stage === 'review' && data.queue.running === id;
      if (isAborted) data.queue = { ...data.queue, running: null, held: data.queue.waiting.length > 0 };
      note(data, id, entry);
    });
    return round;
  }

  /**
   * Stores counts derived from a round's files. The decision is already in its journal, so a full disk is not an error
   * here: the next write saves the counts, and opening the run counts again.
   */
  setCounts(id: number, counts: ReviewCounts): RoundState {
    const { data } = this.db;
    data.rounds = data.rounds.map((round) => (round.id === id ? { ...round, ...counts } : round));
    try {
      this.db.write();
    } catch (error) {
      log(messageOf(error));
    }
    return this.round(id);
  }

  /** If the write fails (a full disk), the change in memory is undone too. */
  private change(edit: (data: RunData) => void): void {
    const { data } = this.db;
    const before = { ...data, rounds: [...data.rounds], journal: [...data.journal] };
    edit(data);
    try {
      this.db.write();
    } catch (error) {
      Object.assign(data, before);
      this.restoreFile();
      throw error;
    }
  }

  /** The new run.json may already be in place if only the directory's sync failed: restore the old content. */
  private restoreFile(): void {
    try {
      if (readFileSync(runFile(this.directory), 'utf8') !== this.source.textOf(this.db.data)) this.db.write();
    } catch (error) {
      log(messageOf(error));
    }
  }

  get files(): RunFiles {
    return runFiles(this.directory, this.config);
  }
}

function withoutRounds(queue: AttemptQueue, ids: readonly number[]): AttemptQueue {
  const waiting = queue.waiting.filter(({ round }) => !ids.includes(round));
  const running = queue.running !== null && ids.includes(queue.running) ? null : queue.running;
  return waiting.length === queue.waiting.length && running === queue.running ? queue : { ...queue, waiting, running };
}

function note({ journal }: RunData, round: number, entry: JournalEntry | undefined): void {
  if (entry !== undefined) journal.push({ at: new Date().toISOString(), round, ...entry });
}

/**
 * Refuses a run directory in which a link or a special file replaces something that Brevity reads or writes: in
 * somebody else's directory it would redirect writes and deletions. The directory itself may be reached through a link.
 *
 * @throws UserError that names the path
 */
function checkLayout(directory: string): void {
  const rounds = path.join(directory, 'rounds');
  for (const name of ['run.json', 'engine.log']) expectReal(path.join(directory, name), 'file');
  expectReal(rounds, 'directory');
  if (!existsSync(rounds)) return;
  for (const round of readdirSync(rounds).filter((name) => /^\d{4,}$/.test(name))) {
    expectReal(path.join(rounds, round), 'directory');
    for (const name of readdirSync(path.join(rounds, round))) {
      if (/\.jsonl?$/.test(name)) expectReal(path.join(rounds, round, name), 'file');
      else if (['policy', 'update', 'job', roundFiles.referencePolicy].includes(name))
        expectReal(path.join(rounds, round, name), 'directory');
    }
  }
}

/** A missing path is accepted. */
function expectReal(file: string, kind: 'file' | 'directory'): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined || (kind === 'file' ? stat.isFile() : stat.isDirectory())) return;
  const found = stat.isSymbolicLink() ? 'a symbolic link' : `not a ${kind}`;
  throw new UserError(
    `${file} is ${found}: this run is not opened, since its files would be read or written elsewhere; replace it by a ${kind} or remove it`,
  );
}

const runFile = (directory: string) => path.join(directory, 'run.json');

export function isRun(directory: string): boolean {
  return existsSync(runFile(directory));
}
