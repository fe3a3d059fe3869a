/**
 * `npm run bench:scaling`: the cost of one update as responses grow from 64 to 2,048 tokens and as the model grows from
 * 1 to 135 million parameters. The last column is the cost per token and parameter relative to the first row: 1.00 is
 * linear. A prompt counts once for both responses, and passes through all weights but the head. Writes
 * bench/results/scaling.json.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { machine } from './machine.js';
import { measure } from './run.js';
import { shapes } from './shapes.js';

interface Row {
  shape: string;
  parameters: number;
  pairs: number;
  response: number;
  tokens: number;
  seconds: number;
  /** Nanoseconds of a step per token and parameter. */
  cost: number;
}

function row(shape: string, pairs: number, response: number): Row {
  const prompt = 64;
  // Steps of a small model are short, and the first few run before JavaScript is compiled.
  const steps = shape === 'tiny' ? 40 : 4;
  const { step_s: seconds, parameters } = measure({ shape, pairs, prompt, response, steps, samples: 0 });
  const head = shapes[shape].hidden_size * shapes[shape].vocab_size;
  const tokens = pairs * (prompt + 2 * response);
  const meetings = tokens * (parameters - head) + pairs * 2 * response * head;
  return { shape, parameters, pairs, response, tokens, seconds, cost: (seconds * 1e9) / meetings };
}

function print(title: string, rows: Row[]): void {
  console.log(`\n${title}\nshape   parameters  pairs  response  tokens  seconds  against linear`);
  for (const { shape, parameters, pairs, response, tokens, seconds, cost } of rows) {
    const cells = [
      shape.padEnd(6),
      String(parameters).padStart(11),
      String(pairs).padStart(6),
      String(response).padStart(9),
    ];
    const numbers = [
      String(tokens).padStart(7),
      seconds.toFixed(3).padStart(8),
      (cost / rows[0].cost).toFixed(2).padStart(15),
    ];
    console.log([...cells, ...numbers].join(' '));
  }
}

// Every step has the same number of response tokens, so that only the distances between them grow.
const byLength = [64, 128, 256, 512, 1024, 2048].map((response) => row('15m', Math.max(1, 2048 / response), response));
print('Responses grow', byLength);
const byModel = ['tiny', '15m', '135m'].map((shape) => row(shape, 4, 128));
print('The model grows', byModel);
writeFileSync(
  path.resolve(import.meta.dirname, '../../bench/results/scaling.json'),
  JSON.stringify({ machine: machine(), byLength, byModel }, null, 2) + '\n',
);
