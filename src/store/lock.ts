/**
 * One engine a run directory: a lock file that names the process which holds it. A lock whose process is gone is taken
 * over.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const schema = z.object({
  pid: z.int(),
  host: z.string(),
  /** When the process started, in the kernel's ticks: tells a reused pid from the process that locked. */
  started: z.string().nullable(),
  since: z.string(),
  socket: z.string(),
});

/** Who holds a run directory. */
export type LockHolder = z.infer<typeof schema>;

export class Lock {
  private constructor(private readonly file: string) {}

  /** @returns the lock, or who holds it */
  static take(directory: string, socket: string): Lock | LockHolder {
    const file = path.join(directory, 'lock');
    const mine: LockHolder = {
      pid: process.pid,
      host: hostname(),
      started: startOf(process.pid),
      since: new Date().toISOString(),
      socket,
    };
    // Written beside and linked: nobody ever reads half a lock.
    const beside = `${file}.${process.pid}`;
    writeFileSync(beside, JSON.stringify(mine) + '\n', { mode: 0o600 });
    try {
      while (!linked(beside, file)) {
        const holder = lockHolder(directory);
        if (holder !== null) return holder;
        removeStale(file);
      }
      return new Lock(file);
    } finally {
      rmSync(beside, { force: true });
    }
  }

  release(): void {
    rmSync(this.file, { force: true });
  }
}

/** @returns whether the lock is ours; false where there is one */
function linked(beside: string, file: string): boolean {
  try {
    linkSync(beside, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Two may find the same lock stale, and the slower one must not remove what the faster one put in its place. */
function removeStale(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if (livingHolder(aside) !== null) linked(aside, file);
  rmSync(aside, { force: true });
}

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code;

/** The living process that holds a run directory; null where there is none. */
export function lockHolder(directory: string): LockHolder | null {
  return livingHolder(path.join(directory, 'lock'));
}

function livingHolder(file: string): LockHolder | null {
  let parsed: LockHolder;
  try {
    parsed = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Not there, or emptied by a power cut: nobody holds it.
    return null;
  }
  // Another host's processes cannot be seen from here: its lock counts.
  if (parsed.host !== hostname()) return parsed;
  return isAlive(parsed) ? parsed : null;
}

function isAlive({ pid, started }: LockHolder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
  return started === null || startOf(pid) === started;
}

/** Field 22 of /proc/PID/stat; null where there is no /proc. A zombie counts as gone. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'zombie' : fields[19];
  } catch {
    return null;
  }
}
