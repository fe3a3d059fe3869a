import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { replay } from '../../src/core/review/decisions.js';
import { droppedIn, readScoredFile, trlPairs } from '../../src/run/reviewFile.js';
import { temporaryDirectories } from '../temporary.js';

const temporaryDirectory = temporaryDirectories();

function written(...rows: unknown[]): string {
  const file = path.join(temporaryDirectory(), 'scored.jsonl');
  writeFileSync(file, rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''));
  return file;
}

const response = (text: string, reward: number, more = {}) => ({ text, reward, ...more });

describe('readScoredFile', () => {
  it('makes a row a prompt, best against worst', () => {
    const { rows, details, unit } = readScoredFile(
      written({
        prompt: 'Hi',
        responses: [response('b', 1), response('a', 2), response('日本👍', -1)],
        more: 'ignored',
      }),
      null,
    );
    expect(rows).toEqual([
      {
        ...{ prompt_index: 0, prompt: 'Hi', rewards: [1, 2, -1], lengths: [1, 1, 3], truncated: [false, false, false] },
        ...{ logps: [], automatic: { chosen: 1, rejected: 2 }, chosen_text: 'a', rejected_text: '日本👍' },
        same: [0, 1, 2],
      },
    ]);
    expect(details[0].responses[2]).toEqual({ text: '日本👍', length: 3, reward: -1, logps: null, truncated: false });
    expect(unit).toBe('characters');
  });

  it('says why a prompt has no pair', () => {
    const { rows } = readScoredFile(
      written(
        { prompt: '1', responses: [response('a', 1)] },
        { prompt: '2', responses: [response('a', 1), response('b', 1)] },
        { prompt: '3', responses: [response('a', 1), response('a', 2)] },
        { prompt: '4', responses: [response('a', 1), response('b', 2)] },
      ),
      null,
    );
    expect(rows.map(({ automatic }) => automatic)).toEqual([
      'too_few',
      'ties',
      'identical',
      { chosen: 1, rejected: 0 },
    ]);
    expect(rows[2].same).toEqual([0, 0]);
    expect(droppedIn(rows)).toEqual({ too_few: 1, ties: 1, identical: 1, below_gap: 0 });
  });

  it('takes what `brevity score` writes: lengths in tokens, log-probabilities, truncation', () => {
    const { rows, unit } = readScoredFile(
      written({
        prompt_ids: [1, 2],
        responses: [
          response('a', 1, { ids: [5, 6, 7], logps: -3, finish_reason: 'length' }),
          response('b', 2, { ids: [5], logps: -1, finish_reason: 'stop' }),
        ],
      }),
      null,
    );
    expect(unit).toBe('tokens');
    expect(rows[0]).toMatchObject({
      prompt: '(2 tokens without text)',
      lengths: [3, 1],
      logps: [-3, -1],
      truncated: [true, false],
    });
  });

  it('counts tokens by the tokenizer that is named', () => {
    const file = written({
      prompt: 'Hi',
      responses: [response('a b', 1), response('c', 2, { finish_reason: 'length' })],
    });
    const { rows, unit } = readScoredFile(file, (text, truncated) => text.split(' ').length + (truncated ? 0 : 1));
    expect([rows[0].lengths, unit]).toEqual([[3, 1], 'tokens']);
  });

  it("takes log-ratios from a file that has the reference's log-probabilities", () => {
    const read = (...more: object[]) =>
      readScoredFile(written({ prompt: 'Hi', responses: more.map((one, i) => response(`${i}`, i, one)) }), null)
        .weights;
    expect(read({ logps: -3 }, {})).toEqual({ need: 'rows' });
    expect(read({ logps: -3, ref_logps: -3.5 }, { logps: -1, ref_logps: -0.75 })).toMatchObject({
      ...{ need: 'logps', done: 4, total: 4, problem: null },
      known: [{ prompt_index: 0, log_ratios: [0.5, -0.25] }],
    });
    expect(read({ logps: -3, ref_logps: -3.5 }, { ref_logps: -0.75 })).toMatchObject({
      ...{ done: 3, total: 4, problem: '1 of 2 responses in the file lack logps or ref_logps' },
      known: [{ log_ratios: [0.5, null] }],
    });
  });

  it.each<[unknown[], RegExp]>([
    [[], /is empty; expected a line/],
    [['{'], /scored.jsonl:1 is not JSON/],
    [[{ prompt: 'Hi' }], /scored.jsonl:1: `responses`: every row needs "responses"/],
    [[{ prompt: 'Hi', responses: [] }], /at least one response/],
    [[{ prompt: 'Hi', responses: [{ text: 'a' }] }], /:1: `responses.0.reward`: every response needs a "reward"/],
    [[{ responses: [response('a', 1)] }], /:1: every row needs a "prompt"/],
    [
      [
        { prompt: 'Hi', responses: [response('a', 1)] },
        { prompt: 3, responses: [] },
      ],
      /scored.jsonl:2: /,
    ],
  ])('says what is wrong and where: %#', (rows, message) => {
    expect(() => readScoredFile(written(...rows), null)).toThrow(message);
  });

  it('says that there is no such file', () => {
    expect(() => readScoredFile('/nowhere/x.jsonl', null)).toThrow('cannot read /nowhere/x.jsonl');
  });
});

describe('trlPairs', () => {
  it('has the pairs as decided, conversational where the prompt is', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ];
    const scored = readScoredFile(
      written(
        { prompt: 'A', responses: [response('a1', 1), response('a2', 2), response('a3', 3)] },
        { prompt: messages, responses: [response('b1', 1), response('b2', 2)] },
        { prompt: 'C', responses: [response('c1', 1), response('c2', 2)] },
        { prompt: 'D', responses: [response('d1', 1), response('d2', 1)] },
      ),
      null,
    );
    const decide = (
      prompt_index: number,
      ruling: { kind: 'exclude' } | { kind: 'pair'; chosen: number; rejected: number },
    ) => ({
      at: '',
      action: 'decide' as const,
      decision: { prompt_index, ruling, note: '' },
    });
    const { decisions } = replay([decide(0, { kind: 'pair', chosen: 1, rejected: 0 }), decide(2, { kind: 'exclude' })]);
    const weighed = new Map([...decisions, [1, { prompt_index: 1, ruling: null, note: '', weight: 0.5 }]]);
    expect(trlPairs(scored, weighed).map(({ weight }) => weight)).toEqual([undefined, 0.5]);
    expect(trlPairs(scored, decisions)).toEqual([
      { prompt: 'A', chosen: 'a2', rejected: 'a1' },
      {
        prompt: messages,
        chosen: [{ role: 'assistant', content: 'b2' }],
        rejected: [{ role: 'assistant', content: 'b1' }],
      },
    ]);
  });
});
