/**
 * The decisions of several reviewers on the same samples as one: how far they agree, where they do not, and what holds
 * then. Pure: `brevity merge-decisions` reads and writes the journals.
 *
 * A ruling is compared as a whole: which response over which, excluded, or a tie. The kappas take chance agreement from
 * four categories, since the responses of a prompt have no meaning in common with those of another: the response that
 * was sampled first over the other, the reverse, tie, excluded.
 */
import { UserError } from '../errors.js';
import { MAX_NOTE, largest } from '../limits.js';
import type { Decision, Ruling } from './rows.js';

/** The decisions of one reviewer, and the file that they come from. */
export interface ReviewerDecisions {
  name: string;
  file: string;
  decisions: ReadonlyMap<number, Decision>;
}

export const conflictRules = ['majority', 'undecided', 'first'] as const;
/** Which ruling holds if reviewers differ: that of most, none, or that of the first file. */
export type ConflictRule = (typeof conflictRules)[number];

export interface Agreement {
  /** Prompts that every reviewer has ruled on. */
  compared: number;
  /** Of them: with the same ruling by all. */
  agreed: number;
  /** `agreed / compared`; null if no prompt was ruled on by all. */
  share: number | null;
  /** Cohen's of two, Fleiss' of more; null without prompts, or if chance alone gives full agreement. */
  kappa: number | null;
  measure: 'cohen' | 'fleiss';
}

export interface Conflict {
  prompt_index: number;
  said: { reviewer: string; ruling: string }[];
  /** The ruling that holds; `undecided` without one. */
  merged: string;
}

export interface Merged {
  agreement: Agreement;
  conflicts: Conflict[];
  /** In the order of prompts. */
  decisions: Decision[];
}

/** @throws UserError that names the first prompt on which two files have other samples */
export function mergeDecisions(reviewers: readonly ReviewerDecisions[], rule: ConflictRule): Merged {
  checkSamples(reviewers);
  const prompts = [...new Set(reviewers.flatMap(({ decisions }) => [...decisions.keys()]))].sort((a, b) => a - b);
  const conflicts: Conflict[] = [];
  const decisions: Decision[] = [];
  const compared: Ruling[][] = [];
  for (const prompt_index of prompts) {
    const given = reviewers.flatMap(({ name, decisions: own }) => {
      const decision = own.get(prompt_index);
      return decision === undefined ? [] : [{ name, decision }];
    });
    const ruled = given.flatMap(({ name, decision: { ruling, blind } }) =>
      ruling === null ? [] : [{ name, ruling, blind: blind === true, key: rulingInWords(ruling) }],
    );
    if (ruled.length === reviewers.length) compared.push(ruled.map(({ ruling }) => ruling));
    const key = keyThatHolds(ruled, rule);
    const holding = ruled.filter((each) => each.key === key);
    if (ruled.some((each) => each.key !== ruled[0].key))
      conflicts.push({
        prompt_index,
        said: ruled.map(({ name, key: ruling }) => ({ reviewer: name, ruling })),
        merged: key ?? 'undecided',
      });
    const merged = oneDecision(prompt_index, given, holding);
    if (merged !== null) decisions.push(merged);
  }
  return { agreement: agreementOf(compared, reviewers.length), conflicts, decisions };
}

function checkSamples(reviewers: readonly ReviewerDecisions[]): void {
  const known = new Map<number, { samples: string; file: string }>();
  const mismatches: { prompt_index: number; file: string; other: string }[] = [];
  for (const { file, decisions } of reviewers) {
    for (const { prompt_index, samples } of decisions.values()) {
      if (samples === undefined) continue;
      const before = known.get(prompt_index);
      if (before === undefined) known.set(prompt_index, { samples, file });
      else if (before.samples !== samples) mismatches.push({ prompt_index, file, other: before.file });
    }
  }
  if (mismatches.length === 0) return;
  const { prompt_index, file, other } = mismatches.reduce((a, b) => (b.prompt_index < a.prompt_index ? b : a));
  throw new UserError(
    `${file} and ${other} are about other samples: the first mismatch is prompt ${prompt_index + 1}; merge journals of the same samples`,
  );
}

/** The ruling that holds, by its words; null: none does. */
function keyThatHolds(ruled: readonly { key: string }[], rule: ConflictRule): string | null {
  if (ruled.length === 0) return null;
  const votes = new Map<string, number>();
  for (const { key } of ruled) votes.set(key, (votes.get(key) ?? 0) + 1);
  if (votes.size === 1 || rule === 'first') return ruled[0].key;
  if (rule === 'undecided') return null;
  const most = largest([...votes.values()]);
  const winners = [...votes].filter(([, count]) => count === most);
  return winners.length === 1 ? winners[0][0] : null;
}

/** The ruling that holds with everybody's notes, and a weight that nobody contradicts; null if nothing is left. */
function oneDecision(
  prompt_index: number,
  given: readonly { name: string; decision: Decision }[],
  holding: readonly { name: string; ruling: Ruling; blind: boolean }[],
): Decision | null {
  const notes = given.filter(({ decision }) => decision.note !== '');
  const note = notes.map(({ name, decision }) => `${name}: ${decision.note}`).join(' · ');
  const weights = new Set(given.flatMap(({ decision: { weight } }) => (weight === undefined ? [] : [weight])));
  const [weight] = weights.size === 1 ? weights : [];
  const samples = given.find(({ decision }) => decision.samples !== undefined)?.decision.samples;
  const ruling = holding.at(0)?.ruling ?? null;
  if (ruling === null && note === '' && weight === undefined) return null;
  const names = (holding.length > 0 ? holding : given).map(({ name }) => name).join(', ');
  return {
    prompt_index,
    ruling,
    note: note.slice(0, MAX_NOTE),
    ...(weight === undefined ? {} : { weight }),
    ...(holding.length > 0 && holding.every(({ blind }) => blind) && { blind: true }),
    reviewer: names.slice(0, 100),
    ...(samples === undefined ? {} : { samples }),
  };
}

/** `1 over 2` (responses counted from 1), `excluded`, `tie`. */
export function rulingInWords(ruling: Ruling): string {
  if (ruling.kind === 'pair') return `${ruling.chosen + 1} over ${ruling.rejected + 1}`;
  return ruling.kind === 'tie' ? 'tie' : 'excluded';
}

const categoryOf = (ruling: Ruling): string =>
  ruling.kind === 'pair' ? (ruling.chosen < ruling.rejected ? 'first' : 'second') : ruling.kind;

/**
 * Cohen, "A coefficient of agreement for nominal scales", 1960: (p_o - p_e) / (1 - p_e) with p_e = Σ p1(c)·p2(c).
 * Fleiss, "Measuring nominal scale agreement among many raters", 1971: the same with p_o the mean share of agreeing
 * pairs of reviewers, and p_e = Σ p(c)² over all reviewers.
 *
 * @param rulings of every reviewer, for each prompt that all have ruled on
 */
function agreementOf(rulings: readonly (readonly Ruling[])[], reviewers: number): Agreement {
  const measure = reviewers === 2 ? 'cohen' : 'fleiss';
  const compared = rulings.length;
  const alike = (a: Ruling, b: Ruling): boolean => rulingInWords(a) === rulingInWords(b);
  const agreed = rulings.filter((each) => each.every((ruling) => alike(ruling, each[0]))).length;
  if (compared === 0) return { compared, agreed, share: null, kappa: null, measure };
  const pairs = (reviewers * (reviewers - 1)) / 2;
  const observed =
    rulings.reduce((sum, each) => {
      const same = each.flatMap((a, i) => each.slice(i + 1).filter((b) => alike(a, b))).length;
      return sum + same / pairs;
    }, 0) / compared;
  const shareOf = (category: string, who: readonly number[]): number =>
    rulings.reduce((sum, each) => sum + who.filter((i) => categoryOf(each[i]) === category).length, 0) /
    (compared * who.length);
  const all = [...Array(reviewers).keys()];
  const chance = ['first', 'second', 'tie', 'exclude'].reduce(
    (sum, category) =>
      sum +
      (measure === 'cohen'
        ? shareOf(category, [0]) * shareOf(category, [1])
        : shareOf(category, all) * shareOf(category, all)),
    0,
  );
  return {
    compared,
    agreed,
    share: agreed / compared,
    kappa: chance === 1 ? null : (observed - chance) / (1 - chance),
    measure,
  };
}
