/** Steps of a verification: limits, judgement, what is left out, and what is on disk in the middle of it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type Step, type StepResult, Verification } from '../../../bench/gpu/steps.js';
import { temporaryDirectories } from '../../temporary.js';

const temporaryDirectory = temporaryDirectories();

interface Results {
  steps: Record<string, StepResult>;
}

function verification(seconds = 60) {
  const file = path.join(temporaryDirectory(), 'out.json');
  const said: string[] = [];
  const run = new Verification(
    file,
    seconds,
    () => ({}),
    (line) => said.push(line),
  );
  return { run, said, results: () => JSON.parse(readFileSync(file, 'utf8')) as Results };
}

const node = (name: string, code: string, more: Partial<Step> = {}): Step => ({
  ...{ name, limit: 30, command: [process.execPath, '-e', code] },
  ...more,
});

it('a step passes with what its judge read off it', async () => {
  const { run, results } = verification();
  expect(await run.run(node('one', 'console.log(41)', { judge: (stdout) => Number(stdout) + 1 }))).toBe(true);
  expect(results().steps.one).toMatchObject({ status: 'passed', figures: 42, output: ['41'] });
});

it('a program that fails, and one whose output is not good, are failures with their words', async () => {
  const { run, results } = verification();
  expect(await run.run(node('falls', 'console.error("no luck"); process.exit(3)'))).toBe(false);
  const judge = () => {
    throw new Error('91 tests passed; 94 are in the file');
  };
  expect(await run.run(node('fewer', '', { judge }))).toBe(false);
  expect(await run.run({ name: 'nothing', limit: 5, command: ['/no/such/program'] })).toBe(false);
  const { steps } = results();
  expect(steps.falls).toMatchObject({ status: 'failed', why: 'no luck (exit 3)', output: ['no luck'] });
  expect(steps.fewer).toMatchObject({ status: 'failed', why: '91 tests passed; 94 are in the file' });
  expect(steps.nothing.why).toContain('ENOENT');
});

it('what hangs is ended with all that it started, and what it had said is kept', async () => {
  const { run, results } = verification();
  // The sleeping child holds the pipe open: the step would not end while it lived.
  const code = `
    require('node:child_process').spawn('sleep', ['600'], { stdio: 'inherit' });
    console.log('begun');
    setInterval(() => {}, 1000);`;
  expect(await run.run(node('hangs', code, { limit: 2 }))).toBe(false);
  expect(results().steps.hangs).toMatchObject({ status: 'failed', why: 'not done within 2 s', output: ['begun'] });
});

it('nothing is begun when the time is used up, or after it was stopped', async () => {
  const { run, results } = verification(5);
  expect(await run.run(node('late', ''))).toBe(false);
  expect(results().steps.late).toMatchObject({ status: 'left out', why: 'the time of 5 s was used up' });
  const other = verification();
  const running = other.run.run(node('runs', 'setInterval(() => {}, 1000)'));
  other.run.stop('ended by SIGTERM');
  expect(await running).toBe(false);
  await other.run.run(node('next', ''));
  expect(other.results().steps).toMatchObject({
    runs: { status: 'failed', why: 'ended by SIGTERM' },
    next: { status: 'left out', why: 'ended by SIGTERM' },
  });
});
