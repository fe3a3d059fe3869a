/** Prompts files: JSON lines of `{"prompt": text or messages}` or `{"prompt_ids": [..]}`; other keys are the user's own. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { PolicyFiles } from '../model/policyFiles.js';
import { type Prompt, messageSchema, tokenIdsSchema } from '../core/rows.js';
import { readJsonLines } from './jsonl.js';

export interface PromptEntry {
  /** `FILE:LINE`, for errors. */
  where: string;
  prompt?: Prompt;
  prompt_ids?: number[];
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

/** @throws UserError that names file and line of what cannot be used */
export function readPrompts(file: string): PromptEntry[] {
  if (!existsSync(file)) throw new UserError(`prompts file ${file} does not exist`);
  const rows = readJsonLines(file, promptEntrySchema, { torn: 'error', withLines: true });
  if (rows.length === 0)
    throw new UserError(`prompts file ${file} holds no prompts; expected a JSON object with "prompt" on each line`);
  return rows.map(({ row: { prompt, prompt_ids }, line }) => ({ where: `${file}:${line}`, prompt, prompt_ids }));
}

/**
 * The ids of each prompt for this model.
 *
 * @throws UserError that names the line of a prompt that leaves no room for an answer, or that needs a tokenizer
 */
export function encodePrompts(
  model: Pick<PolicyFiles, 'dir' | 'config' | 'tokenizer'>,
  prompts: PromptEntry[],
  options: { raw: boolean },
): number[][] {
  const context = model.config.max_positions;
  return prompts.map(({ where, prompt, prompt_ids }) => {
    const ids = prompt_ids ?? encode(model, prompt as Prompt, options.raw, where);
    if (ids.length >= context) {
      throw new UserError(
        `${where}: the prompt has ${ids.length} tokens and the context of ${model.dir} is ${context}; shorten or remove it`,
      );
    }
    const bad = ids.find((id) => id >= model.config.vocab_size);
    if (bad !== undefined)
      throw new UserError(
        `${where}: token id ${bad} is outside the vocabulary of ${model.dir}, which ends at ${model.config.vocab_size - 1}`,
      );
    return ids;
  });
}

function encode(model: Pick<PolicyFiles, 'dir' | 'tokenizer'>, prompt: Prompt, raw: boolean, where: string): number[] {
  if (model.tokenizer === null)
    throw new UserError(`${where}: ${model.dir} has no tokenizer.json, so prompts must come as "prompt_ids"`);
  if (typeof prompt !== 'string' && !model.tokenizer.hasChatTemplate) {
    throw new UserError(`${where}: the tokenizer of ${model.dir} has no chat template, so prompts must be text`);
  }
  return model.tokenizer.promptIds(prompt, { raw });
}
