/**
 * A run directory: run.json (configuration, the tree of rounds, the journal) through lowdb, and where everything else of
 * a round lies. Whatever changes run.json is on the disk when the call returns.
 */
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { LowSync, type SyncAdapter } from 'lowdb';
import { z } from 'zod';
import { type Config, configSchema } from '../config/schema.js';
import { UserError, messageOf } from '../errors.js';
import { readCounts } from '../rounds/reviewFiles.js';
import { makeDirectory, removeAll, removeTemporaries, syncDirectory, syncTree, writeFileAtomic } from './durable.js';
import { checkOwner } from './owner.js';
import { type RoundState, stages } from './rounds.js';

/** 2 has branches: overrides, verdicts, names, deleted rounds. A run of version 1 is one branch without any of them. */
export const RUN_VERSION = 2;

const id = z.int().min(0);

const roundSchema = z.looseObject({
  id,
  parent: id.nullable(),
  stage: z.enum(stages),
  overrides: z.looseObject({}).default({}),
  redo_of: id.nullable().default(null),
  sampled: z.looseObject({}).nullable().default(null),
  verdict: z.enum(['accepted', 'rejected']).nullable().default(null),
  decisions: z.looseObject({}).nullable().default(null),
  name: z.string().default(''),
  note: z.string().default(''),
});

const pendingSchema = z.object({
  command: z.enum(['pause', 'stop', 'abort']),
  round: id,
  step: id.nullable().default(null),
});

const runSchema = z.object({
  version: z.literal([1, RUN_VERSION]).transform(() => RUN_VERSION),
  config: configSchema,
  rounds: z.array(roundSchema),
  current: id.nullable().default(null),
  deleted: z.array(id).default([]),
  pending: pendingSchema.nullable().default(null),
  journal: z.array(z.unknown()),
});

/** A command that the work has yet to obey, kept so that the next engine obeys it if this one is killed. */
export interface Pending {
  command: 'pause' | 'stop' | 'abort';
  round: number;
  /** `stop` in an update: how many steps the update had taken. */
  step: number | null;
}

/** An entry of the journal that is written together with the change it stands for. */
export interface JournalEntry {
  action: string;
  detail?: unknown;
}

interface RunData {
  version: typeof RUN_VERSION;
  config: Config;
  rounds: RoundState[];
  /** The round that was worked on last; null: the newest. */
  current: number | null;
  /** Ids of rounds that are no more: never given again, and their files may still have to be removed. */
  deleted: number[];
  pending: Pending | null;
  /** What people decided, in order. */
  journal: { at: string; round: number; action: string; detail?: unknown }[];
}

/** lowdb's adapter over durable writes. */
class RunFile implements SyncAdapter<RunData> {
  constructor(
    private readonly file: string,
    private readonly beforeWrite: () => void,
  ) {}

  read(): RunData | null {
    if (!existsSync(this.file)) return null;
    let json: unknown;
    try {
      json = JSON.parse(readFileSync(this.file, 'utf8'));
    } catch (cause) {
      throw new UserError(
        `${this.file} is damaged (${messageOf(cause)}); restore it from a copy, the rounds' files beside it are intact`,
        { cause },
      );
    }
    const version = (json as { version?: unknown } | null)?.version;
    if (typeof version === 'number' && version > RUN_VERSION) {
      throw new UserError(
        `${this.file} was written by a newer Brevity (version ${version}, this one reads ${RUN_VERSION}); update Brevity to open this run`,
      );
    }
    const parsed = runSchema.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UserError(`${this.file} is not a run that can be read (${issue.path.join('.')}: ${issue.message})`);
    }
    const { rounds, deleted } = parsed.data;
    const both = rounds.find((round) => deleted.includes(round.id));
    if (both !== undefined)
      throw new UserError(
        `${this.file} lists round ${both.id} in \`deleted\` and in \`rounds\`; remove it from \`deleted\` to keep its files`,
      );
    return parsed.data as unknown as RunData;
  }

  write(data: RunData): void {
    this.beforeWrite();
    writeFileAtomic(this.file, textOf(data));
  }
}

export interface RunOptions {
  /** Called before every write of run.json; throws if the run must not be written (the lock is lost). */
  beforeWrite?: () => void;
}

interface OpenOptions extends RunOptions {
  /**
   * Brings the counts that follow from the journals of decisions up to date. Off for lists that show none: it reads the
   * review rows of every round with decisions.
   */
  recount?: boolean;
  /** `anyone`: also a run of another user. Only for commands that read: an engine would run its code. */
  owner?: 'user' | 'anyone';
}

export class Run {
  private readonly db: LowSync<RunData>;
  /** Call it before writing any other file of the run. */
  readonly beforeWrite: () => void;

  private constructor(
    readonly directory: string,
    initial: RunData | null,
    { beforeWrite = () => {} }: RunOptions = {},
  ) {
    this.beforeWrite = beforeWrite;
    this.db = new LowSync<RunData>(new RunFile(runFile(directory), beforeWrite), initial as RunData);
    if (initial === null) this.db.read();
    else this.db.write();
  }

  /** @throws UserError where the directory holds something else */
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
      journal: [],
    });
  }

  /** @throws UserError if there is no run, it cannot be read, it belongs to another user, or links in it lead elsewhere */
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
   * A decision is in its round's journal before run.json counts it, and a crash may come in between. Changes memory only:
   * whoever writes next writes it too.
   */
  private recount(): void {
    const { data } = this.db;
    data.rounds = data.rounds.map((round) => {
      if (round.pairs === null) return round;
      try {
        return { ...round, ...readCounts(this.files, round.id) };
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

  /** The round being worked on or worked on last; 0 where there is none yet. */
  get current(): number {
    return this.db.data.current ?? this.db.data.rounds.at(-1)?.id ?? 0;
  }

  set current(id: number) {
    this.round(id);
    this.change((data) => (data.current = id));
  }

  /** The rounds from the first to this one, each the parent of the next; the base is not among them. */
  branch(id: number): RoundState[] {
    const branch: RoundState[] = [];
    for (let round = this.round(id); round.parent !== null; round = this.round(round.parent)) branch.unshift(round);
    return branch;
  }

  /** The round and all that came from it. */
  descendants(id: number): RoundState[] {
    const children = this.rounds.filter(({ parent }) => parent === id);
    return [this.round(id), ...children.flatMap((child) => this.descendants(child.id))];
  }

  /** An id that no round has or had. A folder with files in it counts too: a crash, or an older run.json put back. */
  nextId(): number {
    const taken = Math.max(-1, ...this.db.data.rounds.map((round) => round.id), ...this.db.data.deleted);
    let next = taken + 1;
    while (existsSync(this.files.roundDir(next)) && readdirSync(this.files.roundDir(next)).length > 0) next++;
    return next;
  }

  /** The command that the work has yet to obey. */
  get pending(): Pending | null {
    return this.db.data.pending;
  }

  set pending(pending: Pending | null) {
    this.change((data) => (data.pending = pending));
  }

  /** Adds a round, which becomes the current one. */
  addRound(round: RoundState, entry?: JournalEntry): void {
    // First: a round that run.json names has a folder, whenever a crash comes.
    makeDirectory(this.files.roundDir(round.id));
    this.change((data) => {
      data.rounds.push(round);
      data.current = round.id;
      note(data, round.id, entry);
    });
  }

  /** Removes rounds, then their files: after a crash between the two, `removeDeleted` does the rest. */
  deleteRounds(ids: number[], current: number, entry?: JournalEntry): void {
    this.change((data) => {
      data.rounds = data.rounds.filter((round) => !ids.includes(round.id));
      data.current = current;
      data.deleted = [...data.deleted, ...ids];
      if (data.pending !== null && ids.includes(data.pending.round)) data.pending = null;
      note(data, ids[0], entry);
    });
    this.removeDeleted();
  }

  /** Removes what is left of deleted rounds. Never folders that run.json does not name: they may be all that is left. */
  removeDeleted(): void {
    removeAll(this.db.data.deleted.map((id) => this.files.roundDir(id)));
  }

  /**
   * What an engine does before it works on the run: deletes what a killed one left half-written or half-deleted, and
   * syncs the files of unfinished rounds. The killed engine may have written rows that it could not sync any more;
   * run.json must not build on them while a power cut can still take them away. Call it under the lock.
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

  /** A stop or an abort of a stage ends with the stage; a pause holds the next one too. */
  updateRound(id: number, changes: Partial<RoundState>, entry?: JournalEntry): RoundState {
    const old = this.round(id);
    const round = { ...old, ...changes };
    this.change((data) => {
      data.rounds.splice(data.rounds.indexOf(old), 1, round);
      if (round.stage !== old.stage && data.pending?.round === id && data.pending.command !== 'pause')
        data.pending = null;
      note(data, id, entry);
    });
    return round;
  }

  record(round: number, action: string, detail?: unknown): void {
    this.change((data) => note(data, round, { action, detail }));
  }

  /** What cannot be written (a full disk) does not count in memory either. */
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

  /** The new run.json may be in its place and only the directory's sync have failed: the refused change must not stay. */
  private restoreFile(): void {
    try {
      if (readFileSync(runFile(this.directory), 'utf8') !== textOf(this.db.data)) this.db.write();
    } catch (error) {
      console.error(messageOf(error));
    }
  }

  get files(): RunFiles {
    return runFiles(this.directory, this.config);
  }
}

const textOf = (data: RunData) => JSON.stringify(data, null, 1) + '\n';

function note({ journal }: RunData, round: number, entry: JournalEntry | undefined): void {
  if (entry !== undefined) journal.push({ at: new Date().toISOString(), round, ...entry });
}

/**
 * Refuses a run directory in which a link or a special file takes the place of something that Brevity reads or writes:
 * in a directory from somebody else they would redirect writes and deletions. The directory itself may be reached
 * through a link.
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
      else if (name === 'policy' || name === 'update') expectReal(path.join(rounds, round, name), 'directory');
    }
  }
}

/** Nothing at all is fine too. */
function expectReal(file: string, kind: 'file' | 'directory'): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined || (kind === 'file' ? stat.isFile() : stat.isDirectory())) return;
  const found = stat.isSymbolicLink() ? 'a symbolic link' : `not a ${kind}`;
  throw new UserError(
    `${file} is ${found}: this run is not opened, since its files would be read or written elsewhere; replace it by a ${kind} or remove it`,
  );
}

/** Where a run keeps what. */
export interface RunFiles {
  roundDir(round: number): string;
  /** A file of a round's folder. */
  file(round: number, name: string): string;
  /** The policy that a round ended with; round 0's is the base. */
  policyDir(round: number): string;
}

export function runFiles(directory: string, config: Config): RunFiles {
  const roundDir = (round: number) => path.join(directory, 'rounds', String(round).padStart(4, '0'));
  const file = (round: number, name: string) => path.join(roundDir(round), name);
  return { roundDir, file, policyDir: (round) => (round === 0 ? config.model : file(round, 'policy')) };
}

const runFile = (directory: string) => path.join(directory, 'run.json');

export function isRun(directory: string): boolean {
  return existsSync(runFile(directory));
}
