/**
 * One engine a run directory: a lock file that names the process which holds it. A lock whose process is gone is taken
 * over.
 */
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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
    for (;;) {
      try {
        const handle = openSync(file, 'wx', 0o600);
        writeSync(handle, JSON.stringify(mine) + '\n');
        closeSync(handle);
        return new Lock(file);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const holder = lockHolder(directory);
      if (holder !== null) return holder;
      rmSync(file, { force: true });
    }
  }

  release(): void {
    rmSync(this.file, { force: true });
  }
}

/** The living process that holds a run directory; null where there is none. */
export function lockHolder(directory: string): LockHolder | null {
  const file = path.join(directory, 'lock');
  if (!existsSync(file)) return null;
  let parsed: LockHolder;
  try {
    parsed = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Torn by a crash while it was written: nobody holds it.
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
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
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
