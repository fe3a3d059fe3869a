/** What an update trains on: the rewards' pairs, with what a person decided about them. */
import { pairRow } from '../dpo/pairs.js';
import { UserError } from '../errors.js';
import { decidedPair } from '../review/decisions.js';
import { type PairRow, pairRowSchema, sampleRowSchema } from '../rows.js';
import { readJsonLines, writeJsonLines } from '../store/jsonl.js';
import type { WorkContext } from './context.js';
import { roundFiles } from './files.js';
import { readReview, readStanding } from './reviewFiles.js';

/**
 * The pairs as decided, in the order of their prompts; where a person decided anything they are kept on disk as well.
 *
 * @throws UserError where there are none
 */
export function trainingPairs({ files, round }: Pick<WorkContext, 'files' | 'round'>): PairRow[] {
  const automatic = readJsonLines(files.file(round.id, roundFiles.pairs), pairRowSchema);
  const review = readReview(files, round.id);
  const { decisions } = readStanding(files, round.id, review);
  const pairs = decisions.size === 0 ? automatic : decided();
  if (pairs.length === 0)
    throw new UserError(
      `round ${round.id} has no pairs to train on: every prompt's responses were tied, identical, below the gap or left out by decision`,
    );
  return pairs;

  function decided(): PairRow[] {
    const known = new Map(automatic.map((pair) => [pair.prompt_index, pair]));
    const samples = new Map(
      readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema)
        .filter(({ prompt_index }) => decisions.get(prompt_index)?.ruling?.kind === 'pair')
        .map((row) => [row.prompt_index, row]),
    );
    const rows = review.flatMap((row): PairRow[] => {
      const { prompt_index, rewards } = row;
      const pair = decidedPair(row, decisions.get(prompt_index));
      if (pair === null) return [];
      const sample = samples.get(prompt_index);
      const given = known.get(prompt_index);
      if (sample !== undefined && sample.responses.length !== rewards.length)
        throw new UserError(
          `${files.file(round.id, roundFiles.samples)}: prompt_index ${prompt_index} has ${sample.responses.length} responses and ${rewards.length} rewards; the file is damaged`,
        );
      if (sample !== undefined) return [pairRow(sample, rewards, pair)];
      return given === undefined ? [] : [given];
    });
    writeJsonLines(files.file(round.id, roundFiles.trainingPairs), rows);
    return rows;
  }
}
