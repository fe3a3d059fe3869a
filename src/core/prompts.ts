/** Prompts as text. */
import type { Prompt } from './rows.js';

/**
 * A prompt as one text, for tables, filters and screens: a single user message unchanged, several messages each with
 * its role in front, and token ids if there is no text.
 */
export function promptText({ prompt, prompt_ids }: { prompt?: Prompt; prompt_ids?: number[] }): string {
  if (prompt === undefined) return `[${(prompt_ids ?? []).join(' ')}]`;
  if (typeof prompt === 'string') return prompt;
  if (prompt.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  return prompt.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
