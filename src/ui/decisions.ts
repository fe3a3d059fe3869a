/** What a person decided on a round's pairs, as one phrase. */
import type { DecisionCounts } from '../review/rows.js';
import { count } from './format.js';

/** Empty where nothing was decided. */
export function decisionsText(counts: DecisionCounts | null): string {
  if (counts === null) return '';
  const { swapped, repaired, confirmed, excluded, ties } = counts;
  const parts: [number, string][] = [
    [swapped, 'swapped'],
    [repaired, 'paired otherwise'],
    [confirmed, 'confirmed'],
    [excluded, 'excluded'],
    [ties, ties === 1 ? 'tie' : 'ties'],
  ];
  const told = parts.flatMap(([n, what]) => (n > 0 ? [`${count(n)} ${what}`] : []));
  return told.length === 0 ? '' : `by hand ${told.join(', ')}`;
}
