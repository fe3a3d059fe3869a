import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readTypedLines, rememberLine, typedLinesFile } from '../../src/cli/typedLines.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const env = { XDG_STATE_HOME: path.join(folder, 'state') };

it('lines are kept by kind of field, the newest first, for the user alone', () => {
  expect(readTypedLines(env)).toEqual({});
  for (const text of ['flipped', 'near', 'flipped']) rememberLine('review/filter', text, env);
  rememberLine('review/note', 'why', env);
  expect(readTypedLines(env)).toEqual({ 'review/filter': ['flipped', 'near'], 'review/note': ['why'] });
  expect(statSync(typedLinesFile(env)).mode & 0o077).toBe(0);
});

it('a pasted page is not kept, and a file that has grown is made short again', () => {
  rememberLine('review/note', 'x'.repeat(5_000), env);
  expect(readTypedLines(env)['review/note']).toEqual(['why']);
  const row = JSON.stringify({ kind: 'old', text: 'y'.repeat(1_000) });
  writeFileSync(typedLinesFile(env), `${row}\n`.repeat(1_100));
  rememberLine('review/note', 'last', env);
  expect(statSync(typedLinesFile(env)).size).toBeLessThan(5_000);
  expect(readTypedLines(env)).toEqual({ old: ['y'.repeat(1_000)], 'review/note': ['last'] });
});
