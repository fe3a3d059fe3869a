/**
 * `npm run bench:scale`: the cost of a round from public figures (cost.ts), the processor time that the client needs per
 * answer (client.ts), and the work queue over 1 to 64 simulated endpoints (simulate.ts). Writes
 * bench/results/scale.json; bench/scale/README.md explains it. `--fast` simulates a quarter of the responses.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { machine } from '../machine.js';
import { answerCost } from './client.js';
import { costs } from './cost.js';
import type { Speed } from './endpoint.js';
import { figures, round } from './figures.js';
import { type Scenario, type Simulated, simulate } from './simulate.js';

const fast = process.argv.includes('--fast');
const responses = fast ? (round.prompts * round.samples) / 4 : round.prompts * round.samples;

/** One endpoint of each size as in figures.ts. A single stream reads all weights once per token, at 3.35 TB/s. */
const speeds: Record<'7B' | '70B', Speed> = {
  '7B': { throughput: figures.decode8b.value, single: 150, slots: 256 },
  '70B': { throughput: figures.decode70bFp8.value * 2 * figures.decodeBf16Share.value, single: 60, slots: 256 },
};

const client = await answerCost();
const common: Scenario = {
  endpoints: 1,
  speed: speeds['7B'],
  concurrency: 256,
  responses,
  lengths: 'mixed',
  longest: round.response,
  client: client.seconds * (client.meanTokens / client.tokens),
  latency: 0.002,
  slow: 0,
  failureEvery: Infinity,
  restart: figures.restart.value,
  unavailable: 0,
  balance: 'queue',
  seed: 1,
};

interface Row extends Simulated {
  name: string;
  endpoints: number;
}

const rows: Row[] = [];
async function run(name: string, change: Partial<Scenario>): Promise<void> {
  const scenario = { ...common, ...change };
  const result = await simulate(scenario);
  rows.push({ name, endpoints: scenario.endpoints, ...result });
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(8);
  console.log(
    `${name.padEnd(44)} ${String(scenario.endpoints).padStart(3)} ${result.seconds.toFixed(0).padStart(7)} s ${share(result.efficiency)} ${share(result.clientBusy)} client`,
  );
}

console.log('Cost of a round');
for (const { model, gpus, update, seconds, total, gpuHours, dollars } of costs()) {
  const stages = Object.entries(seconds)
    .map(([stage, value]) => `${stage} ${(value / 60).toFixed(1)}`)
    .join(', ');
  console.log(
    `${model} on ${gpus} GPUs (${update}): ${(total / 60).toFixed(0)} min (${stages}), ${gpuHours.toFixed(0)} GPU h, $${dollars.toFixed(0)}`,
  );
}
console.log(
  `\nThe client computes ${(client.seconds * 1000).toFixed(2)} ms per answer of ${client.tokens} tokens (${Math.round(client.bytes / 1024)} KiB), and waits ${(client.sync * 1000).toFixed(2)} ms for the disk per prompt\n`,
);

for (const endpoints of [1, 4, 8, 16, 32, 64]) await run('7B', { endpoints });
for (const endpoints of [16, 32, 64]) await run('7B, a client that takes no time', { endpoints, client: 0 });
await run('7B, one tenth at a quarter of the speed', { endpoints: 8, slow: 0.1 });
await run('the same, shared out beforehand', { endpoints: 8, slow: 0.1, balance: 'static' });
// Long enough for failures to occur.
const whole = { endpoints: 8, responses: round.prompts * round.samples, failureEvery: 300 };
await run('7B, each fails every 5 min and restarts', whole);
// At 5 min, all eight would be down before the round is sampled.
await run('7B, each fails every 30 min for good', { ...whole, failureEvery: 1800, restart: Infinity });
await run('7B, one request in 200 answered with 503', { endpoints: 8, unavailable: 0.005 });
await run('7B, 64 requests in flight at each', { endpoints: 8, concurrency: 64 });
for (const endpoints of [4, 8])
  await run('7B, with the wait for the disk', { endpoints, client: common.client + client.sync / round.samples });
for (const endpoints of [4, 16]) await run('70B', { endpoints, speed: speeds['70B'] });

writeFileSync(
  path.resolve(import.meta.dirname, '../../../bench/results/scale.json'),
  `${JSON.stringify({ machine: machine(), figures, round, costs: costs(), client, responses, simulations: rows }, null, 2)}\n`,
);
