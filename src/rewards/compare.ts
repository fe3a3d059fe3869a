/** Compares responses, prompt by prompt, with a judge that compares. */
import type { Control } from '../core/control.js';
import type { Prompt } from '../core/rows.js';
import type { Reward } from './types.js';

export interface PromptPairs {
  prompt?: Prompt;
  /** Texts of the two responses of each pair; null: they are the same response, which ties. */
  pairs: readonly (readonly [string, string] | null)[];
}

export interface PairHooks {
  /** Called once per prompt, in any order: for each pair the probability that its first response is better. */
  onPrompt(index: number, preferences: number[]): void;
  control?: Control;
}

/** @throws what the judge throws; prompts reported before remain valid */
export async function comparePairs(
  judge: Reward,
  prompts: readonly PromptPairs[],
  { onPrompt, control }: PairHooks,
): Promise<void> {
  const known = prompts.map(({ pairs }) => pairs.map((pair) => (pair === null ? 0.5 : NaN)));
  const left = prompts.map(({ pairs }) => pairs.filter((pair) => pair !== null).length);
  left.forEach((count, index) => count === 0 && onPrompt(index, known[index]));
  const inputs = prompts.flatMap(({ prompt, pairs }, index) =>
    pairs.flatMap((responses, pair) => (responses === null ? [] : [{ index, pair, input: { prompt, responses } }])),
  );
  if (inputs.length === 0) return;
  await judge.compare?.(
    inputs.map(({ input }) => input),
    {
      control,
      onPreference(i, preference) {
        const { index, pair } = inputs[i];
        known[index][pair] = preference;
        left[index]--;
        if (left[index] === 0) onPrompt(index, known[index]);
      },
    },
  );
}
