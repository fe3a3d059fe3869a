/** What an update trains on: the rewards' pairs, with what a person decided about them. */
import { UserError } from '../errors.js';
import { type PairRow, pairRowSchema } from '../rows.js';
import { readJsonLines } from '../store/jsonl.js';
import type { WorkContext } from './context.js';
import { roundFiles } from './files.js';

/** @throws UserError where there are none */
export function trainingPairs({ files, round }: Pick<WorkContext, 'files' | 'round'>): PairRow[] {
  const pairs = readJsonLines(files.file(round.id, roundFiles.pairs), pairRowSchema);
  if (pairs.length === 0)
    throw new UserError(
      `round ${round.id} has no pairs to train on: every prompt's responses were tied, identical or below the gap`,
    );
  return pairs;
}
