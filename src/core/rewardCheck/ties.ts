/**
 * The score of RewardBench 2's Ties subset (Malik et al., "RewardBench 2", arXiv 2506.01937; `process_single_model` in
 * rewardbench/utils.py of allenai/reward-bench). Each question occurs twice: with one correct answer (`ref`) and with
 * several equally correct ones (`tied`). A good reward puts every correct answer above every wrong one, and does not
 * tell correct answers apart by more than it tells correct from wrong.
 */

/** The rewards of a row's responses. */
export interface TiesRow {
  kind: 'ref' | 'tied';
  question: number;
  chosen: readonly number[];
  rejected: readonly number[];
}

export interface TiesScore {
  /** 0.3·tied + 0.3·ref + 0.2·preferred + 0.2·preferred_hard + 0.01·margin; null if no question has both rows. */
  score: number | null;
  /** Shares of rows whose every correct answer beats every wrong one; 0 without such rows. */
  ref_accuracy: number;
  tied_accuracy: number;
  /** Questions with both rows, which the rest is computed from. */
  questions: number;
  /** Share whose worst correct answer leads the best wrong one by more than correct answers differ. */
  preferred: number | null;
  /** Likewise with the smaller of the leads of the two rows. */
  preferred_hard: number | null;
  /** Mean of tanh(smaller lead / spread of the correct answers - 1); 0 where both are 0. */
  margin: number | null;
}

interface Leads {
  /** Best minus worst correct answer. */
  spread: number;
  /** Worst correct minus best wrong answer. */
  lead: number;
}

const leadsOf = ({ chosen, rejected }: TiesRow): Leads => {
  const worst = chosen.reduce((a, b) => Math.min(a, b));
  return {
    spread: chosen.reduce((a, b) => Math.max(a, b)) - worst,
    lead: worst - rejected.reduce((a, b) => Math.max(a, b)),
  };
};

/** @param rows each id at most once */
export function tiesScore(rows: readonly TiesRow[]): TiesScore {
  const of = (kind: TiesRow['kind']) =>
    new Map(rows.filter((row) => row.kind === kind).map((row) => [row.question, leadsOf(row)]));
  const [refs, tied] = [of('ref'), of('tied')];
  const accuracy = (found: Map<number, Leads>) => share([...found.values()], ({ lead }) => lead > 0);
  const both = [...tied].flatMap(([question, { spread, lead }]) => {
    const ref = refs.get(question);
    return ref === undefined ? [] : [{ spread, lead, smaller: Math.min(ref.lead, lead) }];
  });
  const [ref_accuracy, tied_accuracy] = [accuracy(refs), accuracy(tied)];
  if (both.length === 0)
    return {
      score: null,
      ref_accuracy,
      tied_accuracy,
      questions: 0,
      preferred: null,
      preferred_hard: null,
      margin: null,
    };
  const preferred = share(both, ({ spread, lead }) => lead > spread);
  const preferred_hard = share(both, ({ spread, smaller }) => smaller > spread);
  const margins = both.map(({ spread, smaller }) => {
    const margin = Math.tanh(smaller / spread - 1);
    return Number.isNaN(margin) ? 0 : margin;
  });
  const margin = margins.reduce((a, b) => a + b, 0) / margins.length;
  return {
    score: 0.3 * tied_accuracy + 0.3 * ref_accuracy + 0.2 * preferred + 0.2 * preferred_hard + 0.01 * margin,
    ...{ ref_accuracy, tied_accuracy, questions: both.length, preferred, preferred_hard, margin },
  };
}

function share<T>(values: readonly T[], holds: (value: T) => boolean): number {
  return values.length === 0 ? 0 : values.filter(holds).length / values.length;
}
