/**
 * Signs of reward hacking in a scored round: rewards that rise with length, what winners say that losers do not, winners
 * that were cut off or repeat themselves. All of it is of the rewards' word, best against worst; what a person says of
 * the rewards is agreement.ts's.
 */
import { type LengthBias, lengthBias } from './lengthBias.js';
import { type Phrases, phrasesOf } from './phrases.js';
import type { ReviewRow } from './rows.js';

export interface HackingReport extends Phrases {
  round: number;
  /** Winners and losers by the rewards that met the length limit; null where nobody knows. */
  truncated: { winners: number; losers: number } | null;
  length: LengthBias;
  /** The same of the rounds that led to this one, the first first and this one last. */
  rounds: { round: number; length: LengthBias }[];
}

/**
 * Yields to others every few milliseconds.
 *
 * @param finishKnown whether the rows say which responses were cut off
 */
export async function hackingReport(
  round: number,
  rows: readonly ReviewRow[],
  before: HackingReport['rounds'],
  finishKnown: boolean,
): Promise<HackingReport> {
  const pairs = rows.flatMap((row) => (typeof row.automatic === 'string' ? [] : [{ ...row.automatic, row }]));
  const length = await lengthBias(rows);
  const phrases = await phrasesOf(pairs.map(({ row }) => ({ winner: row.chosen_text, loser: row.rejected_text })));
  const cut = (side: 'chosen' | 'rejected') => pairs.filter((pair) => pair.row.truncated[pair[side]]).length;
  return {
    ...phrases,
    ...{ round, length, rounds: [...before, { round, length }] },
    truncated: finishKnown ? { winners: cut('chosen'), losers: cut('rejected') } : null,
  };
}
