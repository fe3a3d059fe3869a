import { describe, expect, it, vi } from 'vitest';
import { zScore } from '../../../src/core/statistics.js';
import { phrasesOf, Slices } from '../../../src/core/review/phrases.js';

describe('the log-odds', () => {
  it('are 0 of what both have as often, and sign and size follow the side that has it', () => {
    expect(zScore(10, 100, 10, 100)).toBe(0);
    expect(zScore(3, 100, 9, 100)).toBeCloseTo(-zScore(9, 100, 3, 100), 12);
  });

  it('are shrunk by the prior', () => {
    // Prior 2 of 200: log(22/1178) - log(2/1198) over √(1/22 + 1/2).
    const expected = (Math.log(22 / 1178) - Math.log(2 / 1198)) / Math.sqrt(1 / 22 + 1 / 2);
    expect(zScore(20, 1000, 0, 1000)).toBeCloseTo(expected, 12);
    expect(expected).toBeCloseTo(3.2696, 4);
  });

  it('reckon with chosen that have more to say', () => {
    expect(zScore(20, 2000, 10, 1000)).toBeCloseTo(0, 12);
  });
});

const names = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heath'];
/** Words that differ from response to response. */
const filler = (i: number): string => Array.from({ length: 6 }, (_, k) => names[(i * 5 + k * k) % 8]).join(', ');

describe('phrases', () => {
  it('are what chosen say and rejected do not, the longest way to say it', async () => {
    const pairs = Array.from({ length: 120 }, (_, i) => ({
      chosen: `${i % 2 === 0 ? 'Let me break it down: ' : ''}${filler(i)}.`,
      rejected: `${i % 20 === 0 ? 'Let me break it down: ' : ''}${filler(i + 1)}.`,
    }));
    const { phrases, read } = await phrasesOf(pairs);
    expect(phrases.map(({ text, chosen, rejected }) => [text, chosen, rejected])).toEqual([
      ['let me break it down', 60, 6],
    ]);
    expect(read).toBe(120);
  });

  it('count a response once, however often it says it', async () => {
    const pairs = Array.from({ length: 60 }, (_, i) => ({
      chosen: i < 3 ? 'Of course. '.repeat(50) : filler(i),
      rejected: filler(i + 1),
    }));
    expect((await phrasesOf(pairs)).phrases).toEqual([]);
  });

  it('name markup', async () => {
    const pairs = Array.from({ length: 60 }, (_, i) => ({ chosen: `**${filler(i)}**`, rejected: filler(i + 1) }));
    expect((await phrasesOf(pairs)).phrases).toMatchObject([{ text: 'bold', chosen: 60, rejected: 0 }]);
  });

  it('are none of nothing', async () => {
    expect(await phrasesOf([])).toEqual({
      ...{ read: 0, phrases: [], repeated: [], repetition: { chosen: NaN, rejected: NaN } },
    });
    expect((await phrasesOf([{ chosen: '', rejected: '' }])).phrases).toEqual([]);
  });
});

describe('repetition', () => {
  it('is the share of four-word sequences that were said before', async () => {
    // Twelve words: nine sequences, of which four differ. The rejected response says nothing twice.
    const { repetition } = await phrasesOf([{ chosen: 'a b c d a b c d a b c d', rejected: 'a b c d e f' }]);
    expect(repetition.chosen).toBeCloseTo(5 / 9, 12);
    expect(repetition.rejected).toBe(0);
  });

  it('names what several chosen say three times, as it stands in the text', async () => {
    const loop = 'and so it goes on '.repeat(3);
    const pairs = [
      { chosen: loop, rejected: 'no' },
      { chosen: `Well: ${loop}`, rejected: 'no' },
      { chosen: 'and, so, it, goes, '.repeat(3), rejected: 'no' },
      { chosen: 'only one of them, only one of them, only one of them', rejected: 'no' },
    ];
    const { repeated } = await phrasesOf(pairs);
    expect(repeated.map(({ text, chosen, rejected }) => [text, chosen, rejected])).toEqual([
      ['and so it goes', 2, 0],
      ['so it goes on', 2, 0],
    ]);
  });
});

it('lets others go first once a piece has taken its time', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  const slices = new Slices();
  let others = 0;
  setImmediate(() => others++);
  await slices.between();
  expect(others).toBe(0);
  clock.mockReturnValue(100);
  await slices.between();
  expect(others).toBe(1);
  clock.mockRestore();
});
