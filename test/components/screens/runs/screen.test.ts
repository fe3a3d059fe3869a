/** The list of runs under the mouse, read aloud, copied from, and with what was typed or confirmed in it. */
import { stepWithin } from '../../../../components/app/screen.js';
import type { RunsState } from '../../../../components/screens/runs/state.js';
import { expect, it } from 'vitest';
import { runsLayout } from '../../../../components/screens/runs/select.js';
import { openCommand } from '../../../../src/core/form/command.js';
import { reduce } from '../../../../components/app/reducer.js';
import { runs } from '../../../../components/screens/runs/screen.js';
import type { State, Step } from '../../../../components/app/state.js';
import { after, press, small } from '../../fixtures.js';
import {
  effectsOf,
  entries,
  listed,
  noFolder,
  opened,
  place,
  surveyFacts,
  tell,
  welcomed,
} from '../../homeFixtures.js';
import { on } from '../../slices.js';

const selectedOf = (state: State) => runsLayout(on.runs(state)).selected?.directory.split('/').at(-1);
const typed = (field: string, text: string) => runs.typed?.(on.runs(listed()), field, text) as Step<RunsState>;
const pointed = (state: State, kind: 'press' | 'wheel-up' | 'wheel-down', y: number) =>
  stepWithin(state, 'runs', (slice) => runs.pointed?.(slice as RunsState, kind, 3, y) ?? { state: slice, effects: [] });

it('a click selects a row, a second one opens it; the wheel moves by one; beside the rows nothing happens', () => {
  const once = pointed(listed(), 'press', 2);
  expect(selectedOf(once.state)).toBe(runsLayout(on.runs(listed())).entries[1].directory.split('/').at(-1));
  expect(once.effects).toEqual([]);
  const { directory } = runsLayout(on.runs(listed())).entries[1];
  expect(pointed(once.state, 'press', 2).effects).toEqual([{ do: 'home', task: { task: 'open', directory } }]);
  expect(runsLayout(on.runs(pointed(listed(), 'wheel-down', 1).state)).at).toBe(1);
  expect(runsLayout(on.runs(pointed(pointed(listed(), 'wheel-down', 1).state, 'wheel-up', 1).state)).at).toBe(0);
  for (const y of [0, entries.length + 1]) expect(pointed(listed(), 'press', y).state).toEqual(listed());
});

it('is read aloud run by run, with what is wrong', () => {
  const words = runs.reading?.(on.runs(listed())) ?? [];
  expect(words[0]).toBe('6 runs.');
  expect(words.filter((line) => line.startsWith('Selected, '))).toHaveLength(1);
  expect(words.join('\n')).toMatch(
    /smol-alpha-0\.02: model .*SmolLM2-135M-Instruct, 3 rounds, last reward 1\.821, length 43\.1; engine: /,
  );
  expect(words.join('\n')).toContain('newer Brevity (version 3');
  expect(runs.reading?.(on.runs(opened('runs')))).toEqual(['Looking for runs.']);
  const first = runs.reading?.(on.runs(welcomed())) ?? [];
  expect(first[0]).toBe('There are no runs here.');
  expect(first).toContain('memory: 24 GiB, 20.5 GiB free.');
  expect(first.join('\n')).toMatch(/Missing: a model\. To add it: hf download /);
});

it('asks for the survey once, if there are no runs', () => {
  const begun = opened('runs');
  const asked = reduce(begun, { type: 'home', event: { what: 'runs', entries: [], at: 0 } });
  expect(asked.effects).toEqual(
    ['machine', 'folder', 'python'].map((name) => ({ do: 'home', task: { task: 'survey', name } })),
  );
  expect(reduce(asked.state, { type: 'home', event: { what: 'runs', entries: [], at: 1 } }).effects).toEqual([]);
  expect(reduce(begun, { type: 'home', event: { what: 'runs', entries, at: 0 } }).effects).toEqual([]);
});

it('a first run of one’s own begins with what the folder holds, if it holds a model', () => {
  expect(effectsOf(welcomed(), 'n')).toEqual([{ do: 'home', task: { task: 'form', source: { from: 'example' } } }]);
  const found = { ...noFolder, models: ['SmolLM'] };
  expect(effectsOf(welcomed(small, { ...surveyFacts, folder: found }), 'n')).toEqual([
    { do: 'home', task: { task: 'form', source: { from: 'folder', found } } },
  ]);
});

it('copies the command that opens the selected run, quoted for a shell', () => {
  expect(runs.copies?.(on.runs(listed()))).toBe(`brevity runs/${selectedOf(listed())}`);
  expect(openCommand('/home/ann/work/one', place)).toBe('brevity ./one');
  expect(openCommand("/home/ann/work/it's here", place)).toBe("brevity './it'\\''s here'");
});

it('what was typed filters or is looked in; leaving takes the filter away first', () => {
  const filtered = typed('filter', ' lora ').state;
  expect(runsLayout(filtered).entries.map(({ directory }) => directory.split('/').at(-1))).toEqual(['smol-lora']);
  expect(runsLayout(runs.back?.(filtered) as RunsState).entries).toHaveLength(entries.length);
  expect(runs.back?.(on.runs(listed()))).toBeNull();
  expect(typed('look-in', ' /data/runs ').effects).toEqual([
    { do: 'home', task: { task: 'look-in', folder: '/data/runs' } },
  ]);
});

it('the selected run stays selected when the list is sorted anew; a deleted one passes it on to the first', () => {
  const seen = (of: typeof entries) => (state: State) => tell(state, { what: 'runs', entries: of, at: 0 });
  const turned = seen([...entries].reverse())(listed());
  expect(selectedOf(turned)).toBe(selectedOf(listed()));
  expect(runsLayout(on.runs(turned)).at).toBe(entries.length - 1);
  const without = seen(entries.slice(1))(listed());
  expect(runsLayout(on.runs(without)).at).toBe(0);
  expect(selectedOf(seen([...entries].reverse())(without))).toBe(selectedOf(without));
});

it('a small window that grows again shows the same rows', () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ ...entries[0], directory: `/home/ann/work/runs/run-${i}` }));
  const state = press(listed(undefined, many), 'pagedown', 'pagedown', 'up');
  const { top, at } = runsLayout(on.runs(state));
  const smaller = after(state, { type: 'size', size: { columns: 60, rows: 18 } });
  expect(runsLayout(on.runs(smaller))).toMatchObject({ at });
  expect(runsLayout(on.runs(smaller)).top).not.toBe(top);
  expect(runsLayout(on.runs(after(smaller, { type: 'size', size: small })))).toMatchObject({ at, top });
});

it('what was confirmed is done to the run that was asked about, whatever is selected by now', () => {
  const directory = '/home/ann/work/runs/a b';
  expect(runs.confirmed?.(on.runs(listed()), `delete ${directory}`).effects).toEqual([
    { do: 'home', task: { task: 'delete', directory } },
  ]);
  expect(runs.confirmed?.(on.runs(listed()), `end-engine ${directory}`).effects).toEqual([
    { do: 'home', task: { task: 'end-engine', directory } },
  ]);
});
