/** What an engine does with a run of which a part is damaged: it starts, says which part, and serves the rest. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Run } from '../../src/run/run.js';
import { newRound } from '../../src/core/rounds.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config } from './fakes.js';

const fresh = temporaryDirectories();
const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };
const reviewRow = {
  ...{ prompt_index: 0, prompt: 'p', rewards: [1, 0], lengths: [3, 2], truncated: [false, false], logps: [] },
  ...{ automatic: { chosen: 0, rejected: 1 }, chosen_text: 'a', rejected_text: 'b' },
};

/** Round 0 done, round 1 done, round 2 in review, which is the current one. */
function reviewed() {
  const run = Run.create(path.join(fresh(), 'run'), config);
  run.addRound({ ...newRound(0, null, settings), stage: 'done' });
  run.addRound({ ...newRound(1, 0, settings), stage: 'done' });
  run.addRound({ ...newRound(2, 1, settings), stage: 'review', pairs: 1 });
  const file = (name: string) => run.files.file(2, name);
  writeFileSync(file('review.jsonl'), JSON.stringify(reviewRow) + '\n');
  mkdirSync(run.files.roundDir(2), { recursive: true });
  return { run, file };
}

it.each<[string, string, string]>([
  ['scores.jsonl of a reward that overflowed', 'held-out-scores.jsonl', '{"prompt_index":0,"rewards":[null]}\n'],
  ['metrics.jsonl with a null', 'metrics.jsonl', '{"step":1,"loss":null}\n'],
  ['decisions.jsonl that undoes nothing', 'decisions.jsonl', '{"at":"","action":"undo"}\n'],
  [
    'decisions.jsonl of a response that is not there',
    'decisions.jsonl',
    '{"at":"","action":"decide","decision":{"prompt_index":0,"ruling":{"kind":"pair","chosen":7,"rejected":0},"note":""}}\n',
  ],
  ['review.jsonl with a negative weight', 'review.jsonl', JSON.stringify({ ...reviewRow, weight: -1 }) + '\n'],
  [
    'review.jsonl with further pairs of no responses',
    'review.jsonl',
    JSON.stringify({ ...reviewRow, further: [{ chosen: 0, rejected: 9 }] }) + '\n',
  ],
  [
    'review.jsonl with a later response as the same',
    'review.jsonl',
    JSON.stringify({ ...reviewRow, same: [1, 1] }) + '\n',
  ],
  ['review.jsonl with too few lengths', 'review.jsonl', JSON.stringify({ ...reviewRow, lengths: [1] }) + '\n'],
  ['pairs.jsonl that is no JSON', 'pairs.jsonl', 'no\n{}\n'],
])('starts with a %s, names it, and goes on from a sound round', async (_name, name, content) => {
  const { run, file } = reviewed();
  const round = name.startsWith('held-out') ? 0 : 2;
  writeFileSync(run.files.file(round, name), content);
  if (round === 0) run.select(0);
  const bench = new Bench(Run.open(run.directory));
  await bench.start();
  const { engine } = bench.engine.snapshot();
  expect(engine.activity).toBe('idle');
  expect(engine.problem).toContain(run.files.file(round, name));
  expect(() => bench.engine.handle({ type: 'launch' })).toThrow(round === 0 ? 'from review only' : name);
  // Rounds beside it are sound.
  await bench.command({ type: 'switch', round: 1 });
  expect(bench.engine.snapshot().engine.problem).toBeNull();
  await bench.command({ type: 'next-round' });
  expect(bench.running('sample').round.id).toBe(3);
  expect(file(name)).toBeDefined();
});

it('goes on after a repair with retry', async () => {
  const { run, file } = reviewed();
  run.updateRound(2, { stage: 'update' });
  const whole = readFileSync(file('review.jsonl'));
  appendFileSync(file('review.jsonl'), '{}\n');
  const bench = new Bench(Run.open(run.directory));
  await bench.start();
  expect(bench.engine.snapshot().engine.problem).toContain('review.jsonl:2');
  expect(bench.compute.job).toBeNull();
  writeFileSync(file('review.jsonl'), whole);
  await bench.command({ type: 'retry' });
  expect(bench.running('update').round.id).toBe(2);
  expect(bench.engine.snapshot().engine.problem).toBeNull();
});

it('starts on a round that run.json has damaged, and refuses to build on it', async () => {
  const { run } = reviewed();
  const data = JSON.parse(readFileSync(path.join(run.directory, 'run.json'), 'utf8')) as {
    rounds: { stage: string }[];
  };
  data.rounds[2].stage = 'lunch';
  writeFileSync(path.join(run.directory, 'run.json'), JSON.stringify(data));
  const bench = new Bench(Run.open(run.directory));
  await bench.start();
  const { engine, rounds } = bench.engine.snapshot();
  expect(engine).toMatchObject({ activity: 'idle', problem: expect.stringContaining('`rounds.2.stage`') as string });
  expect(rounds[2].damaged).toContain('`rounds.2.stage`');
  for (const command of [
    { type: 'next-round' },
    { type: 'fork', parent: 2 },
    { type: 'redo-round', round: 2 },
    { type: 'judge', round: 2, verdict: 'accepted' },
    { type: 'name-round', round: 2, name: 'x' },
  ] as const)
    expect(() => bench.engine.handle(command)).toThrow('round 2 is damaged');
  await bench.command({ type: 'switch', round: 1 });
  await bench.command({ type: 'delete-round', round: 2 });
  expect(Run.open(run.directory).problems).toEqual([]);
});

it('refuses settings named like what every object has', async () => {
  const { run } = reviewed();
  const bench = new Bench(Run.open(run.directory));
  await bench.start();
  for (const name of ['constructor', 'toString', '__proto__'])
    expect(() => bench.engine.handle({ type: 'set', settings: JSON.parse(`{"${name}":1}`) as object })).toThrow(
      `unknown setting ${name}; expected alpha, beta or lr`,
    );
});
