/** Texts of prompts and responses; as lines of the screen by marked.ts. */
import type { Prompt } from '../../../src/core/rows.js';

export { type MarkedLine, type Stretch, comparedLines, wrapped } from '../../parts/markedText.js';

/** A prompt as one text; messages with the role before each but a lone user message. */
export function promptText(prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  if (prompt.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  return prompt.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
