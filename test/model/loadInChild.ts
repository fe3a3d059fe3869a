/**
 * Run by tests in a process of its own: loads the model of argv[2] on the backend of argv[3], `frozen` or `trained` by
 * argv[4], and prints what memory that took.
 */
import { memoryUsage, resourceUsage } from 'node:process';
import type { BackendName } from '../../src/core/config/schema.js';
import { loadModel } from '../../src/model/folder.js';
import { useBackend as startBackend } from '../../src/tensor/backend.js';

const [, , dir, backend, use] = process.argv;
await startBackend(backend as BackendName);
const before = memoryUsage.rss();
const model = await loadModel(dir, { frozen: use === 'frozen' });
const peak = resourceUsage().maxRSS * 1024;
const parameters = [...model.transformer.parameters.values()];
const weights = parameters.reduce((sum, { variable }) => sum + 4 * variable.size, 0);
process.stdout.write(JSON.stringify({ grown: peak - before, weights }));
