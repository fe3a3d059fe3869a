/** How held-out responses are decoded if each is not one plain sample: the best of N, or beam search. Pure. */
import { z } from 'zod';

export const heldOutDecodingSchema = z.union([
  z.object({ best_of: z.int().min(2) }),
  z.object({ beam: z.int().min(2), length_penalty: z.number() }),
]);
export type HeldOutDecoding = z.infer<typeof heldOutDecodingSchema>;

export interface DecodingKeys {
  best_of: number;
  beam: number;
  length_penalty: number;
  responses: number;
  temperature: number;
}

/** null: plain sampling. @param keys without problems */
export function decodingOf({ best_of, beam, length_penalty }: DecodingKeys): HeldOutDecoding | null {
  if (best_of > 1) return { best_of };
  return beam > 1 ? { beam, length_penalty } : null;
}

/** Settings that contradict each other: the key that is at fault, and why. `nameKey` names another key. */
export function decodingProblem(
  { best_of, beam, length_penalty, responses, temperature }: DecodingKeys,
  nameKey: (key: keyof DecodingKeys) => string,
): { key: keyof DecodingKeys; message: string } | null {
  const set = (key: keyof DecodingKeys, value: number) => `${nameKey(key)} is ${value}`;
  if (best_of > 1 && beam > 1)
    return {
      key: 'beam',
      message: `${beam} beams cannot be combined with the best of N (${set('best_of', best_of)}); set one of them to 1`,
    };
  if (beam > 1 && responses > 1)
    return {
      key: 'beam',
      message: `beam search is deterministic, so several responses to a prompt would be equal (${set('responses', responses)}); set one of them to 1`,
    };
  if (best_of > 1 && temperature === 0)
    return {
      key: 'best_of',
      message: `at temperature 0 all ${best_of} candidates are equal (${set('temperature', 0)}); choose a higher temperature, or 1 candidate`,
    };
  if (beam === 1 && length_penalty !== 1)
    return {
      key: 'length_penalty',
      message: `${length_penalty} belongs to beam search, and ${set('beam', 1)}; set the number of beams, or leave it out`,
    };
  return null;
}

/** "best of 8 by the training reward", "beam search, 4 beams". @param reward how the text names the reward */
export function decodingInWords(decoding: HeldOutDecoding, reward = 'the training reward'): string {
  if ('best_of' in decoding) return `best of ${decoding.best_of} by ${reward}`;
  const { beam, length_penalty } = decoding;
  return `beam search, ${beam} beams${length_penalty === 1 ? '' : `, length penalty ${length_penalty}`}`;
}

/** Why KL(π ‖ π') is not estimated: its estimate is a mean over samples of π. */
export function whyNoKl(decoding: HeldOutDecoding): string {
  const kept = 'best_of' in decoding ? `the best of ${decoding.best_of}` : 'the results of beam search';
  return `${kept} are not samples of the policy`;
}

/** A sentence beside the figures. */
export function decodingNote(decoding: HeldOutDecoding, reward = 'the training reward'): string {
  const how = decodingInWords(decoding, reward);
  const said = 'best_of' in decoding ? `are the ${how}, and flatter it` : `are by ${how}`;
  return `All held-out responses ${said}. KL is not estimated: ${whyNoKl(decoding)}.`;
}
