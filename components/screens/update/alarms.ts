/**
 * Detects updates that go wrong from their metrics. Each alarm waits until chance is an unlikely cause, so that healthy
 * updates raise none. The advice depends on what is still possible: an update that has ended cannot be aborted, but its
 * round can be rejected or redone.
 */
import { heldOutPoints } from '../../../src/core/metricsRow.js';
import type { MetricsRow, StepMetrics } from '../../../src/core/rows.js';
import { compact, fixed, of, signed } from '../../../src/core/format.js';
import { largest } from '../../../src/core/limits.js';
import { klIsLarge, meanLogRatio } from '../../parts/kl.js';

export interface Alarm {
  /** The observation, with its numbers. */
  what: string;
  cause: string;
  advice: string;
}

/** An alarm with both kinds of advice. */
type Sign = Omit<Alarm, 'advice'> & {
  /** Advice while the update runs. */
  now: string;
  /** Advice once it has ended: completes "reject the round, or redo it …". */
  redo: string;
};

export interface AlarmContext {
  /** The update runs, or has failed and can be aborted. */
  running: boolean;
  beta: number;
  /** The objective's implicit rewards are means per token, not sums over the response. */
  perToken: boolean;
  /** The reference is the policy that the round started from: log-ratios then estimate the divergence from it. */
  fromStart: boolean;
  /** The objective's weight is σ(-z) with α in z: a weight near 0 at the start says that α·Δ|y| is too large. */
  saturates: boolean;
  /** Divergence from the round's start on held-out prompts; null before the evaluation. Numbers are null if unknown. */
  evaluated: { kl: number | null; kl_per_token: number | null } | null;
}

/** The most serious first. */
export function alarmsOf(rows: readonly MetricsRow[], context: AlarmContext): Alarm[] {
  if (rows.length === 0) return [];
  const broken = notFinite(rows);
  const still = noLearningRate(rows) ?? (context.saturates ? saturated(rows) : null) ?? stuck(rows, context);
  const signs =
    broken !== null
      ? [broken]
      : [
          exploding(rows),
          strayed(rows, context),
          collapsing(rows),
          perfectAtOnce(rows),
          still,
          overfits(rows),
          learnsLength(rows),
        ];
  return signs
    .filter((sign) => sign !== null)
    .map(({ what, cause, now, redo }) => ({ what, cause, advice: context.running ? now : after(redo) }));
}

const after = (redo: string): string => `The update is over. On screen 4, reject the round (x) or redo it (e) ${redo}`;

/** An alarm as one text. */
export const alarmText = ({ what, cause, advice }: Alarm): string => `${what}. Likely cause: ${cause}. ${advice}.`;

const measured = ['loss', 'grad_norm', 'rewards/chosen', 'rewards/rejected', 'logps/chosen', 'logps/rejected'] as const;

function notFinite(rows: readonly MetricsRow[]): Sign | null {
  for (const row of rows) {
    const name = measured.find((key) => !Number.isFinite(row[key]));
    if (name !== undefined)
      return {
        what: `${name} is not a finite number at step ${row.step}`,
        cause: 'the learning rate is too high or β too large, or the policy gives some response no probability at all',
        now: "Abort with x; the round's start is untouched. Lower the learning rate before the next launch",
        redo: 'at a lower learning rate (lr=)',
      };
  }
  return null;
}

const FEW = 3;
/** A single clipped spike is harmless; a median of three that is ten times the start's is not a spike. */
const EXPLOSION = 10;

function exploding(rows: readonly MetricsRow[]): Sign | null {
  if (rows.length < 2 * FEW + 2) return null;
  const norms = rows.map((row) => row.grad_norm);
  const [first, last] = [median(norms.slice(0, Math.min(10, norms.length - FEW))), median(norms.slice(-FEW))];
  // A norm below 1 is never large.
  if (last < 1 || last < EXPLOSION * first) return null;
  return {
    what: `the gradient norm has grown from ${fixed(first, 2)} to ${fixed(last, 2)}`,
    cause: 'the learning rate is too high, and each step overshoots',
    now: 'Abort with x and launch again at a third of the learning rate or with a longer warm-up',
    redo: 'at a third of the learning rate (lr=)',
  };
}

/** The evaluation measures the divergence; until then the update's own log-ratios estimate it. */
function strayed(rows: readonly MetricsRow[], { beta, fromStart, evaluated }: AlarmContext): Sign | null {
  const last = rows.slice(-FEW);
  const length = (mean(last, 'lengths/chosen') + mean(last, 'lengths/rejected')) / 2;
  const estimate = last.reduce((sum, row) => sum + meanLogRatio(row, beta), 0) / last.length;
  const kl = evaluated?.kl ?? estimate;
  const perToken = evaluated?.kl_per_token ?? estimate / length;
  const measured = (evaluated?.kl ?? null) !== null;
  // Log-ratios to another reference grow over the rounds and do not measure this update.
  if (!measured && (last.length < FEW || !fromStart)) return null;
  if (!klIsLarge(kl, perToken)) return null;
  const where = !measured ? 'on the pairs (estimated)' : 'on held-out prompts';
  return {
    what: `the policy has moved ${fixed(kl, 1)} nats per response away from the round's start, ${fixed(perToken, 2)} per token, ${where}`,
    cause: 'the learning rate is too high, β too small, or there are too many steps',
    now: 'Read the probes: if they break, abort with x. Then lower the learning rate or raise β',
    redo: 'at a lower learning rate (lr=) or a larger β (β=)',
  };
}

/** Rows compared at the start and at the end. */
const ENDS = 5;

function collapsing(rows: readonly MetricsRow[]): Sign | null {
  if (rows.length < 2 * ENDS) return null;
  const [first, last] = [rows.slice(0, ENDS), rows.slice(-ENDS)];
  // Longer responses have lower sums: only nats per token are comparable.
  const perToken = (part: readonly MetricsRow[]) => mean(part, 'logps/chosen') / mean(part, 'lengths/chosen');
  const [before, now] = [perToken(first), perToken(last)];
  const bothFell = mean(last, 'rewards/chosen') < 0 && mean(last, 'rewards/rejected') < 0;
  if (!bothFell || before - now < 0.25 || now > 1.5 * before) return null;
  return {
    what: `the chosen responses lose probability with the rejected ones: ${fixed(before, 2)} nats per token at the start, ${fixed(now, 2)} now`,
    cause: 'the margin grows by pushing everything down; the learning rate is too high or β too small',
    now: 'Read the probes: if they break, abort with x, then lower the learning rate or raise β',
    redo: 'at a lower learning rate (lr=) or a larger β (β=)',
  };
}

/** Pairs in a row that must be right: if nine in ten are right, 64 in a row happen once in 850 updates. */
const NO_LUCK = 64;

function perfectAtOnce(rows: readonly MetricsRow[]): Sign | null {
  // At the first step policy and reference are equal, and no pair is right or wrong.
  const start = rows.findIndex(({ step }) => step > 1);
  if (start < 0 || rows[start].step > FEW) return null;
  const after = rows.slice(start);
  const wrong = after.findIndex((row) => row['rewards/accuracies'] < 1);
  const run = wrong < 0 ? after : after.slice(0, wrong);
  // A batch has at least as many pairs as are computed at once.
  const pairs = run.reduce((sum, row) => sum + row.micro_batch, 0);
  if (run.length < FEW || pairs < NO_LUCK) return null;
  return {
    what: `every pair is right from step ${run[0].step} to ${run[run.length - 1].step}: accuracy 1.0 at once`,
    cause: 'chosen and rejected differ by something trivial, such as a missing end of turn, one phrase or their length',
    now: 'Abort with x, and compare a few pairs token by token in review; a larger learning rate is not the remedy',
    redo: 'after comparing a few pairs token by token in review; a larger learning rate is not the remedy',
  };
}

function noLearningRate(rows: readonly MetricsRow[]): Sign | null {
  const last = rows.slice(-2);
  if (last.length < 2 || last.some((row) => row.learning_rate !== 0)) return null;
  return {
    what: 'the learning rate is 0: the policy no longer changes',
    cause: 'the learning rate was set to 0, or its schedule is over before the last step',
    now: 'Stop and keep with S, or abort with x and set a learning rate',
    redo: 'at another learning rate (lr=) if it was too low from the start',
  };
}

/** Below this mean gradient weight σ(-z) in the first steps, pairs have hardly any effect. */
const FAINT = 0.05;

function saturated(rows: readonly MetricsRow[]): Sign | null {
  const first = rows.slice(0, FEW);
  const [weight, margin] = [mean(first, 'weights/mean'), mean(first, 'lengths/margin')];
  if (first.length < FEW || weight >= FAINT || margin <= 0) return null;
  return {
    what: `the gradient weights are ${fixed(weight, 3)} on average from the start: the pairs have hardly any effect`,
    cause: `α·Δ|y| saturates: the chosen responses are ${fixed(margin, 1)} tokens longer, and α counts each of them`,
    now: 'Abort with x and lower α in review until the mean weight of longer chosen responses is above 0.1',
    redo: 'at a smaller α',
  };
}

/** Steps at the full learning rate after which the margin must have moved. */
const PATIENCE = 20;
/**
 * A difference between the log-ratios of chosen and rejected, in nats, that a working update exceeds by far within 20
 * full steps; float32 sums are a twentieth of it off. The metrics have β times it, and β is part of the loss's scale:
 * 0.1 in DPO, 0.01 in WPO, 0.001 in SPPO. One limit on the reward margin would therefore be a hundred times stricter for
 * SPPO than for DPO. The loss itself does not serve: SPPO's is ½·(Δ - (P - ½)/β)², with aims of hundreds of nats, and
 * moves by a hundredth where the policy has moved by two nats. Objectives on means per token divide by the length.
 */
const UNMOVED_NATS = 0.02;

function unmovedMargin(rows: readonly MetricsRow[], { beta, perToken }: AlarmContext): number {
  const length = perToken ? (mean(rows, 'lengths/chosen') + mean(rows, 'lengths/rejected')) / 2 : 1;
  return (UNMOVED_NATS * beta) / length;
}

function stuck(rows: readonly MetricsRow[], context: AlarmContext): Sign | null {
  const peak = largest(rows.map((row) => row.learning_rate));
  const fullSteps = rows.reduce((sum, row) => sum + row.learning_rate / peak, 0);
  const last = rows.slice(-10);
  const margin = mean(last, 'rewards/margins');
  const isEarly = fullSteps < Math.max(PATIENCE, rows[0].total_steps / 10);
  if (isEarly || Math.abs(margin) >= unmovedMargin(last, context)) return null;
  return {
    what: `the loss is stuck at ${compact(mean(last, 'loss'))}: after ${of(rows.length, 'step')} the reward margin is still ${compact(margin)}`,
    cause: 'the learning rate is too low, or the rewards order the pairs at random',
    now: 'Abort with x; raise the learning rate in review, and see whether you would choose as the rewards do',
    redo: 'at a higher learning rate (lr=), and see whether you would choose as the rewards do',
  };
}

/** Evaluations in a row that must be higher than the one before. */
const RISES = 2;

function overfits(rows: readonly MetricsRow[]): Sign | null {
  const points = heldOutPoints(rows);
  const lowest = points.reduce((best, point) => (point.eval_loss < best.eval_loss ? point : best), points[0]);
  const end = points.slice(-RISES - 1);
  const rises = end.length > RISES && end.every((point, i) => i === 0 || point.eval_loss > end[i - 1].eval_loss);
  if (!rises) return null;
  const last = end[RISES];
  const at = lowest.step === 0 ? 'at the start' : `at step ${lowest.step}`;
  return {
    what: `held-out loss lowest ${at} (${fixed(lowest.eval_loss, 3)}), now ${fixed(last.eval_loss, 3)}`,
    cause: 'more steps fit the training pairs only',
    now: `S stops here and keeps the policy as it is now, not that of ${lowest.step === 0 ? 'the start' : `step ${lowest.step}`}; x aborts, and a launch with fewer steps or a lower learning rate ends before the loss rises`,
    redo:
      lowest.step === 0
        ? 'at a lower learning rate (lr=)'
        : `with fewer steps (update: steps ${lowest.step}) or at a lower learning rate (lr=)`,
  };
}

/** Fewest and most rows for the correlation, and its threshold, which 20 unrelated rows reach once in 500 updates. */
const [LEAST, MOST, RELATED] = [20, 40, 0.7];

function learnsLength(rows: readonly MetricsRow[]): Sign | null {
  const last = rows.slice(-MOST);
  if (last.length < LEAST) return null;
  const margin = mean(last, 'lengths/margin');
  const length = (mean(last, 'lengths/chosen') + mean(last, 'lengths/rejected')) / 2;
  if (Math.abs(margin) < 0.15 * length) return null;
  // Differences between steps, so that the margin's growth over the update does not count.
  const related = correlation(
    changes(last.map((row) => row['rewards/margins'])),
    changes(last.map((row) => row['lengths/margin'])),
  );
  if (related * Math.sign(margin) < RELATED) return null;
  const [direction, remedy] = margin > 0 ? ['longer', 'larger'] : ['shorter', 'smaller'];
  return {
    what: `the reward margin follows the length difference of the pairs (correlation ${fixed(related, 2)})`,
    cause: `the chosen responses are ${signed(margin, 1)} tokens against the rejected, and the policy learns to be ${direction}`,
    now: `Watch the length in the evaluation; redo the round at a ${remedy} α if it drifts`,
    redo: `at a ${remedy} α if the length drifted`,
  };
}

function mean(rows: readonly MetricsRow[], key: keyof StepMetrics): number {
  return rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const changes = (values: readonly number[]): number[] => values.slice(1).map((value, i) => value - values[i]);

/** Pearson's; 0 if one of them is constant. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const center = (values: readonly number[]) => {
    const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - middle);
  };
  const [x, y] = [center(a), center(b)];
  const dot = (p: readonly number[], q: readonly number[]) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  const size = Math.sqrt(dot(x, x) * dot(y, y));
  return size === 0 ? 0 : dot(x, y) / size;
}
