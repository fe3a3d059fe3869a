/**
 * `npm run bench [-- SHAPE …] [--backend NAME] [--threads N] [--runs N]`: update and sampling speed beside the PyTorch
 * peer (bench/peer) in float32 with the same threads, interleaved runs, medians and ratios. Writes
 * bench/results/cpu-BACKEND.json. Without torch it prints ours alone and says so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendChoice } from '../src/core/config/schema.js';
import { machine } from './machine.js';
import { median } from './median.js';
import { lastLine, measure } from './run.js';
import { cpuShapes, shapes } from './shapes.js';

const root = path.resolve(import.meta.dirname, '../..');
const python = process.env.PYTHON ?? 'python3';
const figures = ['pairs_per_s', 'sample_tokens_per_s', 'peak_mem_mb'] as const;
type Figures = Record<(typeof figures)[number], number>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { backend: { type: 'string' }, threads: { type: 'string' }, runs: { type: 'string', default: '5' } },
});
const unknown = positionals.filter((name) => !(name in shapes));
if (unknown.length > 0) {
  console.error(`no shape ${unknown.join(', ')}; there are ${Object.keys(shapes).join(', ')}`);
  process.exit(2);
}
const backend = (values.backend ?? 'auto') as BackendChoice;
// The wasm backend has one thread.
const threads = Number(values.threads ?? (backend === 'wasm' ? 1 : availableParallelism()));
const runs = Number(values.runs);

/** Fewer pairs where a step of eight would take long. */
const pairsOf = (shape: string) => (shape === '135m' ? 2 : 8);

/**
 * glibc gives large blocks back to the system and takes them anew in every step. Kept, the peer is up to three times
 * faster here: that is what we compare with.
 */
const keepMemory = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
  MALLOC_TOP_PAD_: String(2 ** 26),
};

function peer(shape: string): Figures {
  const script = path.join(root, 'bench/peer/torch_lr_dpo.py');
  const pairs = String(pairsOf(shape));
  const args = ['--shape', shape, '--threads', String(threads), '--sample', '64', '--pairs', pairs, '--micro', pairs];
  const env = { ...process.env, ...keepMemory, OMP_NUM_THREADS: String(threads) };
  return lastLine(execFileSync(python, [script, ...args], { encoding: 'utf8', env })) as Figures;
}

const torch = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
const hasPeer = torch.status === 0;
const described = { ...machine(), torch: hasPeer ? torch.stdout.trim() : null, threads, runs };
console.log(
  `${described.processor}, ${described.cores} cores, Node ${described.node}, ${threads} threads, ${hasPeer ? `torch ${described.torch}` : `no torch in ${python}: ours alone`}`,
);

const results: Record<string, unknown>[] = [];
let used = '';
for (const shape of positionals.length > 0 ? positionals : cpuShapes) {
  const [mine, theirs]: [Figures[], Figures[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const result = measure({ shape, backend, threads, pairs: pairsOf(shape) });
    used = result.backend;
    mine.push(result);
    if (hasPeer) theirs.push(peer(shape));
  }
  for (const figure of figures) {
    const a = median(mine.map((row) => row[figure]));
    const b = hasPeer ? median(theirs.map((row) => row[figure])) : null;
    const ratio = b === null ? null : a / b;
    const spread = (rows: Figures[]) => rows.map((row) => row[figure]);
    results.push({
      shape,
      backend: used,
      figure,
      ours: a,
      peer: b,
      ratio,
      runs: { ours: spread(mine), peer: spread(theirs) },
    });
    const compared = b === null ? '' : `  peer ${b.toFixed(1)}  ratio ${(ratio as number).toFixed(2)}`;
    console.log(`${shape.padEnd(6)} ${used.padEnd(6)} ${figure.padEnd(20)} ${a.toFixed(1)}${compared}`);
  }
}
writeFileSync(
  path.join(root, `bench/results/cpu-${used}.json`),
  JSON.stringify({ machine: described, results }, null, 2) + '\n',
);
