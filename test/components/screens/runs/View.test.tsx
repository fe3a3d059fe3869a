import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../../components/parts/text.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';
import { press } from '../../fixtures.js';
import { entries, listed, noNative, surveyFacts, welcomed } from '../../homeFixtures.js';

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

describe.each(sizes)('without runs, at $columns×$rows', (size) => {
  it('fits, with what was found, what is missing, and how to begin', () => {
    for (const state of [listed(size, []), welcomed(size), welcomed(size, noNative)]) {
      const lines = frame(state).split('\n');
      expect(lines).toHaveLength(size.rows);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
      expect(lines.join('\n')).toMatch(/There are no runs in ~\/work yet/);
      for (const [key, begins] of [
        ['enter', 'run the bundled example'],
        ['d', 'the demo'],
        ['n', 'set up a run of your own'],
      ])
        expect(lines.join('\n')).toMatch(new RegExp(`^${key} +${begins}`, 'm'));
    }
    expect(frame(welcomed(size))).toMatch(/^backend +native, the fastest here: our C\+\+ kernels, AVX2/m);
    // Commands are whole.
    expect(frame(welcomed(size))).not.toMatch(/^ +\$ .*…/m);
    expect(frame(welcomed(size)).includes('$ hf download')).toBe(size.columns >= 80);
    expect(frame(welcomed(size, noNative))).toMatch(/native backend, several times faster[^]*\$ npm run build:native/);
  });
});

it('a hostile answer of the survey is harmless', () => {
  const machine = { ...surveyFacts.machine, gpu: hostile, processor: hostile };
  const folder = { models: [hostile], rewards: [hostile], prompts: [hostile], held_out: [hostile] };
  expectHarmless(welcomed(undefined, { ...surveyFacts, machine, folder }));
});

it('names and problems of runs are harmless', () => {
  expectHarmless(listed(undefined, [{ ...entries[0], seen: null, problem: hostile }]));
  expectHarmless(listed(undefined, [{ ...entries[0], directory: `/home/ann/work/runs/${hostile}` }]));
});
