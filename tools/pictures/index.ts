/**
 * `npm run pictures`: takes runs on the bundled example through their rounds in a real pseudo-terminal, and draws what the
 * program sent: the pictures of README.md and docs/. `npm run pictures -- example` (or `mixture`) runs one session alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recordExample } from './example.js';
import { recordMixture } from './mixture.js';

const sessions: Record<string, (folder: string) => Promise<void>> = {
  example: recordExample,
  mixture: recordMixture,
};

const named = process.argv.slice(2);
const unknown = named.find((name) => sessions[name] === undefined);
if (unknown !== undefined)
  throw new Error(`no session is called ${unknown}; there are ${Object.keys(sessions).join(' and ')}`);

for (const [name, record] of Object.entries(sessions)) {
  if (named.length > 0 && !named.includes(name)) continue;
  const folder = mkdtempSync(path.join(tmpdir(), 'brevity-pictures-'));
  try {
    await record(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
