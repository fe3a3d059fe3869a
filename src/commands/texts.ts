/** Texts that users bring as token ids, once: what is sampled by Brevity itself is never encoded again. */
import type { Sequence } from '../dpo/sequences.js';
import { UserError } from '../errors.js';
import type { LoadedModel } from '../model/folder.js';
import type { Prompt } from '../rows.js';

/** A prompt and a response, the end-of-turn token appended where there is a chat template and it is missing. */
export function sequenceOf(
  model: LoadedModel,
  prompt: Prompt,
  response: string,
  raw: boolean,
  where: string,
): Sequence {
  const { tokenizer, generation } = model;
  if (tokenizer === null)
    throw new UserError(`${where}: ${model.dir} has no tokenizer.json, so rows must carry token ids`);
  const response_ids = tokenizer.encode(response);
  const end = tokenizer.endOfTurnIds.find((id) => generation.eosTokenIds.includes(id));
  if (!raw && tokenizer.hasChatTemplate && end !== undefined && response_ids.at(-1) !== end) response_ids.push(end);
  return { prompt_ids: tokenizer.promptIds(prompt, { raw }), response_ids };
}
