/**
 * What experiment trackers get of a run: metrics under the names that transformers' callbacks give to TRL's
 * (`rewrite_logs` in transformers/integrations), evaluations by round, and hyper-parameters.
 *
 * Leaves out the trackers (run/trackers/).
 */
import type { Config } from './config/schema.js';
import { configOf } from './config/rounds.js';
import { heldOutNames, heldOutPoints } from './metricsRow.js';
import type { RoundState } from './rounds.js';
import type { MetricsRow } from './rows.js';

/** Values at one step. */
export interface TrackedPoint {
  step: number;
  values: Record<string, number>;
}

/** One curve sheet of a tracker: the update of a round over its steps, or the evaluations over the rounds. */
export interface TrackedRun {
  /** `round-0003`, or `rounds`. */
  name: string;
  /** The steps ascend. */
  points: TrackedPoint[];
  hyperparameters: Record<string, string | number | boolean | null>;
}

export const roundsName = 'rounds';

const notPlotted = new Set<string>(['step', 'total_steps', ...heldOutNames]);

/** Two points at most of each row: held-out pairs at the start are those of step 0. */
export function updatePoints(rows: readonly MetricsRow[]): TrackedPoint[] {
  const heldOut = new Map(
    heldOutPoints(rows).map(({ step, ...metrics }) => [step, renamed(Object.entries(metrics))] as const),
  );
  const start = heldOut.get(0);
  const steps = rows.map((row): TrackedPoint => {
    const own = Object.entries(row).filter(([name]) => !notPlotted.has(name) && !name.startsWith('start_'));
    return { step: row.step, values: { ...renamed(own), ...heldOut.get(row.step) } };
  });
  return [...(start === undefined ? [] : [{ step: 0, values: start }]), ...steps];
}

/** `eval_loss` is eval/loss, `loss` train/loss. Numbers that are not finite are left out: no tracker can plot them. */
function renamed(metrics: readonly [string, number][]): Record<string, number> {
  return Object.fromEntries(
    metrics
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [
        name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`,
        value,
      ]),
  );
}

/**
 * The evaluation of a finished round, against its start unless the name ends in `_base`; null before it. The round's number
 * is its step.
 */
export function roundPoint({ id, stage, evaluation, settings, pairs, steps }: RoundState): TrackedPoint | null {
  if (stage !== 'done' || evaluation === null) return null;
  const values: Record<string, number | null> = {
    reward: evaluation.reward,
    mean_length: evaluation.mean_length,
    mean_characters: evaluation.mean_characters,
    distinct_2: evaluation.distinct_2,
    truncated_share: evaluation.truncated_share,
    ...(id === 0 ? {} : { ...settings, pairs, steps }),
  };
  evaluation.reward_parts?.forEach(({ reward }, i) => (values[`reward_part_${i + 1}`] = reward));
  for (const comparison of evaluation.comparisons) {
    const end = comparison.against === 'base' ? '_base' : '';
    values[`win_rate${end}`] = comparison.win_rate;
    values[`length_controlled_win_rate${end}`] = comparison.length_controlled_win_rate;
    values[`length_change_percent${end}`] = comparison.length_change_percent;
    values[`kl${end}`] = comparison.kl;
    values[`kl_per_token${end}`] = comparison.kl_per_token;
  }
  const known = Object.entries(values).filter(([, value]) => value !== null && Number.isFinite(value));
  return { step: id, values: Object.fromEntries(known.map(([name, value]) => [`round/${name}`, value as number])) };
}

export const roundName = (id: number): string => `round-${String(id).padStart(4, '0')}`;

/** Settings of a round by dotted key. Leaves out servers, jobs and trackers: they change no result. */
export function hyperparameters(config: Config, round: RoundState | null): TrackedRun['hyperparameters'] {
  const own = round === null ? config : configOf(config, round);
  const { model, reward, seed, sampling, pairs, dpo, update, evaluation } = own;
  const { server: _server, ...drawn } = sampling;
  const { job: _job, ...trained } = update;
  return {
    ...(round === null ? {} : { round: round.id, parent: round.parent }),
    ...flat({ model, reward, seed, sampling: drawn, pairs, dpo, update: trained, evaluation }),
  };
}

function flat(value: object, prefix = ''): TrackedRun['hyperparameters'] {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]: [string, unknown]): [string, string | number | boolean | null][] => {
      if (Array.isArray(each)) return [[prefix + key, withoutUser(each.join(','))]];
      if (typeof each === 'string') return [[prefix + key, withoutUser(each)]];
      if (typeof each === 'object' && each !== null) return Object.entries(flat(each, `${prefix}${key}.`));
      return [[prefix + key, each as number | boolean | null]];
    }),
  );
}

/** The URL of a reward or a judge may hold a name and a password. */
const withoutUser = (reward: string): string => reward.replace(/(https?:\/\/)[^/@+]*@/g, '$1');
