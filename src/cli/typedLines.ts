/** Lines that were typed into text fields, kept from one session to the next: one row each in the user's state directory. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type LineMemory, withLine } from '../../components/app/lineMemory.js';
import { makeDirectory } from '../io/durable.js';
import { appendJsonLines, readLastJsonLines, writeJsonLines } from '../io/jsonl.js';
import { stateFile } from '../io/trust.js';

type Environment = Record<string, string | undefined>;

const rowSchema = z.object({ kind: z.string(), text: z.string() });

/** A pasted page is no line to offer again. */
const longest = 2_000;
/** Bytes that are read, and above which older rows are dropped. */
const most = 2 ** 19;

export const typedLinesFile = (env: Environment): string => stateFile('typed.jsonl', env);

/** @throws UserError if the file cannot be read */
export function readTypedLines(env: Environment): LineMemory['typed'] {
  const file = typedLinesFile(env);
  const typed: Record<string, string[]> = {};
  for (const { kind, text } of readLastJsonLines(file, rowSchema, most))
    typed[kind] = withLine(typed[kind] ?? [], text);
  return typed;
}

/** @throws UserError if the file cannot be written */
export function rememberLine(kind: string, text: string, env: Environment): void {
  if (text.length > longest) return;
  const file = typedLinesFile(env);
  makeDirectory(path.dirname(file));
  // Only the user reads it: notes on prompts are among the lines.
  closeSync(openSync(file, 'a', 0o600));
  if (existsSync(file) && statSync(file).size > 2 * most) {
    const kept = Object.entries(readTypedLines(env)).flatMap(([of, lines]) =>
      lines.toReversed().map((line) => ({ kind: of, text: line })),
    );
    writeJsonLines(file, kept);
  }
  appendJsonLines(file, [{ kind, text }]);
}
