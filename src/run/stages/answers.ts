/** A round's responses to the held-out prompts, for display. */
import { type HeldOutResponse, sampleOf, sampleRowSchema, scoreRowSchema } from '../../core/rows.js';
import { readJsonLines } from '../../io/jsonl.js';
import { roundFiles, type RunFiles } from '../../core/runFiles.js';
import { promptText } from '../../core/prompts.js';

/** The scored responses, in the order of their prompts and samples; empty if the round is not evaluated yet. */
export function readHeldOut(files: RunFiles, round: number): HeldOutResponse[] {
  const file = (name: string) => files.file(round, name);
  const rewards = new Map(
    readJsonLines(file(roundFiles.heldOutScores), scoreRowSchema, { missing: 'empty' }).map((row) => [
      row.prompt_index,
      row.rewards,
    ]),
  );
  return readJsonLines(file(roundFiles.heldOutSamples), sampleRowSchema, { missing: 'empty' })
    .flatMap((row): HeldOutResponse[] => {
      const { prompt_index } = row;
      return row.responses.flatMap(({ text, ids, finish_reason }, sample): HeldOutResponse[] => {
        const reward = rewards.get(prompt_index)?.at(sample);
        if (reward === undefined) return [];
        return [
          {
            prompt_index,
            ...(sample > 0 && { sample }),
            prompt: promptText(row),
            text,
            length: ids.length,
            reward,
            truncated: finish_reason === 'length',
          },
        ];
      });
    })
    .sort((a, b) => a.prompt_index - b.prompt_index || sampleOf(a) - sampleOf(b));
}
