/** The command launcher: templates of the user's. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { JobConfig } from '../../../src/core/config/schema.js';
import { temporaryDirectories } from '../../temporary.js';
import { JobBench, sleepingCommand } from './bench.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

const fresh = temporaryDirectories();
const benches: JobBench[] = [];
const templates = {
  submit:
    'echo submitting; echo {name} >> {dir}/../submissions; setsid {script} >> {dir}/log 2>&1 < /dev/null & echo $!',
  status: 'if kill -0 {id} 2> /dev/null; then echo running; else echo done; fi',
  cancel: 'kill -TERM -{id}',
};
const made = (job: Partial<JobConfig> = {}): JobBench => {
  benches.push(new JobBench(fresh(), { launcher: 'command', ...templates, ...job }));
  return benches[benches.length - 1];
};
afterEach(() => {
  for (const bench of benches.splice(0)) bench.end();
});

it('submits, watches and takes the result', async () => {
  const b = made();
  expect(await b.watch()).toMatchObject({ steps: 4, outcome: 'done', job: { launcher: 'command', state: 'ended' } });
  expect(readFileSync(path.join(b.round, 'submissions'), 'utf8')).toMatch(/^brevity-[0-9a-f]{8}-r0001-a1\n$/);
});

it('cancels', async () => {
  expect(await made({ command: sleepingCommand }).abortRunning()).toMatchObject({ outcome: 'aborted' });
});

it.each<[string, Partial<JobConfig>, RegExp]>([
  [
    'no template',
    { submit: null },
    /^update\.job\.submit is missing; the command launcher needs submit, status and cancel$/,
  ],
  ['no id', { submit: 'true' }, /^the submit command printed no id; expected one as its last line$/],
  ['a failure', { submit: 'echo "not logged in" >&2; exit 4' }, /^the submit command failed: not logged in$/],
])('%s', async (_name, job, message) => {
  expect((await made(job).watch()).error).toMatch(message);
});
