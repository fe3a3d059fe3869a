/** All data of a run's report, read once from its directory. Nothing is recomputed. */
import path from 'node:path';
import type { Config } from '../core/config/schema.js';
import { readHeldOut } from '../run/stages/answers.js';
import { type HeldOutPoint, heldOutPoints, metricsSchema } from '../core/metricsRow.js';
import { branchesOf, treeOf, type Branch, type RoundState, type TreeRow } from '../core/rounds.js';
import { heldOutKey, type HeldOutResponse, type MetricsRow } from '../core/rows.js';
import { readJsonLines } from '../io/jsonl.js';
import type { Run } from '../run/run.js';
import { roundFiles } from '../core/runFiles.js';

export interface ReportData {
  name: string;
  config: Config;
  tree: TreeRow[];
  branches: ReportBranch[];
}

export interface ReportBranch extends Branch {
  /** Metrics of the update of each round, in the order of rounds. */
  metrics: MetricsRow[][];
  /**
   * Prompts whose responses changed most from the branch's start to its last evaluated round; empty if they cannot be
   * compared.
   */
  samples: SampleChange[];
}

/** A held-out prompt with the responses of two rounds. */
export interface SampleChange {
  /** Why the example was picked. */
  why: string;
  prompt: string;
  before: { round: number; answer: HeldOutResponse };
  after: { round: number; answer: HeldOutResponse };
}

export function readReport(run: Run): ReportData {
  const rounds = [...run.rounds];
  const metricsOf = ({ id }: RoundState) =>
    readJsonLines(run.files.file(id, roundFiles.metrics), metricsSchema, { missing: 'empty' });
  return {
    name: path.basename(run.directory),
    config: run.config,
    tree: treeOf(rounds),
    branches: branchesOf(rounds).map((branch) => ({
      ...branch,
      metrics: branch.rounds.map(metricsOf),
      samples: samplesOf(branch, (round) => readHeldOut(run.files, round)),
    })),
  };
}

/** The rounds of a branch that held pairs out of their updates, with every evaluation of these. */
export function heldOutRounds({
  rounds,
  metrics,
}: Pick<ReportBranch, 'rounds' | 'metrics'>): { round: RoundState; points: HeldOutPoint[] }[] {
  return rounds
    .map((round, i) => ({ round, points: heldOutPoints(metrics[i]) }))
    .filter(({ points }) => points.length > 0);
}

const wanted: [why: string, rank: (before: HeldOutResponse, after: HeldOutResponse) => number][] = [
  ['reward rose most', (before, after) => after.reward - before.reward],
  ['reward fell most', (before, after) => before.reward - after.reward],
  ['grew longest', (before, after) => after.length - before.length],
  ['in the middle', (before, after) => after.reward - before.reward],
];

/** Picks each prompt once. The last one has the median change of reward, so that not only extremes are shown. */
function samplesOf(branch: Branch, answersOf: (round: number) => HeldOutResponse[]): SampleChange[] {
  const evaluated = [...(branch.from === null ? [] : [branch.from]), ...branch.rounds].filter(
    ({ evaluation }) => evaluation !== null,
  );
  if (evaluated.length < 2) return [];
  const [first, last] = [evaluated[0].id, evaluated[evaluated.length - 1].id];
  const known = new Map(answersOf(first).map((answer) => [heldOutKey(answer), answer]));
  let both = answersOf(last).flatMap((after) => {
    const before = known.get(heldOutKey(after));
    return before === undefined ? [] : [{ before, after }];
  });
  return wanted.flatMap(([why, rank]): SampleChange[] => {
    const sorted = [...both].sort((a, b) => rank(b.before, b.after) - rank(a.before, a.after));
    const found = sorted.at(why === 'in the middle' ? sorted.length >> 1 : 0);
    if (found === undefined) return [];
    both = both.filter((other) => other.after.prompt_index !== found.after.prompt_index);
    const { before, after } = found;
    return [
      { why, prompt: after.prompt, before: { round: first, answer: before }, after: { round: last, answer: after } },
    ];
  });
}
