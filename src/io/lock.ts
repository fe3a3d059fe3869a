/**
 * One engine per run directory: an exclusive flock(2) on RUN/lock. The kernel releases it whenever the engine ends,
 * even after a crash, so no lock is left behind, and no pid or host name decides who holds it. The file's text names
 * the holder, for messages and for clients that attach.
 *
 * Node has no flock. The file is opened here, and a helper program locks the descriptor that it inherits: the lock
 * belongs to the open file, which the helper shares with this process, and remains when the helper exits. Node opens
 * files close-on-exec, so no other child process inherits the descriptor and keeps the lock alive.
 */
import { spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { UserError, hasCode, messageOf } from '../core/errors.js';
import { writeError } from './durable.js';
import { commandLine, shellQuote } from '../core/shell.js';

/** Version 1, without a `version` field, was a lock by the file's mere existence. */
const LOCK_VERSION = 2;

const schema = z.object({
  pid: z.int().min(1),
  host: z.string(),
  /** Start time of the process, in the kernel's ticks. Earlier versions use it to detect a reused pid. */
  started: z.string().nullable(),
  since: z.string(),
  socket: z.string(),
  version: z.int().default(1),
});

/** The process that holds a run directory, as it describes itself. */
export type LockHolder = z.infer<typeof schema>;

export class Lock {
  private readonly identity: string;

  private constructor(
    private readonly file: string,
    private readonly descriptor: number,
  ) {
    this.identity = identityOf(fstatSync(descriptor, { bigint: true }));
  }

  /**
   * @returns the lock, or its current holder
   * @throws UserError if the file system or the machine cannot lock
   */
  static take(directory: string, socket: string): Lock | LockHolder {
    const file = path.join(directory, 'lock');
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const descriptor = openLock(file);
      let kept = false;
      try {
        if (!flock(descriptor, 'exclusive', file)) {
          const holder = currentHolder(file);
          if (holder !== null) return holder;
          // The lock was released meanwhile, or it is lockHolder's shared lock, which lasts for milliseconds.
          pause(RETRY_MS * Math.random());
          continue;
        }
        // The file was deleted or replaced between opening and locking, so this lock excludes nobody.
        if (identityOf(fstatSync(descriptor, { bigint: true })) !== identityAt(file)) continue;
        const earlier = holderOfEarlierVersion(file);
        if (earlier !== null) return earlier;
        write(descriptor, file, socket);
        // Some network and user-space file systems accept every lock and enforce none.
        if (!isLocked(file))
          throw new UserError(
            `the file system of ${directory} does not enforce file locks, so two engines could write to the run at once; move the run to a local disk`,
          );
        kept = true;
        return new Lock(file, descriptor);
      } finally {
        if (!kept) closeSync(descriptor);
      }
    }
    throw new UserError(`${file} is kept locked by a program that is not an engine; find it with \`fuser ${file}\``);
  }

  /** For `checkLock` before every write to the run, in any thread. */
  get witness(): LockWitness {
    return { file: this.file, identity: this.identity };
  }

  /** Empties the file but does not delete it: that could delete the lock of the next holder. */
  release(): void {
    try {
      ftruncateSync(this.descriptor);
    } finally {
      closeSync(this.descriptor);
    }
  }
}

/** A lock file, with its device and inode at the time of locking. */
export interface LockWitness {
  file: string;
  identity: string;
}

/**
 * Called before every write to the run.
 *
 * @throws UserError if the lock file is no longer the one that the engine locked
 */
export function checkLock({ file, identity }: LockWitness): void {
  if (identityAt(file) === identity) return;
  throw new UserError(
    `${file} was deleted or replaced while this engine ran (perhaps with its directory, or that was moved), so another engine may own the run: this one ends and writes nothing more`,
  );
}

/**
 * The process that holds a run directory; null if none does. Starts a helper program unless the file is empty, so call
 * it rarely: to attach, connect to `readHolder`'s socket first.
 */
export function lockHolder(directory: string): LockHolder | null {
  const file = path.join(directory, 'lock');
  if (read(file) === '') return null;
  return currentHolder(file) ?? holderOfEarlierVersion(file);
}

/** The process that the lock file names. It may have ended: see `lockHolder`. */
export function readHolder(directory: string): LockHolder | null {
  return parse(read(path.join(directory, 'lock')));
}

/** One sentence on who holds the run and what to do. */
export function heldMessage(directory: string, holder: LockHolder): string {
  const { pid, host, since, version } = holder;
  if (host === hostname())
    return `${directory} is held by the engine of process ${pid} on ${host} since ${since}; attach to it with \`${commandLine(shellQuote(directory))}\``;
  const held = `${directory} is held by an engine on another host (process ${pid} on ${host} since ${since}; this is ${hostname()})`;
  if (version < LOCK_VERSION)
    return `${held}, started by an earlier Brevity: end it there, or, if it no longer runs, delete ${path.join(directory, 'lock')}`;
  return `${held}: attach to it there with \`${commandLine(shellQuote(directory))}\`, or end it there with \`kill ${pid}\``;
}

const MAX_ATTEMPTS = 50;
const RETRY_MS = 40;
/** How long a holder may take from locking the file to writing its name. */
const NAMING_MS = 2000;

function write(descriptor: number, file: string, socket: string): void {
  const me: LockHolder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    since: new Date().toISOString(),
    socket,
    version: LOCK_VERSION,
  };
  const bytes = Buffer.from(JSON.stringify(me) + '\n');
  try {
    // Write everything at once and only then truncate: a reader finds a whole first line at any moment.
    if (writeSync(descriptor, bytes, 0, bytes.length, 0) < bytes.length) throw noSpace();
    ftruncateSync(descriptor, bytes.length);
  } catch (cause) {
    ftruncateSync(descriptor);
    throw writeError(file, cause);
  }
}

const noSpace = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });

function openLock(file: string): number {
  try {
    return openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw writeError(file, cause);
  }
}

/** Tries a shared lock and releases it at once. */
function isLocked(file: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return !flock(descriptor, 'shared', file);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The process that has locked the file; null if none has. A new holder takes a moment to write its name: until then the
 * file is empty, or names its predecessor.
 */
function currentHolder(file: string): LockHolder | null {
  for (const deadline = Date.now() + NAMING_MS; ; pause(RETRY_MS)) {
    // Test again each time: a released holder empties the file too.
    if (!isLocked(file)) return null;
    const holder = parse(read(file));
    const late = Date.now() > deadline;
    // A process in another container looks the same from here as one that has ended.
    if (holder !== null && (late || holder.host !== hostname() || isAlive(holder))) return holder;
    if (late)
      throw new UserError(
        `${file} is locked by a process that has not written its name; find it with \`fuser ${file}\` and end it`,
      );
  }
}

/**
 * An engine from before flock, whose lock is the file's existence. Processes of another host are invisible, so they
 * count as alive.
 */
function holderOfEarlierVersion(file: string): LockHolder | null {
  const holder = parse(read(file));
  if (holder === null || holder.version >= LOCK_VERSION) return null;
  return holder.host !== hostname() || isAlive(holder) ? holder : null;
}

function isAlive({ pid, started }: LockHolder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
  return started === null || startOf(pid) === started;
}

function parse(text: string): LockHolder | null {
  try {
    return schema.parse(JSON.parse(text.split('\n', 1)[0]));
  } catch {
    return null;
  }
}

/** Empty if the file does not exist. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const identityOf = ({ dev, ino }: BigIntStats) => `${dev}:${ino}`;

/** null if the file is missing or inaccessible. */
function identityAt(file: string): string | null {
  try {
    return identityOf(statSync(file, { bigint: true }));
  } catch {
    return null;
  }
}

type Mode = 'exclusive' | 'shared';

const flockOf = { exclusive: 'LOCK_EX', shared: 'LOCK_SH' } as const;

/** Programs that lock descriptor 3 without waiting. Status 1 without a message: another process holds the lock. */
const lockers: readonly { program: string; args(mode: Mode): string[] }[] = [
  // util-linux and BusyBox
  { program: 'flock', args: (mode) => ['-n', mode === 'exclusive' ? '-x' : '-s', '3'] },
  // macOS
  {
    program: 'perl',
    args: (mode) => [
      '-e',
      `use Fcntl ':flock'; use Errno; open(my $f, '+<&=', 3) or open($f, '<&=', 3) or die "$!\\n"; exit 0 if flock($f, ${flockOf[mode]} | LOCK_NB); exit 1 if $!{EWOULDBLOCK}; print STDERR "$!\\n"; exit 2`,
    ],
  },
  {
    program: 'python3',
    args: (mode) => [
      '-c',
      `import fcntl, sys\ntry: fcntl.flock(3, fcntl.${flockOf[mode]} | fcntl.LOCK_NB)\nexcept BlockingIOError: sys.exit(1)\nexcept OSError as error: sys.exit(error.strerror)`,
    ],
  },
];

/** Longer than a helper takes to start on a busy machine; a network file system may never answer. */
const LOCK_TIMEOUT_MS = 30_000;

/** @returns false if another process holds the lock @throws UserError if the file cannot be locked at all */
function flock(descriptor: number, mode: Mode, file: string): boolean {
  for (const { program, args } of lockers) {
    const { status, signal, stderr, error } = spawnSync(program, args(mode), {
      stdio: ['ignore', 'ignore', 'pipe', descriptor],
      encoding: 'utf8',
      timeout: LOCK_TIMEOUT_MS,
    });
    if (hasCode(error, 'ENOENT', 'EACCES')) continue;
    if (status === 0) return true;
    const said = stderr.trim();
    if (status === 1 && said === '') return false;
    const why =
      said ||
      (error === undefined ? `${program} ended with ${signal ?? `status ${String(status)}`}` : messageOf(error));
    throw new UserError(
      `${file} cannot be locked (${why}); a run must lie on a file system that supports file locks (flock), such as a local disk`,
    );
  }
  throw new UserError(
    `${file} cannot be locked: none of the programs ${lockers.map(({ program }) => program).join(', ')} was found in PATH; install one of them (flock is part of util-linux)`,
  );
}

/** Blocks the thread: locks are taken before anything else runs. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * Start time of a process, field 22 of /proc/PID/stat; null without /proc or without such a process. A zombie counts as
 * ended.
 */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'zombie' : fields[19];
  } catch {
    return null;
  }
}
