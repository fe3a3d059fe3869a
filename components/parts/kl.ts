/** How far the policy has moved in an update, estimated from what the update measures anyway. */
import { parseReference } from '../../src/core/config/reference.js';
import type { Config } from '../../src/core/config/schema.js';
import type { ObjectiveName } from '../../src/core/objectives/index.js';
import type { MetricsRow } from '../../src/core/rows.js';

/**
 * Mean over both sides of a step's pairs of log π_ref(y) - log π(y), in nats. `rewards/chosen` and `rewards/rejected` are
 * means of β·(log π(y) - log π_ref(y)), hence
 *
 *     -(rewards/chosen + rewards/rejected) / (2β)
 *
 * Where the reference is the policy that the round started from, the responses were sampled from it, and as
 * KL(π_start ‖ π) = E_{y~π_start}[log π_start(y) - log π(y)] this estimates that divergence, at no cost. It is rough:
 * a pair's sides are the best and the worst of K, not a plain draw; they were drawn at the sampling temperature and
 * top-p; and they are what is trained on. It may come out below 0. The evaluation measures KL(π ‖ π_start) on held-out
 * prompts.
 */
export function meanLogRatio(row: MetricsRow, beta: number): number {
  return -(row['rewards/chosen'] + row['rewards/rejected']) / (2 * beta);
}

/**
 * Whether the mean log-ratio estimates a divergence: the responses come from the reference policy, and the objective's
 * implicit rewards are log-ratios.
 *
 * @param config the round's, its overrides laid over the run's
 * @param parent the round whose policy this one started from
 */
export function referenceIsStart({ dpo }: Pick<Config, 'dpo'>, parent: number | null): boolean {
  if (!summed.includes(dpo.objective)) return false;
  return parseReference(dpo.reference).every(({ model }) => model === 'round' || (model === 'base' && parent === 0));
}

/** Objectives whose implicit rewards are β·(log π(y) - log π_ref(y)), summed over all tokens. */
const summed: readonly ObjectiveName[] = ['lr-dpo', 'dpo', 'sppo', 'wpo', 'hinge', 'robust', 'apo-zero', 'apo-down'];

/** Whether an objective's implicit rewards are means per token. */
export const rewardsArePerToken = (objective: ObjectiveName): boolean => perToken.includes(objective);

const perToken: readonly ObjectiveName[] = ['dpo-norm', 'simpo', 'ipo'];

/**
 * Divergences at which an alarm is raised. Half a nat per token makes each token of the start's responses 1.6 times less
 * likely on average; updates of the bundled example that go well stay below 0.02. Long responses add up many small
 * changes, so whole responses have a limit of their own: as KL grows, win rates under direct alignment rise and then fall
 * (arXiv 2406.02900). Where they turn depends on the task; 100 nats are a limit of ours.
 */
const LARGE_PER_TOKEN = 0.5;
const LARGE_PER_RESPONSE = 100;

export const klIsLarge = (nats: number, perToken: number): boolean =>
  nats >= LARGE_PER_RESPONSE || perToken >= LARGE_PER_TOKEN;
