import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../../components/parts/text.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';
import { press } from '../../fixtures.js';
import { entries, listed } from '../../homeFixtures.js';

describe.each(sizes)('the list at $columns×$rows', (size) => {
  it('fits, with name, model, rounds, last reward and length, engine', () => {
    const text = frame(listed(size));
    const lines = text.split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(text).toMatch(/› .*3 +1\.821 +43\.1 +◆ wa/);
    expect(text).toMatch(/● upda/);
    expect(text).toMatch(/✘ scor/);
    expect(text).toContain('$ brevity runs/smol-alpha-0.02');
    expect(lines.at(-1)).toMatch(/enter open .*q quit/);
  });

  it('tells of a run of a newer version what to do', () => {
    expect(frame(press(listed(size), 'G')).replace(/\s+/g, ' ')).toContain('update Brevity to open this run');
  });
});

it('without runs it says where it looked and what enter does', () => {
  const text = frame(listed(undefined, [])).replace(/\s+/g, ' ');
  expect(text).toContain('There are no runs in /home/ann/work or its runs folder yet. enter sets up the first one');
});

it('names and problems of runs are harmless', () => {
  expectHarmless(listed(undefined, [{ ...entries[0], seen: null, problem: hostile }]));
  expectHarmless(listed(undefined, [{ ...entries[0], directory: `/home/ann/work/runs/${hostile}` }]));
});
