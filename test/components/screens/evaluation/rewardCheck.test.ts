/** The base policy's evaluation shows how far the reward agrees with people. */
import { describe, expect, it } from 'vitest';
import type { State } from '../../../../components/app/state.js';
import { widthOf } from '../../../../components/parts/text.js';
import { attached, finished, press } from '../../fixtures.js';
import { frame } from '../../frame.js';

const plain = (of: State): string => frame(of).replace(/\x1b\[[\d;]*m/g, '');
const base = finished(0, 1, 10);
const reward_check = {
  ...{ reward: 'hf:judge', summary: 'right on 60.0 % [50.2, 69.1] of 100 rows, chance 50.0 %' },
  warnings: ['It prefers the longer response (90.0 %) more often than people do (60.0 %).', '\x1b]52;c;ZXZpbA==\x07'],
};
const at = (columns: number, rows: number) =>
  press(
    attached(
      'done',
      { columns, rows },
      {
        rounds: [{ ...base, evaluation: base.evaluation && { ...base.evaluation, comparisons: [], reward_check } }],
        current: 0,
      },
    ),
    '4',
  );

describe('the check of the reward', () => {
  it.each([
    [60, 18],
    [80, 24],
    [120, 40],
  ])('is shown at %i×%i, within the terminal', (columns, rows) => {
    const text = plain(at(columns, rows));
    expect(text).toContain('The reward on the preference rows');
    expect(text).toContain('hf:judge: right on 60.0 % [50.2, 69.1]');
    const lines = text.split('\n');
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(text).not.toMatch(/\x1b|\x07/);
  });
});
