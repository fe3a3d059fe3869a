/**
 * `npm run bench:scaling`: the cost of one update as responses grow from 128 to 4,096 tokens, as the model grows from 1 to
 * 494 million parameters (the largest with LoRA), and over as many threads as there are processors. `against linear`
 * is the cost per token and parameter relative to the first row: 1.00 is linear. A prompt counts once for both
 * responses, and passes through all weights but the head; frozen weights have no gradient, which is a third less work.
 * Writes bench/results/scaling.json.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { machine } from './machine.js';
import { measure } from './run.js';
import { shapes, updateOperations } from './shapes.js';

interface Row {
  shape: string;
  parameters: number;
  lora: number;
  threads: number;
  pairs: number;
  response: number;
  tokens: number;
  seconds: number;
  gflop_per_s: number;
  /** Nanoseconds of a step per token and parameter. */
  cost: number;
}

const prompt = 64;
const all = availableParallelism();

function row(shape: string, pairs: number, response: number, { lora = 0, threads = all } = {}): Row {
  // Steps of a small model are short, and the first few run before JavaScript is compiled.
  const steps = shape === 'tiny' ? 40 : 4;
  const measured = measure({ shape, backend: 'native', threads, pairs, prompt, response, steps, samples: 0, lora });
  const { step_s: seconds, parameters } = measured;
  const head = shapes[shape].hidden_size * shapes[shape].vocab_size;
  const tokens = pairs * (prompt + 2 * response);
  const meetings = tokens * (parameters - head) + pairs * 2 * response * head;
  const operations = updateOperations(shape, { pairs, prompt, response, lora: lora > 0 });
  const gflop_per_s = operations / seconds / 1e9;
  const cost = (seconds * 1e9) / (meetings * (lora > 0 ? 2 / 3 : 1));
  return { shape, parameters, lora, threads, pairs, response, tokens, seconds, gflop_per_s, cost };
}

function print(title: string, rows: Row[], against: (row: Row) => string): void {
  console.log(
    `\n${title}\nshape   parameters  LoRA  threads  pairs  response  tokens  seconds  GFLOP/s  against linear`,
  );
  for (const of of rows) {
    const { shape, parameters, lora, threads, pairs, response, tokens, seconds, gflop_per_s } = of;
    const cells = [
      shape.padEnd(6),
      String(parameters).padStart(11),
      String(lora || '').padStart(5),
      String(threads).padStart(8),
      String(pairs).padStart(6),
      String(response).padStart(9),
      String(tokens).padStart(7),
      seconds.toFixed(3).padStart(8),
      gflop_per_s.toFixed(0).padStart(8),
      against(of).padStart(15),
    ];
    console.log(cells.join(' '));
  }
}

const relative =
  (rows: Row[]) =>
  ({ cost }: Row): string =>
    (cost / rows[0].cost).toFixed(2);

// Every step has the same number of response tokens, so that only the distances between them grow.
const byLength = [128, 256, 512, 1024, 2048, 4096].map((response) =>
  row('15m', Math.max(1, 4096 / response), response),
);
print('Responses grow', byLength, relative(byLength));
const byModel = [
  row('tiny', 4, 128),
  row('15m', 4, 128),
  row('135m', 4, 128),
  row('135m', 4, 128, { lora: 16 }),
  row('0.5b', 4, 128, { lora: 16 }),
];
print('The model grows', byModel, relative(byModel));
const counts = Array.from({ length: Math.ceil(Math.log2(all)) + 1 }, (_, i) => Math.min(2 ** i, all));
const byThreads = [...new Set(counts)].map((threads) => row('15m', 8, 128, { threads }));
// Here linear is the time of one thread divided by their number.
print('Threads', byThreads, ({ cost, threads }) => ((cost * threads) / byThreads[0].cost).toFixed(2));
writeFileSync(
  path.resolve(import.meta.dirname, '../../bench/results/scaling.json'),
  JSON.stringify({ machine: machine(), byLength, byModel, byThreads }, null, 2) + '\n',
);
