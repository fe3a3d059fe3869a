/** The marks of a row of the review table: the flags, their letters in the table, and their sort key. */
import { type PairStatus, decidedPairs } from '../../../src/core/review/decisions.js';
import { type ReviewTable, marginsOf } from './table.js';

export const marksWidth = 6;

/** A row without a pair has a word in place of its marks. */
const words: Record<Exclude<PairStatus, 'pair'>, string> = {
  excluded: 'X',
  tie: '=',
  ties: 'tie',
  identical: 'same',
  below_gap: 'gap',
  too_few: 'few',
};

export interface Marks {
  flipped: boolean;
  /** The strategy chose the response with the lower reward, for its length. */
  against: boolean;
  /** Pairs of this prompt that are trained on. */
  pairs: number;
  /** Sides that met the length limit: chosen (`w`), rejected (`l`) or both. */
  truncated: string;
  nearTie: boolean;
  decided: boolean;
  noted: boolean;
  /** Set by hand; null: not. */
  weight: number | null;
  status: PairStatus;
}

export function marksOf(table: ReviewTable, row: number, alpha: number): Marks {
  const { truncated } = table.rows[row];
  const [w, l] = [table.chosen[row], table.rejected[row]];
  const status = table.statuses[row];
  const reward = table.chosenReward[row] - table.rejectedReward[row];
  const decided = (table.decisions[row]?.ruling ?? null) !== null;
  return {
    against: status === 'pair' && reward < 0 && !isByHand(table, row),
    pairs: decidedPairs(table.rows[row], table.decisions[row]).length,
    flipped: status === 'pair' && marginsOf(table, row, alpha).flipped,
    truncated: (truncated[w] ? 'w' : '') + (truncated[l] ? 'l' : ''),
    nearTie: status === 'pair' && Math.abs(reward) < table.nearTie,
    decided,
    noted: (table.decisions[row]?.note ?? '') !== '',
    weight: table.decisions[row]?.weight ?? null,
    status,
  };
}

/** A person has chosen another pair than the rewards', or its sides. */
function isByHand(table: ReviewTable, row: number): boolean {
  const { automatic } = table.rows[row];
  return (
    typeof automatic === 'string' ||
    automatic.chosen !== table.chosen[row] ||
    automatic.rejected !== table.rejected[row]
  );
}

/**
 * F flipped by the length penalty, R chosen against the reward by the pairing strategy · T truncated: chosen (w), rejected (l), both (b) · ≈ near tie · H decided by a human,
 * h only a note. X excluded, = made a tie; a word if the rewards give no pair.
 */
export function marksText({ flipped, against, truncated, nearTie, decided, noted, status }: Marks): string {
  const human = decided ? 'H' : noted ? 'h' : ' ';
  if (status !== 'pair') return words[status].padEnd(marksWidth - 1) + human;
  const sides = truncated === '' ? '  ' : `T${truncated.length === 2 ? 'b' : truncated}`;
  return `${flipped ? 'F' : against ? 'R' : ' '}${sides}${nearTie ? ' ≈' : '  '}${human}`;
}

/** The sort key of the marks: decided rows first. */
export function marksValue(table: ReviewTable, row: number, alpha: number): number {
  const { flipped, truncated, nearTie, decided, noted, status } = marksOf(table, row, alpha);
  return (
    (decided ? 32 : 0) +
    (noted ? 16 : 0) +
    (flipped ? 8 : 0) +
    (status !== 'pair' ? 4 : 0) +
    (truncated === '' ? 0 : 2) +
    (nearTie ? 1 : 0)
  );
}
