/**
 * `npm run bench [-- SHAPE …] [--backend NAME] [--threads N] [--runs N]`: update and sampling speed beside the PyTorch
 * peer (bench/peer) in float32 with the same threads, interleaved runs, medians and ratios. Writes
 * bench/results/cpu-BACKEND.json. Without torch it prints only our figures and says so.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendChoice } from '../src/core/config/schema.js';
import { machine } from './machine.js';
import { median } from './median.js';
import { type Figures, figures, measurePeer, pairsOf, root, torchVersion } from './peer.js';
import { measure } from './run.js';
import { cpuShapes, shapes } from './shapes.js';

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
// The wasm backend uses one thread.
const threads = Number(values.threads ?? (backend === 'wasm' ? 1 : availableParallelism()));
const runs = Number(values.runs);

const torch = torchVersion();
const described = { ...machine(), torch, threads, runs };
console.log(
  `${described.processor}, ${described.cores} cores, Node ${described.node}, ${threads} threads, torch ${torch ?? 'missing'}`,
);

const results: Record<string, unknown>[] = [];
let used = '';
for (const shape of positionals.length > 0 ? positionals : cpuShapes) {
  const [mine, theirs]: [Figures[], Figures[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const own = backend === 'auto' || backend === 'native' ? threads : null;
    const result = measure({ shape, backend, threads: own, pairs: pairsOf(shape) });
    used = result.backend;
    mine.push(result);
    if (torch !== null) theirs.push(measurePeer(shape, threads));
  }
  for (const figure of figures) {
    const a = median(mine.map((row) => row[figure]));
    const b = torch !== null ? median(theirs.map((row) => row[figure])) : null;
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
