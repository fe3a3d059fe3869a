/**
 * Reads prompts files: JSON lines of `{"prompt": text or messages}` or `{"prompt_ids": [..]}`; other keys are the
 * user's own.
 */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { type Prompt, messageSchema, tokenIdsSchema } from '../core/rows.js';
import { readJsonLines } from './jsonl.js';

export interface PromptEntry {
  /** `FILE:LINE`, for errors. */
  where: string;
  prompt?: Prompt;
  prompt_ids?: number[];
  /** The whole row with the user's own keys; only if it was asked for. */
  row?: Readonly<Record<string, unknown>>;
}

const notEmpty = (text: string) => text.trim() !== '';

export const promptEntrySchema = z
  .looseObject({
    prompt: z
      .union([
        z.string().refine(notEmpty, 'the prompt is empty; remove the line or write one'),
        z
          .array(messageSchema)
          .min(1, 'the prompt has no messages; remove the line or write one')
          .refine(
            (messages) => notEmpty(messages[messages.length - 1]?.content ?? ''),
            'the last message is empty; remove the line or write one',
          ),
      ])
      .optional(),
    prompt_ids: tokenIdsSchema.min(1, 'prompt_ids is empty; remove the line or give token ids').optional(),
  })
  .refine(
    ({ prompt, prompt_ids }) => prompt !== undefined || prompt_ids !== undefined,
    'expected "prompt" (text or messages) or "prompt_ids" (token ids)',
  );

/**
 * @param rows also return the rows as they are, which takes memory for a user's own keys
 * @throws UserError that names file and line of an unusable prompt
 */
export function readPrompts(file: string, { rows: withRows = false } = {}): PromptEntry[] {
  if (!existsSync(file)) throw new UserError(`prompts file ${file} does not exist`);
  const rows = readJsonLines(file, promptEntrySchema, { torn: 'error', withLines: true });
  if (rows.length === 0)
    throw new UserError(`prompts file ${file} holds no prompts; expected a JSON object with "prompt" on each line`);
  return rows.map(({ row, line }) => ({
    where: `${file}:${line}`,
    prompt: row.prompt,
    prompt_ids: row.prompt_ids,
    ...(withRows && { row }),
  }));
}
