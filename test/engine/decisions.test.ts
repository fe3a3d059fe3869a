/** Human decisions in the engine: kept on disk before clients hear of them, replayed, counted, launched with. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import type { ReviewRow } from '../../src/core/review/rows.js';
import { writeJsonLines } from '../../src/io/jsonl.js';
import { readDecisionState } from '../../src/run/stages/reviewFiles.js';
import { samplesKey } from '../../src/core/review/decisions.js';
import { Run } from '../../src/run/run.js';
import { diskFull, operationsOf } from '../io/operations.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, evaluation, pair, sampled } from './fakes.js';

const fresh = temporaryDirectories();

const row = (prompt_index: number, automatic: ReviewRow['automatic']): ReviewRow => ({
  prompt_index,
  prompt: `prompt ${prompt_index}`,
  rewards: [1, 0, 2],
  lengths: [3, 4, 5],
  truncated: [false, false, false],
  logps: [-1, -2, -3],
  automatic,
  chosen_text: 'c',
  rejected_text: 'r',
});
const review = [row(3, { chosen: 2, rejected: 1 }), row(7, { chosen: 2, rejected: 1 }), row(9, 'ties')];
const pairs = [3, 7].map((prompt_index) => ({ ...pair, prompt_index, prompt_ids: [1, 1] }));

let b: Bench;
const decisions = () => b.engine.snapshot().decisions;
const counts = () => Run.open(b.run.directory).round(1).decisions;
const onDisk = () =>
  readFileSync(b.run.files.file(1, 'decisions.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { action: string }).action);

beforeEach(async () => {
  b = new Bench(Run.create(path.join(fresh(), 'run'), config));
  await b.start();
  await b.finish('evaluate', evaluation);
  await b.finish('sample', sampled(0));
  // As the scoring stage does.
  writeJsonLines(b.run.files.file(1, 'review.jsonl'), review);
  await b.finish('score', { pairs, review, dropped });
});

describe('decisions', () => {
  it('are journalled, counted, told, undone and redone', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'pair', chosen: 1, rejected: 2 } });
    await b.command({ type: 'decide', prompt_index: 9, ruling: { kind: 'pair', chosen: 0, rejected: 1 }, note: 'so' });
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } });
    expect(decisions()).toMatchObject({ undoable: 3, redoable: 0 });
    expect(counts()).toEqual({ swapped: 1, repaired: 1, confirmed: 0, excluded: 1, ties: 0, noted: 1 });
    await b.command({ type: 'undo' });
    expect(decisions()).toMatchObject({ undoable: 2, redoable: 1 });
    expect(decisions().decisions.map(({ prompt_index }) => prompt_index)).toEqual([3, 9]);
    expect(counts()).toMatchObject({ excluded: 0 });
    await b.command({ type: 'redo' });
    expect(counts()).toMatchObject({ excluded: 1 });
    expect(onDisk()).toEqual(['decide', 'decide', 'decide', 'undo', 'redo']);
    expect(b.events.filter(({ type }) => type === 'decisions')).toHaveLength(5);
  });

  it('on many prompts are one row, which one undo takes back', async () => {
    await b.command({ type: 'decide', prompt_index: 7, note: 'why' });
    await b.command({ type: 'decide-all', prompts: [3, 7], ruling: 'exclude', reviewer: 'ann' });
    expect(onDisk()).toEqual(['decide', 'decide-all']);
    expect(counts()).toMatchObject({ excluded: 2, noted: 1 });
    expect(decisions().decisions).toMatchObject([
      { prompt_index: 7, ruling: { kind: 'exclude' }, note: 'why', reviewer: 'ann' },
      { prompt_index: 3, ruling: { kind: 'exclude' }, reviewer: 'ann' },
    ]);
    // Another engine reads the same.
    expect(readDecisionState(b.run.files, 1, review).decisions.size).toBe(2);
    await b.command({ type: 'undo' });
    expect(counts()).toMatchObject({ excluded: 0, noted: 1 });
    await b.command({ type: 'redo' });
    expect(counts()).toMatchObject({ excluded: 2 });
  });

  it('on many prompts that one of them cannot have decide none', () => {
    const refused = (command: object) => expect(() => b.engine.handle(command as never));
    refused({ type: 'decide-all', prompts: [3, 9], ruling: 'confirm' }).toThrow('prompt 10 has no pair to confirm');
    refused({ type: 'decide-all', prompts: [3], ruling: 'swap' }).toThrow('is no decision on many prompts');
    refused({ type: 'decide-all', prompts: '3', ruling: 'tie' }).toThrow('is no decision on many prompts');
    refused({ type: 'decide-all', prompts: [3], weight: 'x' }).toThrow('expected a number from 0');
    refused({ type: 'decide-all', prompts: [], ruling: 'tie' }).toThrow('no prompt was named');
    refused({ type: 'decide-all', prompts: [3], ruling: 'tie', reviewer: 'a\nb' }).toThrow('expected a name');
    refused({ type: 'decide', prompt_index: 3, note: 'x', reviewer: '' }).toThrow('expected a name');
    expect(existsSync(b.run.files.file(1, 'decisions.jsonl'))).toBe(false);
  });

  it('of a journal that was made elsewhere are taken over, and one undo returns to those before', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'tie' }, reviewer: 'ann' });
    const file = path.join(fresh(), 'merged.jsonl');
    const merged = [3, 7].map((prompt_index) => ({
      ...{ prompt_index, ruling: { kind: 'exclude' as const }, note: '', reviewer: 'ann, bob', blind: true as const },
      samples: samplesKey(review.find((each) => each.prompt_index === prompt_index) as ReviewRow),
    }));
    writeJsonLines(file, [{ at: '', action: 'decide-all', decisions: merged }], 'user');
    await b.command({ type: 'take-decisions', file });
    expect(decisions().decisions).toEqual(merged);
    expect(counts()).toMatchObject({ excluded: 2, ties: 0 });
    await b.command({ type: 'undo' });
    expect(counts()).toMatchObject({ excluded: 0, ties: 1 });
    const take = (rows: object[]) => {
      writeJsonLines(file, rows, 'user');
      return expect(() => b.engine.handle({ type: 'take-decisions', file }));
    };
    take([{ at: '', action: 'decide', decision: { ...merged[0], samples: '00000000000000' } }]).toThrow(
      `${file} does not belong to the samples of round 1: prompt 4: its responses or rewards are others`,
    );
    take([{ at: '', action: 'decide', decision: { ...merged[0], prompt_index: 4 } }]).toThrow(
      'there is no such prompt',
    );
    take([]).toThrow('decides nothing');
    expect(() => b.engine.handle({ type: 'take-decisions', file: 'merged.jsonl' })).toThrow('absolute path');
  });

  it('change the number of pairs that everything tells: run.json, clients, the plan, and what is trained on', async () => {
    const told = async () => ({
      disk: Run.open(b.run.directory).round(1).pairs,
      clients: b.engine.snapshot().rounds[1].pairs,
      plan: (await b.engine.answer({ type: 'read-plan', round: 1 })).pairs,
    });
    expect(await told()).toEqual({ disk: 2, clients: 2, plan: 2 });
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'tie' } });
    // A prompt whose rewards are tied gets a pair by hand.
    await b.command({ type: 'decide', prompt_index: 9, ruling: { kind: 'pair', chosen: 0, rejected: 1 } });
    expect(Run.open(b.run.directory).round(1)).toMatchObject({ pairs: 1, dropped: { ties: 0 } });
    expect(b.engine.snapshot().rounds[1].pairs).toBe(1);
    await b.command({ type: 'undo' });
    await b.command({ type: 'undo' });
    expect(b.run.round(1)).toMatchObject({ pairs: 1, dropped: { ties: 1 } });
    expect((await told()).clients).toBe(1);
  });

  it('are counted anew when a run is opened, whatever a crash has left in run.json', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
    // The journal has this one; the process died before it wrote run.json.
    const lost = { at: '', action: 'decide', decision: { prompt_index: 7, ruling: { kind: 'tie' }, note: 'why' } };
    appendFileSync(b.run.files.file(1, 'decisions.jsonl'), JSON.stringify(lost) + '\n');
    const opened = { pairs: 0, decisions: { excluded: 1, ties: 1, noted: 1 } };
    expect(Run.open(b.run.directory).round(1)).toMatchObject(opened);
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(again.engine.snapshot().rounds[1]).toMatchObject(opened);
  });

  it('in a damaged journal leave the counts as they were, and the run opens', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
    appendFileSync(b.run.files.file(1, 'decisions.jsonl'), 'no JSON\n{"action":"undo"}\n');
    expect(Run.open(b.run.directory).round(1)).toMatchObject({ pairs: 1, decisions: { excluded: 1 } });
  });

  it('stand in the next process as they stood', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'tie' }, note: 'both wrong' });
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } });
    await b.command({ type: 'undo' });
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(again.engine.snapshot().decisions).toEqual({
      decisions: [{ prompt_index: 3, ruling: { kind: 'tie' }, note: 'both wrong' }],
      undoable: 1,
      redoable: 1,
    });
  });

  it('that the journal holds have succeeded, whatever becomes of run.json', async () => {
    const written: string[] = [];
    const full = (line: string) => {
      written.push(line);
      if (line.includes('run.json')) diskFull();
    };
    const command = { type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } } as const;
    operationsOf(b.run.directory, () => b.engine.handle(command), full);
    expect(written).toContain('write rounds/0001/decisions.jsonl');
    expect(decisions().decisions).toHaveLength(1);
    expect(b.run.round(1)).toMatchObject({ pairs: 1, decisions: { excluded: 1 } });
    expect(counts()).toMatchObject({ excluded: 1 });
    const again = new Bench(Run.open(b.run.directory));
    expect(again.engine.snapshot().decisions).toEqual(decisions());
  });

  it('are not taken by an engine that may not write the run any more', () => {
    const run = Run.open(b.run.directory, {
      beforeWrite: () => {
        throw new UserError('another engine has the run');
      },
    });
    const late = new Bench(run);
    expect(() => late.engine.handle({ type: 'decide', prompt_index: 3, ruling: { kind: 'tie' } })).toThrow('another');
    expect(existsSync(run.files.file(1, 'decisions.jsonl'))).toBe(false);
  });

  it('go with a round that is done again', async () => {
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } });
    await b.toDone();
    await b.command({ type: 'redo-round', round: 1, settings: { alpha: 0.5 } });
    expect(b.engine.snapshot()).toMatchObject({
      round: 2,
      decisions: { decisions: [{ prompt_index: 7, ruling: { kind: 'exclude' } }] },
    });
  });

  it('that are none are refused, and nothing is kept of them', () => {
    const refused = (command: Parameters<Bench['command']>[0]) => expect(() => b.engine.handle(command));
    refused({ type: 'undo' }).toThrow('there is no decision to undo');
    refused({ type: 'redo' }).toThrow('there is no decision to redo');
    refused({ type: 'decide', prompt_index: 4, ruling: { kind: 'tie' } }).toThrow('there is no prompt 5 to decide');
    refused({ type: 'decide', prompt_index: 3, ruling: { kind: 'pair', chosen: 3, rejected: 0 } }).toThrow(
      'there is no response 3',
    );
    refused({ type: 'decide', prompt_index: 3, ruling: { kind: 'no' } as never }).toThrow('is no decision');
    refused({ type: 'decide', prompt_index: 3, note: 'x'.repeat(2001) }).toThrow('at most 2000');
    for (const weight of [-1, NaN, Infinity, 1001, '2' as never])
      refused({ type: 'decide', prompt_index: 3, weight }).toThrow(
        /prompt 4: weight .*: expected a number from 0 to 1000/,
      );
    expect(decisions()).toEqual({ decisions: [], undoable: 0, redoable: 0 });
  });

  it('have no place outside review', async () => {
    await b.command({ type: 'launch' });
    expect(() => b.engine.handle({ type: 'decide', prompt_index: 3, ruling: null })).toThrow('in review only');
    expect(() => b.engine.handle({ type: 'undo' })).toThrow('in review only');
  });
});

describe('weights by hand', () => {
  const lastRow = () =>
    JSON.parse(readFileSync(b.run.files.file(1, 'decisions.jsonl'), 'utf8').trim().split('\n').at(-1) ?? '');

  it('are journalled, counted and undone, and stand in the next process', async () => {
    await b.command({ type: 'decide', prompt_index: 3, weight: 0.5 });
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
    const decision = { prompt_index: 3, ruling: { kind: 'exclude' }, note: '', weight: 0.5 };
    expect(lastRow()).toMatchObject({ action: 'decide', decision });
    expect(counts()).toMatchObject({ weighted: 1, excluded: 1 });
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(again.engine.snapshot().decisions.decisions).toEqual([decision]);
    await b.command({ type: 'undo' });
    await b.command({ type: 'undo' });
    expect(decisions().decisions).toEqual([]);
    await b.command({ type: 'redo' });
    await b.command({ type: 'decide', prompt_index: 3, weight: null });
    expect(decisions().decisions).toEqual([]);
  });

  it('out of range in the journal are damage', async () => {
    const decision = { prompt_index: 3, ruling: null, note: '', weight: -1 };
    appendFileSync(
      b.run.files.file(1, 'decisions.jsonl'),
      JSON.stringify({ at: '', action: 'decide', decision }) + '\n',
    );
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(() => again.engine.handle({ type: 'launch' })).toThrow(/decisions\.jsonl:1.*from 0 to 1000/);
  });
});

describe('another strategy', () => {
  const pairing = { strategy: 'length-penalized', length_penalty: 1 } as const;
  // Rewards 1, 0, 2 less lengths 3, 4, 5.
  const again = review.map((each): ReviewRow => ({ ...each, automatic: { chosen: 0, rejected: 1 } }));

  it('makes the pairs of the round in review again; its decisions stay', async () => {
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' }, note: 'why' });
    await b.command({ type: 'set-pairs', pairs: pairing });
    expect(Run.open(b.run.directory).round(1)).toMatchObject({ stage: 'score', overrides: { pairs: pairing } });
    writeJsonLines(b.run.files.file(1, 'review.jsonl'), again);
    const made = [3, 7, 9].map((prompt_index) => ({ ...pair, prompt_index, prompt_ids: [1, 1] }));
    await b.finish('score', { pairs: made, review: again, dropped: { ...dropped, ties: 0 } });
    const round = Run.open(b.run.directory).round(1);
    // Prompt 7 stays out.
    expect(round).toMatchObject({ stage: 'review', pairs: 2, dropped: { ties: 0 }, decisions: { excluded: 1 } });
    expect(decisions().decisions).toMatchObject([{ prompt_index: 7, note: 'why' }]);
    expect((await b.engine.answer({ type: 'read-plan', round: 1 })).pairs).toBe(2);
  });

  it('is refused where it cannot be used, and outside review', async () => {
    const refused = (pairs: object) => expect(() => b.engine.handle({ type: 'set-pairs', pairs }));
    refused({ strategy: 'wpo', length_penalty: 1 }).toThrow('strategy wpo does not use it');
    refused({ strategy: 'length-penalized' }).toThrow('needs λ above 0');
    refused({ strategy: 'best' }).toThrow('pairs.strategy: "best": expected one of');
    refused({ min_gap: 99 }).toThrow('strategy best-worst gives no pairs of round 1; choose another, or lower min_gap');
    refused({ sort: 1 }).toThrow('pairs.sort: unknown key');
    expect(b.run.round(1)).toMatchObject({ stage: 'review', overrides: {} });
    await b.command({ type: 'launch' });
    refused(pairing).toThrow('in review only');
  });
});

describe('a launch', () => {
  it('with no pair left is refused', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'tie' } });
    expect(() => b.engine.handle({ type: 'launch' })).toThrow('no pair of round 1 is left to train on');
    expect(b.run.round(1).stage).toBe('review');
  });

  it('is planned with all pairs of each prompt', async () => {
    const two = review.map((each) => ({ ...each, further: [{ chosen: 0, rejected: 1 }] }));
    const bench = new Bench(Run.create(path.join(fresh(), 'run'), config));
    await bench.start();
    await bench.finish('evaluate', evaluation);
    await bench.finish('sample', sampled(0));
    writeJsonLines(bench.run.files.file(1, 'review.jsonl'), two);
    const made = [3, 3, 7, 7].map((prompt_index) => ({ ...pair, prompt_index, prompt_ids: [1, 1] }));
    await bench.finish('score', { pairs: made, review: two, dropped });
    expect(bench.run.round(1).pairs).toBe(4);
    // A note is a decision that changes no pair.
    await bench.command({ type: 'decide', prompt_index: 7, note: 'hm' });
    expect((await bench.engine.answer({ type: 'read-plan', round: 1 })).pairs).toBe(4);
    await bench.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'pair', chosen: 0, rejected: 2 } });
    await bench.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } });
    expect(Run.open(bench.run.directory).round(1).pairs).toBe(1);
    const { pairs: count, steps, tokens } = await bench.engine.answer({ type: 'read-plan', round: 1 });
    // Twice the prompt of 2 tokens, responses of 3 and 5.
    expect({ count, each: tokens / steps }).toEqual({ count: 1, each: 12 });
  });

  it('is planned with the pairs as decided', async () => {
    await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'pair', chosen: 2, rejected: 0 } });
    await b.command({ type: 'decide', prompt_index: 7, ruling: { kind: 'exclude' } });
    // Twice the prompt of 2 tokens, responses of 5 and 3.
    const { pairs: count, steps, tokens } = await b.engine.answer({ type: 'read-plan', round: 1 });
    expect({ count, each: tokens / steps }).toEqual({ count: 1, each: 12 });
  });
});
