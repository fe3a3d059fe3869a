/** How far two judges of the same comparisons agree. Pure. */
import type { Agreement } from './rows.js';
import { bootstrapInterval, spearman } from './statistics.js';

/** A verdict: the policy is better, neither is, or the opponent is. */
type Verdict = 0 | 1 | 2;

/** @param preference mean probability that the policy's response is better, 0…1 */
function verdictOf(preference: number): Verdict {
  return preference > 0.5 ? 0 : preference < 0.5 ? 2 : 1;
}

/** One prompt by both judges. */
export interface JudgedPrompt {
  /** Mean probability that the policy's response is better, by each judge. */
  preferences: readonly [number, number];
  /** Difference between the policies' mean scores by each judge; null unless both judges score. */
  differences: readonly [number, number] | null;
}

/**
 * Share of equal verdicts; Cohen's κ = (p_o - p_e) / (1 - p_e) over three verdicts ("A coefficient of agreement for
 * nominal scales", 1960), which is 0 for judges that agree as often as independent ones with the same habits would; and
 * Spearman's ρ of the score differences. Intervals are bootstrapped over prompts.
 *
 * @param prompts at least one
 */
export function agreementOf(prompts: readonly JudgedPrompt[]): Agreement {
  const verdicts = prompts.map(({ preferences: [a, b] }) => [verdictOf(a), verdictOf(b)] as const);
  const all = Int32Array.from(prompts, (_, i) => i);
  const share = (drawn: Int32Array): number => {
    let same = 0;
    for (const i of drawn) if (verdicts[i][0] === verdicts[i][1]) same++;
    return same / drawn.length;
  };
  const kappa = (drawn: Int32Array): number => {
    const first = [0, 0, 0];
    const second = [0, 0, 0];
    for (const i of drawn) {
      first[verdicts[i][0]]++;
      second[verdicts[i][1]]++;
    }
    const expected = first.reduce((sum, count, v) => sum + (count * second[v]) / drawn.length ** 2, 0);
    return (share(drawn) - expected) / (1 - expected);
  };
  const scored = prompts.every(({ differences }) => differences !== null);
  const rho = (drawn: Int32Array): number => {
    const of = (judge: 0 | 1) => Array.from(drawn, (i) => (prompts[i].differences as readonly [number, number])[judge]);
    return spearman(of(0), of(1));
  };
  const interval = (statistic: (drawn: Int32Array) => number) => bootstrapInterval(prompts.length, statistic);
  const values = { share: share(all), kappa: finite(kappa(all)), spearman: scored ? finite(rho(all)) : null };
  const intervals = {
    share: interval(share),
    kappa: values.kappa === null ? null : interval(kappa),
    spearman: values.spearman === null ? null : interval(rho),
  };
  return { ...values, intervals: known(intervals) };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Without the entries that are null. */
export function known<K extends string, V>(entries: Record<K, V | null>): Partial<Record<K, V>> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== null)) as Partial<Record<K, V>>;
}
