/** Remarks of a judge are kept beside the round's rewards and reported; held-out responses are graded, not ranked. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { rewardOptionsSchema } from '../../../src/core/config/schema.js';
import { uncontrolled } from '../../../src/core/control.js';
import type { SampleRow } from '../../../src/core/rows.js';
import { runFiles } from '../../../src/core/runFiles.js';
import { namedByUser } from '../../../src/rewards/index.js';
import type { Report, WorkContext } from '../../../src/run/stages/context.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { scoreInto } from '../../../src/run/stages/score.js';
import { shownIn, startJudge, type JudgeServer } from '../../rewards/judge/judgeServer.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
let server: JudgeServer;
afterEach(() => server.close());

const samples = ['one', 'two'].map((prompt, prompt_index) => ({
  prompt_index,
  prompt,
  prompt_ids: [1],
  responses: ['x', 'xx'].map((text) => ({ ids: [1], text, logps: -1, token_logprobs: [-1], finish_reason: 'stop' })),
})) as SampleRow[];

function contextOf(run: string): { context: WorkContext; reports: Report[]; file(name: string): string } {
  const files = runFiles(run, { model: 'm' } as WorkContext['config']);
  mkdirSync(files.roundDir(1), { recursive: true });
  const reports: Report[] = [];
  const cache = { file: path.join(run, 'judge-cache.jsonl'), place: 'run' } as const;
  return {
    reports,
    file: (name) => files.file(1, name),
    context: {
      config: { reward: server.spec, rewards: rewardOptionsSchema.parse({ concurrency: 1, retries: 0 }) },
      models: new ModelShelf(namedByUser, undefined, cache),
      files,
      round: { id: 1 },
      control: uncontrolled,
      report: (report: Report) => reports.push(report),
    } as unknown as WorkContext,
  };
}

const rowsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

it('of scoring, also if it fails; the next attempt asks only what is missing', async () => {
  let fails = true;
  server = await startJudge((asked) => {
    if (fails && asked.messages[0].content.includes('\ntwo\n')) return { status: 500 };
    return shownIn(asked).first.length > 1 ? 'A' : 'B';
  });
  const run = fresh();
  const first = contextOf(run);
  const file = first.file('scores.jsonl');
  await expect(scoreInto(file, samples, first.context)).rejects.toThrow('answered 500');
  expect(rowsOf(file)).toEqual([{ prompt_index: 0, rewards: [0, 1] }]);
  fails = false;
  server.asked.length = 0;
  const second = contextOf(run);
  expect(await scoreInto(file, samples, second.context)).toEqual([
    { prompt_index: 0, rewards: [0, 1] },
    { prompt_index: 1, rewards: [0, 1] },
  ]);
  expect(server.asked).toHaveLength(2);
  const kept = rowsOf(first.file('remarks.jsonl'));
  expect(kept).toHaveLength(2);
  expect(kept[1]).toMatchObject({ stage: 'score', reward: server.spec });
  expect(second.reports).toContainEqual({ type: 'remarks', row: kept[1] });
  expect((kept[1] as { remarks: string[] }).remarks[1]).toBe(
    'judge judge: 1 of 1 pair went to the same response in both orders',
  );
});

it('of an evaluation, whose responses are graded', async () => {
  server = await startJudge(() => '7');
  const { context, file } = contextOf(fresh());
  const single = samples.map((row) => ({ ...row, responses: row.responses.slice(0, 1) }));
  const rows = await scoreInto(file('held-out-scores.jsonl'), single, context, { absolute: true });
  expect(rows.map(({ rewards }) => rewards)).toEqual([[7], [7]]);
  expect(rowsOf(file('remarks.jsonl'))).toMatchObject([{ stage: 'evaluate' }]);
});

it('are none without a judge', async () => {
  server = await startJudge(() => '7');
  const { context, file } = contextOf(fresh());
  context.models.reward = () => Promise.resolve({ spec: 'r', score: () => Promise.resolve(), dispose() {} });
  await scoreInto(file('scores.jsonl'), samples, context);
  expect(() => readFileSync(file('remarks.jsonl'))).toThrow();
});
