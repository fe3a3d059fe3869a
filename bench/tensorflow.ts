/**
 * `npm run bench:tensorflow [-- SHAPE …] [--runs N]`: the backends tensorflow (tools/tfjs-node), native and wasm beside
 * the PyTorch peer, interleaved, medians and all runs. Writes bench/results/tensorflow.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendName } from '../src/core/config/schema.js';
import { machine } from './machine.js';
import { median } from './median.js';
import { figures as speeds, measureTorch, pairsOf, peerVersions, root } from './peer.js';
import { measure } from './run.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '5' } },
});
const folder = process.env.BREVITY_TFJS_NODE;
if (folder === undefined) throw new Error('start it with `npm run bench:tensorflow`, which builds tfjs-node');
const threads = availableParallelism();
const runs = Number(values.runs);
const { torch } = peerVersions();
const backends: BackendName[] = ['tensorflow', 'native', 'wasm'];

/** Processor time depends less than speed on the machine's other work. */
const figures = [...speeds, 'step_cpu_s', 'sample_cpu_s'] as const;
type Figures = Record<(typeof figures)[number], number>;

const results: Record<string, unknown>[] = [];
for (const shape of positionals.length > 0 ? positionals : ['tiny', '15m']) {
  const measured = new Map<string, Figures[]>();
  const add = (name: string, found: Figures) => {
    measured.set(name, [...(measured.get(name) ?? []), found]);
    console.error(
      `${shape} ${name}: ${found.pairs_per_s.toFixed(2)} pairs/s, ${found.sample_tokens_per_s.toFixed(0)} tokens/s`,
    );
  };
  const loads: number[] = [];
  for (let run = 0; run < runs; run++) {
    for (const backend of backends) {
      loads.push(loadavg()[0]);
      add(
        backend,
        measure({ shape, backend, pairs: pairsOf(shape), threads: backend === 'tensorflow' ? null : threads }),
      );
    }
    if (torch !== null) add('pytorch', measureTorch(shape, threads) as Figures);
  }
  for (const figure of figures) {
    const rows = [...measured].map(([name, found]) => {
      const all = found.map((each) => each[figure]);
      return { name, median: median(all), runs: all };
    });
    results.push({ shape, figure, ...Object.fromEntries(rows.map(({ name, ...row }) => [name, row])) });
    const text = rows.map(({ name, median: middle }) => `${name} ${middle.toPrecision(4)}`).join('  ');
    console.log(`${shape.padEnd(6)} ${figure.padEnd(20)} ${text}`);
  }
  // Shows other work on the machine: one of our runs alone raises it to the number of cores at most.
  results.push({ shape, figure: 'load_average_before_each_run', runs: loads });
}
const versions: unknown = JSON.parse(readFileSync(path.join(folder, 'complete.json'), 'utf8'));
const described = { ...machine(), versions, torch, threads, runs };
writeFileSync(
  path.join(root, 'bench/results/tensorflow.json'),
  JSON.stringify({ machine: described, results }, null, 2) + '\n',
);
