/** A client that attached early has folded the events into what a client that attaches now is told. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { applyEvent } from '../../src/protocol/reducer.js';
import type { Snapshot } from '../../src/protocol/messages.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, evaluation, metrics, pair, response, sampled } from './fakes.js';

const fresh = temporaryDirectories();

const row = {
  prompt_index: 0,
  prompt: 'p',
  rewards: [1, 0],
  lengths: [3, 3],
  truncated: [false, false],
  logps: [-3, -3],
  automatic: { chosen: 0, rejected: 1 },
  chosen_text: 'yes',
  rejected_text: 'yes',
};
const progress = { type: 'progress', unit: 'responses', tokens: 9, tokens_per_second: 3, seconds_left: 1 } as const;
const answered = (sample: number) =>
  ({ type: 'response', prompt_index: 0, sample, prompt: 'p', response: { ...response } }) as const;

it('in every stage', async () => {
  const b = new Bench(Run.create(path.join(fresh(), 'run'), config));
  await b.start();
  let early: Snapshot = structuredClone(b.engine.snapshot());
  let folded = b.events.length;
  const check = () => {
    for (; folded < b.events.length; folded++) {
      const event = b.events[folded];
      if (event.type === 'bye') throw new Error('the engine ended');
      early = event.type === 'snapshot' ? event.snapshot : applyEvent(early, event);
    }
    const { engine: _now, ...now } = structuredClone(b.engine.snapshot());
    const { engine: _then, ...then } = early;
    expect(JSON.parse(JSON.stringify(then))).toEqual(JSON.parse(JSON.stringify(now)));
    return now;
  };

  const base = b.running('evaluate');
  base.report(answered(0));
  base.report({ type: 'rewards', rewards: [{ prompt_index: 0, sample: 0, reward: 2 }] });
  // All that the base has are its held-out responses.
  expect(check()).toMatchObject({ lengths: [3], rewards: [2], responses: [{ held_out: true, reward: 2 }] });
  await b.finish('evaluate', evaluation);

  const sampling = b.running('sample');
  for (const sample of [0, 1]) sampling.report(answered(sample));
  sampling.report({ ...progress, done: 2, total: 2 });
  expect(check()).toMatchObject({ round: 1, lengths: [3, 3], progress: { stage: 'sample', done: 2 } });
  await b.finish('sample', sampled(2));

  b.running('score').report({
    type: 'rewards',
    rewards: [1, 0].map((reward, sample) => ({ prompt_index: 0, sample, reward })),
  });
  expect(check()).toMatchObject({ rewards: [1, 0], responses: [{ reward: 1 }, { reward: 0 }] });
  await b.finish('score', { pairs: [pair], review: [row], dropped });
  await b.command({ type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 0, rejected: 1 } });
  expect(check()).toMatchObject({ pairs: [pair], review: [{ prompt: 'p' }], decisions: { undoable: 1 } });

  await b.command({ type: 'launch' });
  const update = b.running('update');
  update.report({ type: 'step', metrics: metrics(1) });
  update.report({ type: 'step', metrics: metrics(2) });
  update.report({ type: 'probe', probe: { step: 0, probe: 0, prompt: 'p', text: 't', length: 1, truncated: false } });
  expect(check().metrics.map(({ step }) => step)).toEqual([1, 2]);
  update.report({ type: 'rewound', metrics: [metrics(1)] });
  expect(check().metrics.map(({ step }) => step)).toEqual([1]);
  await b.command({ type: 'abort' });
  await b.finish('update', { steps: 1, outcome: 'aborted' });
  expect(check()).toMatchObject({ metrics: [], probes: [] });

  await b.command({ type: 'launch' });
  await b.finish('update', { steps: 9, outcome: 'done' });
  const judging = b.running('evaluate');
  judging.report(answered(0));
  judging.report({ type: 'rewards', rewards: [{ prompt_index: 0, sample: 0, reward: 5 }] });
  // Held-out responses are shown and do not count as samples.
  expect(check()).toMatchObject({
    lengths: [3, 3],
    rewards: [1, 0],
    responses: [{}, {}, { held_out: true, reward: 5 }],
  });
  await b.finish('evaluate', { ...evaluation, round: 1 });
  expect(check()).toMatchObject({ progress: null });
});
