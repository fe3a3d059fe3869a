/** Run by memory.test.ts in a process of its own: loads the model of argv[2] and prints what memory that took. */
import { memoryUsage, resourceUsage } from 'node:process';
import { loadModel } from '../../src/model/folder.js';
import { useBackend as startBackend } from '../../src/tensor/backend.js';

await startBackend('wasm');
const before = memoryUsage.rss();
const model = await loadModel(process.argv[2]);
const peak = resourceUsage().maxRSS * 1024;
const parameters = [...model.transformer.parameters.values()];
const weights = parameters.reduce((sum, { variable }) => sum + 4 * variable.size, 0);
process.stdout.write(JSON.stringify({ grown: peak - before, weights }));
