/**
 * `npm run reproduce:objectives`: one round of every objective on the same samples and pairs, each with the settings
 * that the validation prompts select from a small grid. Writes bench/results/reproduce-objectives.json and .md and
 * docs/reproduce-objectives.svg. `--draw` runs nothing and makes table and picture from existing results.
 */
import { parseArgs } from 'node:util';
import { compute, flags } from './compute.js';
import { objectivesGrid } from './grid.js';
import { plotObjectives } from './plot.js';
import { draw } from './report.js';
import { selectEach } from './select.js';
import { objectivesReport } from './tables.js';

const { values } = parseArgs({ options: { ...flags, 'validation-seeds': { type: 'string', default: '11,12' } } });

if (!values.draw)
  await compute(
    'reproduce-objectives',
    values,
    1,
    () => objectivesGrid,
    (validated) => selectEach(validated).map(({ settings }) => settings),
  );
draw('reproduce-objectives', selectEach, objectivesReport, plotObjectives);
