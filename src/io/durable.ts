/**
 * File operations that survive `kill -9` and a power cut. All files and directories that Brevity writes are written
 * here (or by jsonl.ts and model/safetensors.ts, which build on this): when a function returns, its effect is on the
 * disk.
 *
 * - A whole file: a temporary beside it, `NAME.tmp-` and 16 hex digits, is created exclusively, written, fsynced and
 *   renamed over the old file; then the directory is fsynced. After a crash the file has either the old or the new
 *   content.
 * - A whole directory: likewise, with every file and subdirectory fsynced before the rename.
 * - An append: the rows, fdatasync, and a directory fsync unless this process has already synced the file's entry.
 * - mkdir, copy and removal: fsync of the parent directory.
 *
 * Therefore two calls reach the disk in their order: what run.json names is complete before run.json names it. A killed
 * process leaves temporaries behind; `removeTemporaries` deletes them in directories that are ours.
 *
 * In a run directory ("run") files are private (0600, directories 0700) and symbolic links are never followed. A path
 * that a user gave ("user") gets the umask's mode, and links are followed.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { UserError, hasCode } from '../core/errors.js';

export type WriteTarget = 'run' | 'user';

const fileMode = { run: 0o600, user: 0o666 } as const;
const directoryMode = { run: 0o700, user: 0o777 } as const;

const temporaryPattern = /\.tmp-[0-9a-f]{16}$/;
/** Names that earlier versions gave their temporaries in a run directory. */
const oldTemporaries =
  /^((run|evaluation)\.json|[a-z-]+\.jsonl|(state|model|adapter_model)\.safetensors)\.tmp$|^policy\.saving$/;

const temporaryName = (target: string) => `${target}.tmp-${randomBytes(8).toString('hex')}`;

/**
 * Replaces a file's content, or leaves the file unchanged.
 *
 * @throws UserError if the disk is full or the file cannot be written
 */
export function writeFileAtomic(file: string, content: string, place: WriteTarget = 'run'): void {
  replaceFile(file, (handle) => writeAll(handle, Buffer.from(content)), place);
}

/** Likewise for content that is written piece by piece. */
export function replaceFile(file: string, write: (handle: number) => void, place: WriteTarget = 'run'): void {
  try {
    const target = place === 'user' && existsSync(file) ? realpathSync(file) : file;
    if (place === 'user') removeOldTemporaries(target);
    const old = existsSync(target) ? lstatSync(target) : null;
    // A device or a pipe (--out /dev/null) must not be replaced by a file.
    if (place === 'user' && old !== null && !old.isFile() && !old.isDirectory()) return writeInPlace(target, write);
    const temporary = temporaryName(target);
    try {
      const handle = openSync(temporary, 'wx', fileMode[place]);
      try {
        // Keep a mode that a user has set.
        if (old?.isFile() === true) fchmodSync(handle, old.mode & 0o777);
        write(handle);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    syncDirectory(path.dirname(target));
  } catch (cause) {
    throw writeError(file, cause);
  }
}

function writeInPlace(file: string, write: (handle: number) => void): void {
  const handle = openSync(file, constants.O_WRONLY);
  try {
    write(handle);
  } finally {
    closeSync(handle);
  }
}

/** Writes a file that does not exist yet, for a directory that `buildDirectory` fills. */
export function writeNewFile(file: string, content: string, place: WriteTarget): void {
  const handle = openSync(file, 'wx', fileMode[place]);
  try {
    writeAll(handle, Buffer.from(content));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export function writeAll(handle: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done, bytes.length - done);
}

/** Copies a file to a new name. The copy gets the target's mode: the source may be read-only. */
export function copyFile(from: string, to: string, place: WriteTarget = 'run'): void {
  copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  chmodSync(to, fileMode[place] & ~process.umask());
  syncFile(to);
  syncDirectory(path.dirname(to));
}

/** Opens a file for appending (and reading), creating it if it is missing. Call `syncEntry` after the first write. */
export function openForAppending(file: string, place: WriteTarget = 'run'): number {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
  let handle: number;
  try {
    handle = openSync(file, place === 'run' ? flags | noFollow : flags, fileMode[place]);
  } catch (cause) {
    throw writeError(file, cause);
  }
  if (place === 'run' && !fstatSync(handle).isFile()) {
    closeSync(handle);
    throw new UserError(`${file} is not a regular file; remove it`);
  }
  return handle;
}

/** 0 on Windows, which has no such flag. */
const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0;

/** Files whose directory entry this process has synced. An earlier process may have been killed before it could. */
const syncedEntries = new Set<string>();

/** @param isNew whether the file may just have been created */
export function syncEntry(file: string, isNew: boolean): void {
  if (!isNew && syncedEntries.has(file)) return;
  syncDirectory(path.dirname(file));
  syncedEntries.add(file);
}

/**
 * Creates a directory and its missing parents, one level at a time: Node's own recursive mkdir never returns where the
 * file system refuses new directories with ENOENT, as under /proc.
 *
 * @throws UserError if it cannot be created
 */
export function makeDirectory(directory: string, place: WriteTarget = 'run'): void {
  const absolute = path.resolve(directory);
  const missing: string[] = [];
  for (let folder = absolute; !existsSync(folder); folder = path.dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode: directoryMode[place] });
    } catch (cause) {
      // Another process may have created it meanwhile.
      if (!hasCode(cause, 'EEXIST')) throw directoryError(absolute, folder, cause);
    }
  }
  for (const folder of missing.reverse()) syncDirectory(path.dirname(folder));
  if (statSync(absolute, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UserError(`${absolute} is not a folder; name another place, or remove it`);
}

function directoryError(directory: string, refused: string, cause: unknown): unknown {
  if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) return writeError(directory, cause);
  return new UserError(
    `cannot create the folder ${directory}: ${path.dirname(refused)} takes no new folders; name another place`,
    { cause },
  );
}

/**
 * Creates a directory atomically: it appears complete or not at all.
 *
 * @param fill writes the files into the empty directory that it is given
 * @param move puts the filled directory in its place; by default a rename, for a target that is missing or empty
 */
export function buildDirectory(
  target: string,
  fill: (directory: string) => void,
  place: WriteTarget = 'run',
  move: (from: string, to: string) => void = moveDirectory,
): void {
  const temporary = temporaryName(target);
  try {
    makeDirectory(path.dirname(target), place);
    mkdirSync(temporary, { mode: directoryMode[place] });
    fill(temporary);
    syncTree(temporary);
    move(temporary, target);
    syncDirectory(target);
    syncDirectory(path.dirname(target));
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    throw writeError(target, cause);
  }
}

function moveDirectory(from: string, to: string): void {
  if (existsSync(to)) rmdirSync(to);
  renameSync(from, to);
}

/** Removes files and directories with their content, and ignores missing ones. Links are removed, not followed. */
export function removeAll(targets: string[]): void {
  for (const target of targets) rmSync(target, { recursive: true, force: true });
  for (const parent of new Set(targets.map((target) => path.dirname(target))))
    if (existsSync(parent)) syncDirectory(parent);
}

/** Deletes the temporaries of a killed process in a directory of ours. Nobody may be writing there. */
export function removeTemporaries(directory: string): void {
  if (!existsSync(directory)) return;
  const left = readdirSync(directory).filter((name) => temporaryPattern.test(name) || oldTemporaries.test(name));
  removeAll(left.map((name) => path.join(directory, name)));
}

/**
 * Deletes temporaries of one target, in a directory that is not ours, unless a living process may still be writing
 * them.
 */
export function removeOldTemporaries(target: string): void {
  const directory = path.dirname(target);
  const day = 24 * 3600 * 1000;
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    if (!name.startsWith(`${path.basename(target)}.tmp-`) || !temporaryPattern.test(name)) continue;
    const file = path.join(directory, name);
    if (Date.now() - lstatSync(file).mtimeMs > day) rmSync(file, { recursive: true, force: true });
  }
}

/** Syncs a directory with all files and directories in it. An update's job may replace some of them meanwhile. */
export function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const inside = path.join(directory, entry.name);
    try {
      if (entry.isDirectory()) syncTree(inside);
      else if (entry.isFile()) syncFile(inside);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
  syncDirectory(directory);
}

function syncFile(file: string): void {
  // Windows flushes only files that are open for writing.
  const handle = openSync(file, process.platform === 'win32' ? 'r+' : constants.O_RDONLY | noFollow);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Syncs created, renamed and removed entries of a directory to the disk. */
export function syncDirectory(directory: string): void {
  // Windows cannot open directories; NTFS journals their entries.
  if (process.platform === 'win32') return;
  const handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(handle);
  } catch (error) {
    // Some network and FUSE file systems cannot sync directories; they offer nothing better.
    if (!hasCode(error, 'EINVAL', 'ENOTSUP', 'ENOSYS')) throw error;
  } finally {
    closeSync(handle);
  }
}

/** Turns a failed write into a one-sentence UserError; other errors are returned unchanged. */
export function writeError(file: string, cause: unknown): unknown {
  if (cause instanceof UserError || !(cause instanceof Error && 'syscall' in cause && 'code' in cause)) return cause;
  if (hasCode(cause, 'ELOOP'))
    return new UserError(
      `${file} is a symbolic link, which Brevity does not follow in a run directory; replace it by the file itself or remove it`,
      { cause },
    );
  if (hasCode(cause, 'EACCES', 'EPERM', 'EROFS'))
    return new UserError(
      `cannot write ${file} (${String(cause.code)}); make ${path.dirname(file)} writable, or copy it to a place where you may write`,
      { cause },
    );
  const full = hasCode(cause, 'ENOSPC', 'EDQUOT');
  const why = full ? 'the disk is full; free space and try again, nothing written before is lost' : cause.message;
  return new UserError(`cannot write ${file}: ${why}`, { cause });
}
