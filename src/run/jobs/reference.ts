/** The reference policy's log-probabilities for a job's pairs: those of pairs.jsonl, and the missing ones computed. */
import path from 'node:path';
import type { Control } from '../../core/control.js';
import { makeDirectory } from '../../io/durable.js';
import type { LoadedModel } from '../../model/folder.js';
import type { JobPair } from '../../remote/jobs/contract.js';
import { responseLogprobs, sum, type Sequence } from '../../train/logprobs.js';
import { referenceLogps } from '../../train/referenceLogps.js';
import { bySide, pairSides, type ReferenceLogps } from '../../train/step.js';

export interface ReferenceOptions {
  /** Also sums over the first min(|y_w|, |y_l|) tokens of each side. */
  shared: boolean;
  /** JSON lines that keep what was computed for later attempts. */
  file: string;
  control: Control;
  onProgress(done: number, total: number): void;
}

/**
 * @param load the reference, loaded only if values are missing
 * @throws Interrupted if the control said so
 */
export async function jobReference(
  pairs: JobPair[],
  load: () => Promise<LoadedModel>,
  { shared, file, control, onProgress }: ReferenceOptions,
): Promise<ReferenceLogps> {
  const sides = pairSides(pairs);
  const heads = shared ? sides.map((side, i) => headOf(side, pairs[Math.floor(i / 2)])) : [];
  const known = knownValues(pairs, shared);
  const wanted = [...sides, ...heads];
  // A side's sum over its first tokens is the log-probability of these tokens as a response: both have a key.
  const sideOf = new Map(wanted.map((sequence, i) => [sequence, i % sides.length]));
  const missing = wanted.filter((_, i) => known[i] === undefined);
  if (missing.length > 0) {
    makeDirectory(path.dirname(file));
    const model = await load();
    const total = new Set(missing.map((sequence) => sideOf.get(sequence))).size;
    onProgress(0, total);
    const computed = await referenceLogps(file, model.fingerprint, missing, async (sequences) => {
      const indices = [...new Set(sequences.map((sequence) => sideOf.get(sequence) as number))];
      const values = await responseLogprobs(
        model,
        indices.map((i) => sides[i]),
        {
          control,
          name: (i) => `pair ${Math.floor(indices[i] / 2) + 1}`,
          onProgress: (done) => onProgress(total - indices.length + done, total),
        },
      );
      const ofSide = new Map(indices.map((i, at) => [i, values[at]]));
      return sequences.map((sequence) => {
        const logprobs = ofSide.get(sideOf.get(sequence) as number) as Float32Array;
        return sum(logprobs.subarray(0, sequence.response_ids.length));
      });
    });
    const rest = computed.values();
    wanted.forEach((_, i) => (known[i] ??= rest.next().value as number));
  }
  const sums = known as number[];
  const reference = bySide(sums.slice(0, sides.length));
  return shared ? { ...reference, shared: bySide(sums.slice(sides.length)) } : reference;
}

/** The first min(|y_w|, |y_l|) tokens of a side. */
function headOf({ prompt_ids, response_ids }: Sequence, { chosen_ids, rejected_ids }: JobPair): Sequence {
  return { prompt_ids, response_ids: response_ids.slice(0, Math.min(chosen_ids.length, rejected_ids.length)) };
}

/** Of every side, then of every side's first tokens. A pair whose shared sums are missing is computed as a whole. */
function knownValues(pairs: JobPair[], shared: boolean): (number | undefined)[] {
  if (!shared) return pairs.flatMap((pair) => [pair.ref_chosen_logps, pair.ref_rejected_logps]);
  const whole = pairs.map((pair) => {
    const complete = pair.ref_chosen_logps !== undefined && pair.ref_chosen_shared_logps !== undefined;
    return complete ? pair : null;
  });
  return [
    ...whole.flatMap((pair) => [pair?.ref_chosen_logps, pair?.ref_rejected_logps]),
    ...whole.flatMap((pair) => [pair?.ref_chosen_shared_logps, pair?.ref_rejected_shared_logps]),
  ];
}
