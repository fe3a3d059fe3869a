/**
 * How much more often winners than losers have something: the log-odds ratio with an informative Dirichlet prior, over its
 * standard deviation (Monroe, Colaresi & Quinn, "Fightin' Words", Political Analysis 16(4), 2008). A response counts
 * once however often it says it (as Wang & Manning, "Baselines and bigrams", 2012, for sentiment), so that one that
 * repeats itself proves nothing. Pure.
 */

export interface Contrast {
  text: string;
  /** Responses that have it. */
  winners: number;
  losers: number;
  /** Standard deviations from as often; above zero: winners have it more often. */
  z: number;
}

/** Pseudo-counts of the prior, as a share of what was counted: what is rare has to be all the more one-sided. */
const PRIOR = 0.1;

/**
 * ẑ of one thing.
 *
 * @param winners responses that have it, of `winnersAll` things that winners have in all; the same of losers
 */
export function zScore(winners: number, winnersAll: number, losers: number, losersAll: number): number {
  const prior = PRIOR * (winners + losers);
  const priorAll = PRIOR * (winnersAll + losersAll);
  const odds = (count: number, all: number): number =>
    Math.log(count + prior) - Math.log(all + priorAll - count - prior);
  const variance = 1 / (winners + prior) + 1 / (losers + prior);
  return (odds(winners, winnersAll) - odds(losers, losersAll)) / Math.sqrt(variance);
}
