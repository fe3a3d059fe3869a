/** Splits a socket's bytes into lines. */
import type { Socket } from 'node:net';

export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest: string[] = [];
  socket.setEncoding('utf8');
  socket.on('data', (chunk: Buffer | string) => {
    const parts = String(chunk).split('\n');
    // A long line arrives in many chunks: they are joined once, not at each.
    rest.push(parts[0]);
    for (let i = 1; i < parts.length; i++) {
      const line = rest.join('');
      rest = [parts[i]];
      if (line !== '') onLine(line);
    }
  });
}
