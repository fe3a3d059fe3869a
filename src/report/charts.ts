/** The charts of a report. Colours are the page's CSS variables, so that they follow light and dark. */
import { branchTitle, type RoundState } from '../core/rounds.js';
import type { StepMetrics } from '../core/rows.js';
import { alpha } from '../core/format.js';
import { makeLine } from '../core/sanitize.js';
import { type HeldOutPoint, heldOutAccuracy } from '../core/metricsRow.js';
import { heldOutRounds, type ReportBranch } from './data.js';
import { chart, chartColours, chartDashes, type ChartLine, type ChartLook, type ChartPoint } from './svg.js';

const look: ChartLook = {
  ...{ ink: 'var(--ink)', muted: 'var(--quiet)', grid: 'var(--grid)', paper: null, label: '#ffffff' },
};

const colourOf = (i: number): string => chartColours[i % chartColours.length];
/** Lines beyond the number of colours reuse them with other dashes. */
const dashOf = (i: number): string => chartDashes[Math.floor(i / chartColours.length) % chartDashes.length];

export function rewardAgainstLength(branches: readonly ReportBranch[]): string {
  const points = (rounds: readonly RoundState[], isOwn: boolean): ChartPoint[] =>
    rounds.flatMap(({ id, settings, evaluation }) => {
      if (evaluation === null) return [];
      const mark = isOwn ? { label: String(id), ...(id > 0 && { note: `α ${alpha(settings.alpha)}` }) } : {};
      return [{ x: evaluation.mean_length, y: evaluation.reward, ...mark }];
    });
  const lines = branches.map(({ from, rounds }, i): ChartLine => ({
    ...{ colour: colourOf(i), dash: dashOf(i) },
    points: [...points(from === null ? [] : [from], false), ...points(rounds, true)],
  }));
  return chart([{ xLabel: 'mean length, tokens', yLabel: 'reward', lines }], {
    title: 'Held-out reward against mean length, a line for each branch',
    ...{ width: 860, height: 420, look },
    legend: branches.length < 2 ? [] : branches.map((branch, i) => legendOf(branchTitle(branch), i)),
  });
}

const legendOf = (name: string, i: number) => ({ name, colour: colourOf(i), dash: dashOf(i) });

/** Means of the parts of a mixed reward over a branch's rounds, a panel for each part; null without parts. */
export function partCurves({ from, rounds }: Pick<ReportBranch, 'from' | 'rounds'>): string | null {
  const evaluated = [...(from === null ? [] : [from]), ...rounds].flatMap(({ id, evaluation }) =>
    (evaluation?.reward_parts ?? []).map((part) => ({ id, ...part, key: `${part.weight}·${part.name}` })),
  );
  const keys = [...new Set(evaluated.map(({ key }) => key))];
  if (keys.length === 0) return null;
  const panels = keys.map((key) => {
    const points = evaluated
      .filter((part) => part.key === key)
      .map(({ id, reward }): ChartPoint => ({ x: id, y: reward, label: String(id) }));
    return { xLabel: 'round', yLabel: makeLine(key, 40), lines: [{ colour: colourOf(0), dash: dashOf(0), points }] };
  });
  return chart(panels, {
    title: 'Held-out means of the parts of the reward over the rounds, unweighted',
    ...{ width: 860, height: 260, look },
    legend: [],
  });
}

/** Limit of points per line; more are averaged, as they could not be distinguished. */
const mostPoints = 240;

/** Loss, margin, accuracy and lengths over the steps, one line per round; null without updates. */
export function trainingCurves({ rounds, metrics }: ReportBranch): string | null {
  const updated = rounds.map((round, i) => ({ round, rows: metrics[i] })).filter(({ rows }) => rows.length > 0);
  if (updated.length === 0) return null;
  const panel = (yLabel: string, key: keyof StepMetrics) => ({
    ...{ xLabel: 'step', yLabel },
    lines: updated.map(({ rows }, i): ChartLine => ({
      ...{ colour: colourOf(i), dash: dashOf(i) },
      points: averaged(rows.map((row) => ({ x: row.step, y: row[key] }))),
    })),
  });
  return chart(
    [
      panel('loss', 'loss'),
      panel('reward margin', 'rewards/margins'),
      panel('length margin, tokens', 'lengths/margin'),
    ],
    {
      title: `Updates of ${rounds.map(({ id }) => id).join(', ')}: loss, reward margin and length margin over the steps`,
      ...{ width: 860, height: 260, look },
      legend: updated.map(({ round }, i) => legendOf(`round ${round.id}`, i)),
    },
  );
}

/**
 * Loss and accuracy of the pairs that an update only evaluates, one line per round; step 0 is the start of the update. null
 * if no round held pairs out.
 */
export function heldOutCurves({ rounds, metrics }: ReportBranch): string | null {
  const evaluated = heldOutRounds({ rounds, metrics });
  if (evaluated.length === 0) return null;
  const panel = (yLabel: string, value: (point: HeldOutPoint) => number) => ({
    ...{ xLabel: 'step', yLabel },
    lines: evaluated.map(({ points }, i): ChartLine => ({
      ...{ colour: colourOf(i), dash: dashOf(i) },
      points: averaged(points.map((point) => ({ x: point.step, y: value(point) }))),
    })),
  });
  return chart([panel('held-out loss', ({ eval_loss }) => eval_loss), panel('held-out accuracy', heldOutAccuracy)], {
    title: `Updates of ${evaluated.map(({ round }) => round.id).join(', ')}: loss and accuracy of held-out pairs over the steps`,
    ...{ width: 860, height: 260, look },
    legend: evaluated.map(({ round }, i) => legendOf(`round ${round.id}`, i)),
  });
}

function averaged(points: readonly ChartPoint[]): ChartPoint[] {
  const size = Math.ceil(points.length / mostPoints);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    const mean = (value: (point: ChartPoint) => number) =>
      part.reduce((sum, point) => sum + value(point), 0) / part.length;
    return { x: mean(({ x }) => x), y: mean(({ y }) => y) };
  });
}
