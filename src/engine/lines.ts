/** Splits a socket's bytes into lines. */
import type { Socket } from 'node:net';

/**
 * @param most characters of a line; the peer decides how much it sends, so an unfinished line must not grow forever
 * @param onTooLong called once; the socket is then read no further
 */
export function readLines(socket: Socket, most: number, onLine: (line: string) => void, onTooLong: () => void): void {
  let rest: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  const take = (chunk: Buffer | string) => {
    const parts = String(chunk).split('\n');
    for (const [i, part] of parts.entries()) {
      // A long line arrives in many chunks: they are joined once, not at each.
      rest.push(part);
      length += part.length;
      if (length > most) {
        socket.off('data', take);
        rest = [];
        onTooLong();
        return;
      }
      if (i === parts.length - 1) return;
      const line = rest.join('');
      rest = [];
      length = 0;
      if (line !== '') onLine(line);
    }
  };
  socket.on('data', take);
}
