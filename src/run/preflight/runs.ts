/** Finds the runs of a folder and reads what a list shows of each, whatever state its files are in. */
import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { type EngineClient, connect, connectIfAny } from '../../protocol/client.js';
import { UserError, hasCode, messageOf } from '../../core/errors.js';
import type { PartialConfig } from '../../core/config/partial.js';
import { removeAll, removeTemporaries } from '../../io/durable.js';
import { Lock, lockHolder } from '../../io/lock.js';
import { Run, isRun } from '../run.js';
import type { RoundState, Stage } from '../../core/rounds.js';
import { type EngineSeen, type RunEntry, type RunSeen, runsFolder } from '../../core/runs.js';

/** How long an engine may take to report its state. */
const patienceMs = 1000;

/**
 * Run directories: `cwd` itself, its subfolders and those of its `runs` folder; likewise for `more`.
 *
 * @param more folders of runs, or runs
 */
export function findRunDirectories(cwd: string, more: readonly string[]): string[] {
  const folders = [cwd, ...more].flatMap((folder) => [folder, path.join(folder, runsFolder)]);
  const found = folders.flatMap((folder) => [folder, ...subfolders(folder)]).filter(isRun);
  return [...new Set(found)].sort();
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => path.join(folder, name));
  } catch {
    // Missing or unreadable: there is no run to open.
    return [];
  }
}

/** Reads runs again whose run.json has changed since the last poll, and queries every engine. Newest first. */
export class RunList {
  private known = new Map<string, { stamp: string; entry: Omit<RunEntry, 'engine' | 'changed'> }>();

  /** @param more folders of runs, or runs, absolute */
  constructor(
    private readonly cwd: string,
    private readonly more: string[] = [],
  ) {}

  /** @returns the number of runs that were not listed before */
  add(folder: string): number {
    const before = findRunDirectories(this.cwd, this.more).length;
    if (!this.more.includes(folder)) this.more.push(folder);
    return findRunDirectories(this.cwd, this.more).length - before;
  }

  async look(): Promise<RunEntry[]> {
    const entries = await Promise.all(
      findRunDirectories(this.cwd, this.more).map((directory) => this.entry(directory)),
    );
    return entries.flatMap((entry) => entry ?? []).sort((a, b) => b.changed - a.changed);
  }

  private async entry(directory: string): Promise<RunEntry | null> {
    let stat;
    try {
      stat = statSync(path.join(directory, 'run.json'));
    } catch {
      // Deleted since the folder was listed.
      return null;
    }
    const stamp = `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
    let read = this.known.get(directory);
    if (read?.stamp !== stamp) {
      read = { stamp, entry: readEntry(directory) };
      this.known.set(directory, read);
    }
    return { ...read.entry, changed: stat.mtimeMs, engine: await engineOf(directory) };
  }
}

function readEntry(directory: string): Omit<RunEntry, 'engine' | 'changed'> {
  try {
    const run = Run.open(directory, { recount: false });
    const { rounds, config } = run;
    const evaluated = rounds.filter(({ evaluation }) => evaluation !== null).at(-1)?.evaluation ?? null;
    const seen: RunSeen = {
      model: config.model,
      rounds: rounds.filter(({ id }) => id > 0).length,
      stage: stageOf(rounds, run.current),
      reward: evaluated?.reward ?? null,
      length: evaluated?.mean_length ?? null,
      config: config as PartialConfig,
    };
    return { directory, seen, problem: null };
  } catch (error) {
    return { directory, seen: null, problem: messageOf(error) };
  }
}

function stageOf(rounds: readonly RoundState[], current: number): Stage {
  return rounds.find(({ id }) => id === current)?.stage ?? 'evaluate';
}

async function engineOf(directory: string): Promise<EngineSeen> {
  let client: EngineClient | null = null;
  let late: NodeJS.Timeout | undefined;
  const timeOut = new Promise<'late'>((resolve) => (late = setTimeout(resolve, patienceMs, 'late')));
  const asked = connectIfAny(directory).then(async (connected) => {
    client = connected;
    return client?.ask({ type: 'read-engine' }) ?? null;
  });
  try {
    const state = await Promise.race([asked, timeOut]);
    if (state === null) return withoutAnswer(directory);
    if (state === 'late') return { state: 'silent' };
    return state.problem === null ? { state: state.activity } : { state: 'problem', problem: state.problem };
  } catch {
    return { state: 'silent' };
  } finally {
    clearTimeout(late);
    // Closes a client whose answer came too late.
    asked.then(
      () => client?.close(),
      () => client?.close(),
    );
  }
}

/** Lock files that nobody held at the last test, with a stamp that changes when somebody takes the lock. */
const released = new Map<string, string>();

/** Nothing answers at the engine's socket: it has ended, is just starting or ending, or runs on another host. */
function withoutAnswer(directory: string): EngineSeen {
  const file = path.join(directory, 'lock');
  const stat = statSync(file, { throwIfNoEntry: false });
  const stamp = `${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`;
  // Testing a lock starts a program, so do not repeat it every second for each killed run.
  if (released.get(file) === stamp) return { state: 'stopped' };
  const holder = lockHolder(directory);
  if (holder === null) {
    released.set(file, stamp);
    return { state: 'stopped' };
  }
  return holder.host === hostname() ? { state: 'silent' } : { state: 'elsewhere', host: holder.host };
}

/**
 * Ends a run's engine, which saves the progress of an update.
 *
 * @throws UserError if another terminal drives it, or it does not answer
 */
export async function endEngine(directory: string): Promise<void> {
  const client = await connect(directory);
  try {
    await client.send({ type: 'attach', client: 'tui' });
    await client.send({ type: 'shutdown' });
  } finally {
    client.close();
  }
}

/** Names that make up a run directory. Anything else in it is the user's own. */
const ownFiles = ['rounds', 'engine.sock', 'engine.log', 'run.json'];

/**
 * Deletes a run. Files in its directory that are not the run's stay.
 *
 * @returns names of the remaining files
 * @throws UserError if its engine runs
 */
export function deleteRun(directory: string): string[] {
  if (!isRun(directory)) throw new UserError(`${directory} holds no run any more`);
  // No engine can start while we hold the lock.
  const lock = Lock.take(directory, '');
  if (!(lock instanceof Lock))
    throw new UserError(
      `the engine of ${directory} runs (process ${lock.pid} on ${lock.host}); end it before deleting the run`,
    );
  try {
    removeTemporaries(directory);
    // run.json last, so that an interrupted deletion can be repeated. Then the lock: an engine that has already opened
    // it finds it deleted.
    for (const name of [...ownFiles, 'lock']) removeAll([path.join(directory, name)]);
  } finally {
    lock.release();
  }
  const left = readdirSync(directory);
  if (left.length === 0) rmdirSync(directory);
  return left;
}

/** An unused name in the runs folder: `runs/NAME`, `runs/NAME-2`, … */
export function freeName(cwd: string, name: string): string {
  for (let number = 1; ; number++) {
    const candidate = path.join(runsFolder, number === 1 ? name : `${name}-${number}`);
    if (isFree(path.resolve(cwd, candidate))) return candidate;
  }
}

/** Missing, or an empty folder. */
export function isFree(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    return hasCode(error, 'ENOENT');
  }
}
