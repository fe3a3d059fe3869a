/** Whole files written beside and renamed: a crash leaves the old content or the new, never half of it. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { UserError } from '../errors.js';

/** @throws UserError where the disk is full or cannot be written; the old content then stays */
export function writeFileAtomic(file: string, content: string): void {
  const temporary = `${file}.tmp`;
  let handle: number | null = null;
  try {
    handle = openSync(temporary, 'w');
    const bytes = Buffer.from(content);
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done);
    fsyncSync(handle);
    closeSync(handle);
    handle = null;
    renameSync(temporary, file);
  } catch (cause) {
    if (handle !== null) closeSync(handle);
    rmSync(temporary, { force: true });
    throw writeError(file, cause);
  }
}

/** A write that failed, as one sentence; what is no failure of the file system comes back as it is. */
export function writeError(file: string, cause: unknown): unknown {
  if (cause instanceof UserError || !(cause instanceof Error && 'syscall' in cause && 'code' in cause)) return cause;
  const full = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  const why = full ? 'the disk is full; free space and try again, nothing written before is lost' : cause.message;
  return new UserError(`cannot write ${file}: ${why}`, { cause });
}
