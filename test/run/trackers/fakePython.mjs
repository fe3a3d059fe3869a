#!/usr/bin/env node
/**
 * Stands in for a Python with the helper's packages. It appends what it gets to $FAKE_LOG; $FAKE_STEP is the last step that
 * a tracker run is said to have, $FAKE_ERROR is answered to points, $FAKE_MISSING: the package is missing.
 */
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, code, kind, settings, check] = process.argv.slice(2);
const { FAKE_LOG, FAKE_STEP, FAKE_ERROR, FAKE_MISSING, FAKE_PROBLEM } = process.env;
if (code.includes('find_spec')) process.exit(FAKE_MISSING === undefined ? 0 : 3);
const answer = (fields) => process.stdout.write(JSON.stringify(fields) + '\n');
const log = (row) => appendFileSync(FAKE_LOG, JSON.stringify(row) + '\n');
if (check === 'check') {
  answer({ problem: FAKE_PROBLEM ?? null });
  process.exit(0);
}
log({ kind, settings: JSON.parse(settings) });
answer({ ok: true });
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  log(message);
  if (message.open !== undefined) answer({ step: FAKE_STEP === undefined ? null : Number(FAKE_STEP) });
  else answer(FAKE_ERROR === undefined ? { ok: true } : { error: FAKE_ERROR });
}
