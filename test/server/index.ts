/**
 * `npm run test:server -- --url URL[,URL…] [--policy DIR] [--key-variable NAME] [--work DIR] [--tolerance NATS]`: the
 * suite in suite.ts against a running vLLM or SGLang that serves the policy (the bundled one unless given).
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runSuite } from './report.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    policy: { type: 'string', default: path.resolve(import.meta.dirname, '../../data/base-policy') },
    'key-variable': { type: 'string' },
    work: { type: 'string' },
    tolerance: { type: 'string', default: '0.1' },
    out: { type: 'string' },
  },
});

if (values.url === undefined) {
  console.error('test:server needs --url, the address of a running vLLM or SGLang, e.g. --url http://127.0.0.1:8000');
  process.exit(2);
}
const work = path.resolve(values.work ?? mkdtempSync(path.join(tmpdir(), 'brevity-server-')));
mkdirSync(work, { recursive: true });
const passed = await runSuite(
  {
    urls: values.url.split(','),
    policy: path.resolve(values.policy),
    keyVariable: values['key-variable'] ?? null,
    work,
    tolerance: Number(values.tolerance),
  },
  { out: values.out ?? null, about: {} },
);
process.exit(passed ? 0 : 1);
