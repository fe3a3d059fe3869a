/**
 * `npm run reproduce`: three rounds at α = 0 and three at α > 0 on the bundled example, several seeds each. Writes the
 * numbers (bench/results/reproduce.json), a table (…/reproduce.md) and a picture (docs/reproduce.svg). `--draw` runs
 * nothing and makes the table and picture from existing numbers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { configSchema } from '../../src/core/config/schema.js';
import { useBackend } from '../../src/tensor/backend.js';
import { dataFolder, readExample, readPrompts } from './files.js';
import { plot } from './plot.js';
import { type Run, runRounds } from './rounds.js';
import { markdownTable, summarize } from './summary.js';

const root = path.resolve(dataFolder, '..');
const results = path.join(root, 'bench', 'results', 'reproduce.json');

const { values: options } = parseArgs({
  options: {
    config: { type: 'string', default: path.join(dataFolder, 'example.json') },
    alphas: { type: 'string' },
    seeds: { type: 'string', default: '1,2,3' },
    rounds: { type: 'string', default: '3' },
    backend: { type: 'string', default: 'auto' },
    draw: { type: 'boolean', default: false },
  },
});

async function run(): Promise<void> {
  const config = readExample(options.config);
  const alphas = options.alphas?.split(',').map(Number) ?? [0, config.dpo.alpha];
  const seeds = options.seeds.split(',').map(Number);
  const backend = await useBackend(configSchema.shape.backend.parse(options.backend));
  const task = {
    config,
    prompts: readPrompts(config.prompts),
    heldOut: readPrompts(config.held_out),
    rounds: Number(options.rounds),
    heldOutSamples: 4,
    log: (line: string) => void process.stderr.write(`${line}\n`),
  };
  const { sampling, dpo, update } = config;
  const machine = `${os.cpus()[0].model}, Node ${process.version}, ${backend.name}`;
  mkdirSync(path.dirname(results), { recursive: true });
  const runs: Run[] = [];
  for (const seed of seeds) {
    for (const alpha of alphas) {
      runs.push(await runRounds(task, alpha, seed));
      // Written after each run, so that an interrupted reproduction keeps its results.
      writeFileSync(results, JSON.stringify({ machine, settings: { sampling, dpo, update }, runs }, null, 1) + '\n');
    }
  }
}

function draw(): void {
  const { runs } = JSON.parse(readFileSync(results, 'utf8')) as { runs: Run[] };
  const points = summarize(runs);
  const table = markdownTable(points);
  writeFileSync(results.replace(/json$/, 'md'), table + '\n');
  writeFileSync(path.join(root, 'docs', 'reproduce.svg'), plot(points));
  process.stdout.write(table + '\n');
}

if (!options.draw) await run();
draw();
