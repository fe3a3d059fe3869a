/**
 * `npm run bench [-- SHAPE …]`: update and sampling speed beside the PyTorch peer (bench/peer), one thread each, five
 * interleaved runs (RUNS=n for another number), medians and ratios. Writes bench/results/cpu.json. Without torch it prints ours alone and says so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import path from 'node:path';
import { shapes } from './shapes.js';

const root = path.resolve(import.meta.dirname, '../..');
const python = process.env.PYTHON ?? 'python3';
const RUNS = Number(process.env.RUNS ?? 5);
const figures = ['pairs_per_s', 'sample_tokens_per_s', 'peak_mem_mb'] as const;
type Figures = Record<(typeof figures)[number], number>;

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in shapes));
if (unknown.length > 0) {
  console.error(`no shape ${unknown.join(', ')}; there are ${Object.keys(shapes).join(', ')}`);
  process.exit(2);
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const last = (text: string) => JSON.parse(text.trim().split('\n').at(-1) ?? '') as Figures & Record<string, unknown>;
const ours = (shape: string) =>
  last(execFileSync(process.execPath, [path.join(import.meta.dirname, 'measure.js'), shape], { encoding: 'utf8' }));
const peer = (shape: string) =>
  last(
    execFileSync(
      python,
      [path.join(root, 'bench/peer/torch_lr_dpo.py'), '--shape', shape, '--threads', '1', '--sample', '64'],
      {
        encoding: 'utf8',
        env: { ...process.env, OMP_NUM_THREADS: '1' },
      },
    ),
  );

const torch = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
const hasPeer = torch.status === 0;
const machine = {
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0].model.trim(),
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  torch: hasPeer ? torch.stdout.trim() : null,
  threads: 1,
  runs: RUNS,
};
console.log(
  `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, ${hasPeer ? `torch ${machine.torch}` : `no torch in ${python}: ours alone`}`,
);

const results: Record<string, unknown>[] = [];
for (const shape of named.length > 0 ? named : Object.keys(shapes)) {
  const [mine, theirs]: [Figures[], Figures[]] = [[], []];
  let backend = '';
  for (let run = 0; run < RUNS; run++) {
    const result = ours(shape);
    backend = String(result.backend);
    mine.push(result);
    if (hasPeer) theirs.push(peer(shape));
  }
  for (const figure of figures) {
    const a = median(mine.map((row) => row[figure]));
    const b = hasPeer ? median(theirs.map((row) => row[figure])) : null;
    const ratio = b === null ? null : a / b;
    results.push({ shape, backend, figure, ours: a, peer: b, ratio });
    const compared = b === null ? '' : `  peer ${b.toFixed(1)}  ratio ${(ratio as number).toFixed(2)}`;
    console.log(`${shape.padEnd(6)} ${backend.padEnd(6)} ${figure.padEnd(20)} ${a.toFixed(1)}${compared}`);
  }
}
writeFileSync(path.join(root, 'bench/results/cpu.json'), JSON.stringify({ machine, results }, null, 2) + '\n');
