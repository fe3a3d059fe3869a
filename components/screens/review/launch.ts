/** What is asked before an update is launched: what will run, at what cost, and what was left out. */
import type { ReviewState } from './state.js';
import { causesInWords } from '../../../src/core/review/decisions.js';
import * as format from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { settingsOf, shownRound } from '../../app/selectors.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import type { ReviewTable } from './data.js';
import { lookingAt } from './looking.js';

/** The first line is the question. The plan fills in once the engine has answered. */
export function launchLines(state: ReviewState): string[] {
  const looking = lookingAt(state);
  if (looking === null) return [];
  const { alpha, beta, lr } = settingsOf(state);
  const { plan } = state.ui;
  const pairs = format.of(looking.table.pairs.length, 'pair');
  const question = `Launch the update on ${pairs}? α ${format.alpha(alpha)}  β ${beta}  learning rate ${format.learningRate(lr)}`;
  const left = [leftOut(shownRound(state)?.dropped ?? null), decidedText(looking.table)].filter((text) => text !== '');
  const last = left.length === 0 ? 'nothing was dropped' : left.join(' · ');
  const isJob = plan?.where.startsWith('as ') === true;
  if (plan === null || plan.round !== looking.round)
    return [question, 'The engine is asked what this takes …', ' ', last];
  return [
    question,
    [
      format.of(plan.steps, 'step'),
      format.of(plan.tokens, 'token'),
      plan.seconds === null ? 'time not known before a first update' : `about ${format.duration(plan.seconds)}`,
      ...(isJob ? [] : [plan.memory_mb === null ? 'memory not known' : format.megabytes(plan.memory_mb)]),
    ].join(' · '),
    [
      `trains ${makeLine(plan.trained, 40)}`,
      `reference ${makeLine(plan.reference, 60)}`,
      ...(isJob ? [] : [makeLine(plan.where, 60)]),
    ].join(' · '),
    ...(isJob ? [`runs ${makeLine(plan.where, 200)}`] : []),
    last,
  ];
}

/** Prompts that gave no pair, by cause; empty where all did. */
export function leftOut(dropped: RoundState['dropped']): string {
  const causes = dropped === null ? '' : causesInWords(dropped);
  return causes === '' ? '' : `dropped ${causes}`;
}

const decided = new WeakMap<ReviewTable, string>();

/** What a person has decided; empty where nothing. */
export function decidedText(table: ReviewTable): string {
  const found = decided.get(table);
  if (found !== undefined) return found;
  const count = { pair: 0, exclude: 0, tie: 0 };
  for (const decision of table.decisions) if (decision?.ruling != null) count[decision.ruling.kind]++;
  const all = count.pair + count.exclude + count.tie;
  const parts = [
    ...(count.pair > 0 ? [format.of(count.pair, 'pair')] : []),
    ...(count.exclude > 0 ? [`${format.count(count.exclude)} excluded`] : []),
    ...(count.tie > 0 ? [`${format.of(count.tie, 'tie')}`] : []),
  ];
  const text = all === 0 ? '' : `decided by hand ${parts.join(', ')}`;
  decided.set(table, text);
  return text;
}
