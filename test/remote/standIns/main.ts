/**
 * Stand-ins in a process of their own, for tests of whole runs: `tsx test/remote/standIns/main.ts KIND MODEL [FAULTS…]`.
 * One server for each JSON object of faults; prints their URLs, one per line, and serves until it is ended. A message
 * `{ server, faults }` over its channel changes the faults of a server.
 */
import { useBackend } from '../../../src/tensor/backend.js';
import type { BackendName } from '../../../src/core/config/schema.js';
import type { Faults } from './faults.js';
import { StandIn } from './standIn.js';

const [kind, folder, ...given] = process.argv.slice(2);
await useBackend((process.env['BREVITY_TEST_BACKEND'] ?? 'wasm') as BackendName);
const standIns: StandIn[] = [];
for (const faults of given.length === 0 ? ['{}'] : given)
  standIns.push(await StandIn.start(kind as 'vllm' | 'sglang', folder, JSON.parse(faults) as Faults));
for (const { url } of standIns) console.log(url);
process.on('message', ({ server, faults }: { server: number; faults: Faults }) => {
  Object.assign(standIns[server].faults, faults);
});
