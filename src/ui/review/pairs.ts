/**
 * What the review screen needs of each pair, computed once for an array of pairs and kept as long as the array: rewards
 * and lengths for the margins, and the selected pair's texts wrapped to the screen.
 */
import type { PairRow, Prompt } from '../../rows.js';
import { type MarginInput, type MarginSummary, summarizeMargins } from '../../dpo/margins.js';
import { makeVisible } from '../sanitize.js';
import { wrap } from '../text.js';

const inputs = new WeakMap<readonly PairRow[], MarginInput[]>();

export function marginInputs(pairs: readonly PairRow[]): MarginInput[] {
  let found = inputs.get(pairs);
  if (found === undefined) {
    found = pairs.map((pair) => ({
      chosen_reward: pair.chosen_reward ?? NaN,
      rejected_reward: pair.rejected_reward ?? NaN,
      chosen_length: pair.chosen_ids.length,
      rejected_length: pair.rejected_ids.length,
    }));
    inputs.set(pairs, found);
  }
  return found;
}

const summaries = new WeakMap<readonly PairRow[], { alpha: number; summary: MarginSummary }>();

/** The counts and means for one α; those for the last α asked for are kept. */
export function summaryOf(pairs: readonly PairRow[], alpha: number): MarginSummary {
  const found = summaries.get(pairs);
  if (found?.alpha === alpha) return found.summary;
  const summary = summarizeMargins(marginInputs(pairs), alpha);
  summaries.set(pairs, { alpha, summary });
  return summary;
}

/** Longer texts are cut here: nobody reads on, and wrapping them would be felt. */
const longestText = 20_000;

export interface PairTexts {
  prompt: string[];
  chosen: string[];
  rejected: string[];
}

const texts = new WeakMap<PairRow, { width: number; beside: boolean; texts: PairTexts }>();

/**
 * Wrapped and harmless.
 * @param width columns of the whole pane
 * @param beside chosen and rejected stand side by side, with three columns between them
 */
export function pairTexts(pair: PairRow, width: number, beside: boolean): PairTexts {
  const found = texts.get(pair);
  if (found?.width === width && found.beside === beside) return found.texts;
  const column = beside ? Math.floor((width - 3) / 2) : width;
  const made = {
    prompt: lines(promptText(pair.prompt) ?? `(${pair.prompt_ids.length} tokens without text)`, width),
    chosen: lines(pair.chosen_text ?? '(tokens without text)', column),
    rejected: lines(pair.rejected_text ?? '(tokens without text)', column),
  };
  texts.set(pair, { width, beside, texts: made });
  return made;
}

/** A prompt as one text; messages with the role before each but a lone user message. */
export function promptText(prompt: Prompt | undefined): string | undefined {
  if (prompt === undefined || typeof prompt === 'string') return prompt;
  if (prompt.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  return prompt.map(({ role, content }) => `${role}: ${content}`).join('\n');
}

function lines(text: string, columns: number): string[] {
  if (text.length <= longestText) return wrap(makeVisible(text), columns);
  const rest = (text.length - longestText).toLocaleString('en-US');
  return wrap(`${makeVisible(text.slice(0, longestText))}\n… and ${rest} more characters`, columns);
}
