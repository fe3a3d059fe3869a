/**
 * `npm run reproduce`: three rounds of lr-dpo on the bundled example over a grid of α, on validation prompts, which
 * select one α, and on the held-out prompts, which report every α. Writes bench/results/reproduce.json and .md and docs/reproduce.svg.
 * `--draw` runs nothing and makes table and picture from existing results.
 */
import { parseArgs } from 'node:util';
import { compute, count, flags, numbers } from './compute.js';
import { settings } from './grid.js';
import { plotAlphas } from './plot.js';
import { draw } from './report.js';
import { select } from './select.js';
import { alphaReport } from './tables.js';

const { values } = parseArgs({
  options: {
    ...flags,
    'validation-seeds': { type: 'string', default: '11,12,13' },
    alphas: { type: 'string', default: '0,0.02,0.04,0.07,0.1' },
    rounds: { type: 'string', default: '3' },
  },
});

if (!values.draw)
  await compute(
    'reproduce',
    values,
    count('rounds', values.rounds),
    ({ dpo, update }) =>
      numbers('alphas', values.alphas).map((alpha) => settings({ ...dpo, objective: 'lr-dpo', alpha, lr: update.lr })),
    (validated) => validated.map((candidate) => candidate.settings),
  );
draw('reproduce', select, alphaReport, plotAlphas);
