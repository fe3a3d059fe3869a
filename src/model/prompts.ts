/** Encodes prompts as token ids. */
import { UserError } from '../core/errors.js';
import type { PolicyFiles } from './policyFiles.js';
import type { Prompt } from '../core/rows.js';
import type { PromptEntry } from '../io/prompts.js';

/**
 * The ids of each prompt for this model.
 *
 * @throws UserError that names the line of a prompt that leaves no room for a response, or that needs a tokenizer
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
