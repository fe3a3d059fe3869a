/** A round's responses to the held-out prompts, for display. */
import { type HeldOutResponse, type SampledResponse, sampleRowSchema, scoreRowSchema } from '../../core/rows.js';
import { readJsonLines } from '../../io/jsonl.js';
import { roundFiles, type RunFiles } from '../../core/runFiles.js';
import { promptText } from '../../core/prompts.js';

/** The scored responses, in the order of their prompts; empty if the round is not evaluated yet. */
export function readHeldOut(files: RunFiles, round: number): HeldOutResponse[] {
  const file = (name: string) => files.file(round, name);
  const rewards = new Map(
    readJsonLines(file(roundFiles.heldOutScores), scoreRowSchema, { missing: 'empty' }).map((row) => [
      row.prompt_index,
      row.rewards.at(0),
    ]),
  );
  return readJsonLines(file(roundFiles.heldOutSamples), sampleRowSchema, { missing: 'empty' })
    .flatMap((row): HeldOutResponse[] => {
      const reward = rewards.get(row.prompt_index);
      if (reward === undefined) return [];
      const [response] = row.responses as (SampledResponse | undefined)[];
      if (response === undefined) return [];
      const { text, ids, finish_reason } = response;
      const { prompt_index } = row;
      return [
        {
          prompt_index,
          prompt: promptText(row),
          text,
          length: ids.length,
          reward,
          truncated: finish_reason === 'length',
        },
      ];
    })
    .sort((a, b) => a.prompt_index - b.prompt_index);
}
