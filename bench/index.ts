/**
 * `npm run bench [-- SHAPE …] [--backend NAME] [--threads N] [--precision bf16] [--runs N]`: update and sampling speed
 * beside a plain PyTorch program and TRL's DPOTrainer (bench/peer) in float32 with the same threads, interleaved runs,
 * medians and ratios; with bfloat16 products also beside torch's bfloat16 autocast. Writes a file in bench/results, whose
 * name says the backend and, for native, the instruction set that decides its speed (cpu-native-avx2.json). A peer that
 * is not installed is named as missing; a torch that users no longer install is refused.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendChoice } from '../src/core/config/schema.js';
import { machine, vectors } from './machine.js';
import { median } from './median.js';
import { type Figures, figures, measureTorch, measureTrl, pairsOf, peerVersions, root } from './peer.js';
import { measure } from './run.js';
import { cpuShapes, shapes } from './shapes.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string' },
    threads: { type: 'string' },
    precision: { type: 'string', default: 'fp32' },
    runs: { type: 'string', default: '5' },
  },
});
const unknown = positionals.filter((name) => !(name in shapes));
if (unknown.length > 0) {
  console.error(`no shape ${unknown.join(', ')}; there are ${Object.keys(shapes).join(', ')}`);
  process.exit(2);
}
const backend = (values.backend ?? 'auto') as BackendChoice;
const threads = Number(values.threads ?? availableParallelism());
const runs = Number(values.runs);
const precision = values.precision === 'bf16' ? 'bf16' : null;

const versions = peerVersions();
const described = { ...machine(), ...versions, threads, precision: precision ?? 'fp32', runs };
const named = Object.entries(versions).map(([name, version]) => `${name} ${version ?? 'missing'}`);
console.log(
  `${described.processor} (${described.instruction_sets.join(' ')}), ${described.cores} cores, Node ${described.node}, ${threads} threads, ${named.join(', ')}`,
);

/** With bfloat16 products, torch both in float32 and under bfloat16 autocast: the faster one is the peer to beat. */
type PeerName = 'torch' | 'torch-bf16' | 'trl';

interface Compared {
  shape: string;
  backend: string;
  figure: string;
  peer_name: PeerName;
  ours: number;
  /** null: the peer is not installed. */
  peer: number | null;
  ratio: number | null;
  /** Every run, interleaved with the peer's. */
  runs: { ours: number[]; peer: number[] };
}

const results: Compared[] = [];
let used = '';

function compare(
  shape: string,
  figure: string,
  peer_name: Compared['peer_name'],
  ours: number[],
  peer: number[],
): void {
  const [a, b] = [median(ours), peer.length > 0 ? median(peer) : null];
  const ratio = b === null ? null : a / b;
  results.push({ shape, backend: used, figure, peer_name, ours: a, peer: b, ratio, runs: { ours, peer } });
  const compared = b === null || ratio === null ? 'missing' : `${b.toFixed(1)}  ratio ${ratio.toFixed(2)}`;
  console.log(
    `${shape.padEnd(6)} ${used.padEnd(6)} ${figure.padEnd(20)} ${a.toFixed(1)}  ${peer_name} ${compared}  (ours ${spread(ours)})`,
  );
}

function spread(values: number[]): string {
  return `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
}

for (const shape of positionals.length > 0 ? positionals : cpuShapes) {
  const mine: Figures[] = [];
  const torch: Figures[] = [];
  const torchBf16: Figures[] = [];
  const trl: number[] = [];
  for (let run = 0; run < runs; run++) {
    const own = backend === 'cuda' || backend === 'tensorflow' ? null : threads;
    const result = measure({ shape, backend, precision, threads: own, pairs: pairsOf(shape) });
    used = result.backend;
    mine.push(result);
    if (versions.torch !== null) torch.push(measureTorch(shape, threads));
    if (versions.torch !== null && precision === 'bf16') torchBf16.push(measureTorch(shape, threads, 'bf16'));
    if (versions.trl !== null) trl.push(measureTrl(shape, threads));
  }
  for (const figure of figures) {
    const values = (rows: Figures[]) => rows.map((row) => row[figure]);
    compare(shape, figure, 'torch', values(mine), values(torch));
    if (precision === 'bf16') compare(shape, figure, 'torch-bf16', values(mine), values(torchBf16));
    if (figure === 'pairs_per_s') compare(shape, figure, 'trl', values(mine), trl);
  }
}
const kind = used === 'native' ? [vectors(described.instruction_sets)] : [];
const file = ['cpu', used, ...kind, ...(precision === null ? [] : [precision])].join('-');
writeFileSync(
  path.join(root, `bench/results/${file}.json`),
  JSON.stringify({ machine: described, results }, null, 2) + '\n',
);
