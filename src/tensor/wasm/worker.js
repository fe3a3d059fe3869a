/**
 * One thread of threads.ts: waits for a call on the shared control block and computes its part of it. Plain JavaScript,
 * so that a thread starts without a loader.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, stack, names, part, parts, buffer, words } = workerData;
const { CALL, FINISHED, FAILED, KERNEL, COUNT, SPINS } = words;
const control = new Int32Array(buffer, 0, words.WORDS);
const numbers = new Float64Array(buffer, words.WORDS * 4);

const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.__stack_pointer.value = stack;
const kernels = names.map((name) => exports[name]);

let call = 0;
parentPort.postMessage('ready');
for (;;) {
  for (let spins = 0; Atomics.load(control, CALL) === call; spins++) {
    if (spins >= SPINS) Atomics.wait(control, CALL, call);
  }
  call = Atomics.load(control, CALL);
  try {
    kernels[control[KERNEL]](...numbers.subarray(0, control[COUNT]), part, parts);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
  Atomics.add(control, FINISHED, 1);
  Atomics.notify(control, FINISHED);
}
