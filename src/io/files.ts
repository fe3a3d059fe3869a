/** Reads whole files up to a size limit. */
import { closeSync, openSync, readSync } from 'node:fs';
import { messageOf, UserError } from '../core/errors.js';
import { MAX_FILE, megabytes, withoutMark } from '../core/limits.js';

/**
 * Reads a whole text file, without its byte order mark.
 *
 * @throws UserError if the file cannot be read or has more than `most` bytes
 */
export function readTextFile(file: string, most = MAX_FILE): string {
  const chunks: Buffer[] = [];
  let size = 0;
  let handle: number | null = null;
  try {
    handle = openSync(file, 'r');
    // Read to the end: stat gives no size for a pipe or a device.
    for (;;) {
      const chunk = Buffer.allocUnsafe(size === 0 ? 64 * 1024 : 2 ** 20);
      const read = readSync(handle, chunk, 0, chunk.length, null);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      size += read;
      if (size > most) throw new UserError(`${file} is larger than ${megabytes(most)}; expected a smaller file`);
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`cannot read ${file}: ${messageOf(cause)}`, { cause });
  } finally {
    if (handle !== null) closeSync(handle);
  }
  return withoutMark(Buffer.concat(chunks, size).toString());
}
