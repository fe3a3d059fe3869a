/** Human decisions in words. */
import type { DecisionCounts } from './rows.js';

const names: [key: keyof DecisionCounts, name: string][] = [
  ['swapped', 'swapped'],
  ['repaired', 'chosen anew'],
  ['confirmed', 'confirmed'],
  ['excluded', 'excluded'],
  ['ties', 'made ties'],
  ['noted', 'noted'],
];

/** "2 swapped, 1 excluded"; "none" where nothing was decided; null before review. */
export function decisionsInWords(counts: DecisionCounts | null): string | null {
  if (counts === null) return null;
  const said = names.filter(([key]) => (counts[key] ?? 0) > 0).map(([key, name]) => `${counts[key]} ${name}`);
  return said.length === 0 ? 'none' : said.join(', ');
}
