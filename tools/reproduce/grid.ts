/**
 * The settings that `npm run reproduce:objectives` tries: for every objective three of its own times three learning
 * rates. β, γ/β, a and ε are around the values of papers and official code (docs/objectives.md). The learning rates are
 * around the example's, which are some hundred times those for models of billions of parameters. α is 0 except in
 * lr-dpo, as in the papers.
 */
import { neutral, type ObjectiveName, objectiveNames } from '../../src/core/objectives/index.js';
import type { Settings } from './results.js';

const learningRates = [1e-4, 2e-4, 3e-4];

type Own = Pick<Settings, 'beta'> & Partial<Settings>;

const betas = (...values: number[]): Own[] => values.map((beta) => ({ beta }));

const own: Record<ObjectiveName, Own[]> = {
  'lr-dpo': [0.02, 0.04, 0.07].map((alpha) => ({ beta: 0.1, alpha })),
  dpo: betas(0.03, 0.1, 0.3),
  'dpo-norm': betas(2, 5, 10),
  simpo: [
    { beta: 2.5, gamma_ratio: 0.55 },
    { beta: 10, gamma_ratio: 0.3 },
    { beta: 10, gamma_ratio: 0.5 },
  ],
  sppo: betas(0.001, 0.01, 0.1),
  wpo: betas(0.01, 0.03, 0.1),
  'ld-dpo': [0.25, 0.5, 0.75].map((ld_scale) => ({ beta: 0.1, ld_scale })),
  ipo: betas(0.1, 0.3, 1),
  hinge: betas(0.03, 0.05, 0.1),
  robust: betas(0.03, 0.1, 0.3).map((each) => ({ ...each, label_smoothing: 0.1 })),
  'apo-zero': betas(0.03, 0.1, 0.3),
  'apo-down': betas(0.03, 0.1, 0.3),
};

/** In the order that settings are compared in: by objective, then its own settings, then the learning rate. */
export const objectivesGrid: Settings[] = objectiveNames.flatMap((objective) =>
  own[objective].flatMap((each) => learningRates.map((lr) => settings({ objective, lr, ...each }))),
);

/** With every key in one order, so that settings can be compared as text. */
export function settings(given: Pick<Settings, 'objective' | 'beta' | 'lr'> & Partial<Settings>): Settings {
  const { objective, beta, alpha, gamma_ratio, ld_scale, label_smoothing, nll_weight, lr } = { ...neutral, ...given };
  return { objective, beta, alpha, gamma_ratio, ld_scale, label_smoothing, nll_weight, lr };
}

/** Settings in a few words, such as `β 2.5, γ/β 0.55, lr 2e-4`: without those that change nothing. */
export function describeSettings({ beta, alpha, gamma_ratio, ld_scale, label_smoothing, lr }: Settings): string {
  return [
    `β ${beta}`,
    ...(alpha === 0 ? [] : [`α ${alpha}`]),
    ...(gamma_ratio === 0 ? [] : [`γ/β ${gamma_ratio}`]),
    ...(ld_scale === 1 ? [] : [`a ${ld_scale}`]),
    ...(label_smoothing === 0 ? [] : [`ε ${label_smoothing}`]),
    `lr ${lr.toExponential()}`,
  ].join(', ');
}
