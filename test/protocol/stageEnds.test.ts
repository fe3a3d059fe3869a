import { describe, expect, it } from 'vitest';
import type { RoundState, Stage } from '../../src/core/rounds.js';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { StageWatch } from '../../src/protocol/stageEnds.js';
import { round, snapshot } from '../components/fixtures.js';

const became = (stage: Stage, seconds: RoundState['seconds'] = {}, id = 2): EngineEvent => ({
  type: 'round',
  round: round(id, stage, { seconds }),
});
/** What is told of these events, after a snapshot of round 2 in a stage. */
function told(from: Stage, ...events: EngineEvent[]): (string | undefined)[] {
  const watch = new StageWatch();
  watch.take({ type: 'snapshot', snapshot: snapshot(from) });
  return events.map((event) => watch.take(event)?.message);
}

describe('the end of a stage', () => {
  it('is told once, with the time that it took', () => {
    const end = became('score', { sample: 61 });
    expect(told('sample', end, end)).toEqual(['round 2: sampling is done after 1:01', undefined]);
    expect(told('update', became('evaluate', { update: 75 }))).toEqual(['round 2: the update is done after 1:15']);
  });

  it('is not told of a stage that passes within seconds, unless the person waits for more than that', () => {
    expect(told('sample', became('score', { sample: 2 }), became('review', { sample: 2, score: 1 }))).toEqual([
      undefined,
      undefined,
    ]);
    expect(told('score', became('review', { sample: 60, score: 1 }))).toEqual(['round 2 waits for your review']);
    expect(told('evaluate', became('done', { update: 60, evaluate: 1 }))).toEqual(['round 2 is done']);
  });

  it('is not told to whoever did it: a launch, an abort, pairs made again, another round', () => {
    const long = { sample: 60, score: 60, update: 60 };
    expect(told('review', became('update', long))).toEqual([undefined]);
    expect(told('update', became('review', long))).toEqual([undefined]);
    expect(told('review', became('score', long))).toEqual([undefined]);
    expect(told('done', became('sample', {}, 3))).toEqual([undefined]);
  });

  it('is not told of a stage that had ended before this terminal attached', () => {
    expect(told('done', became('done', { evaluate: 99 }))).toEqual([undefined]);
  });
});

it('a queued attempt does not wait for a person in review', () => {
  const watch = new StageWatch();
  watch.take({ type: 'snapshot', snapshot: snapshot('score') });
  watch.take({ type: 'queue', queue: { waiting: [], running: 2, held: false, last: 1 } });
  expect(watch.take(became('review', { sample: 60, score: 20 }))).toMatchObject({ outcome: 'done', stage: 'score' });
});

it('a failure is told however soon it comes, as plain text', () => {
  const watch = new StageWatch();
  watch.take({ type: 'snapshot', snapshot: snapshot('update') });
  expect(watch.take({ type: 'problem', round: 2, stage: 'update', message: 'no \x1b]9;memory\x07' })).toEqual({
    ...{ round: 2, stage: 'update', outcome: 'failed', seconds: 0 },
    message: 'round 2: the update has failed: no  ]9;memory ',
  });
});
