/** A round's prompts, pairs and human decisions in words: one wording for screens, reports and model cards. */
import type { DroppedPairs } from '../rows.js';
import type { SampledPrompts } from '../store/rounds.js';
import { count, of } from '../ui/format.js';
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

/** "sampled 63 of 320 prompts (stopped early)"; null where it was not recorded. */
export function samplingInWords(sampled: SampledPrompts | null): string | null {
  if (sampled === null) return null;
  const { prompts, planned, stopped_early } = sampled;
  const some = prompts === planned ? of(prompts, 'prompt') : `${count(prompts)} of ${of(planned, 'prompt')}`;
  return `sampled ${some}${stopped_early ? ' (stopped early)' : ''}`;
}

/** "3 ties, 1 identical": why the rewards give no pair. Empty where they always do. */
export function causesInWords({ ties, identical, below_gap, too_few }: DroppedPairs): string {
  return listed([
    [ties, ties === 1 ? 'tie' : 'ties'],
    [identical, 'identical'],
    [below_gap, 'below gap'],
    [too_few, 'too few responses'],
  ]);
}

/** Prompts without a pair, by the rewards' word or a person's. */
export function promptsWithoutPair(dropped: DroppedPairs, decisions: DecisionCounts | null): number {
  const byRewards = Object.values(dropped).reduce((sum: number, n: number) => sum + n, 0);
  return byRewards + (decisions?.excluded ?? 0) + (decisions?.ties ?? 0);
}

/** "17 prompts without a pair (12 ties, 3 identical, 2 excluded by hand)"; null before there are pairs, or all have one. */
export function withoutPairInWords(dropped: DroppedPairs | null, decisions: DecisionCounts | null): string | null {
  if (dropped === null) return null;
  const all = promptsWithoutPair(dropped, decisions);
  if (all === 0) return null;
  const byHand = listed([
    [decisions?.excluded ?? 0, 'excluded by hand'],
    [decisions?.ties ?? 0, 'tied by hand'],
  ]);
  const causes = [causesInWords(dropped), byHand].filter((part) => part !== '').join(', ');
  return `${of(all, 'prompt')} without a pair (${causes})`;
}

function listed(counted: [number, string][]): string {
  return counted.flatMap(([n, what]) => (n > 0 ? [`${count(n)} ${what}`] : [])).join(', ');
}
