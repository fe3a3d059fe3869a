/**
 * Every pane at four sizes, with ordinary and with awkward content: nothing is drawn over anything else, nothing is cut
 * without an ellipsis, and where something is out of view a number says how much.
 */
import { slices } from './slices.js';
import { Box, renderToString } from 'ink';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';

/**
 * Panes that grow instead of clipping: what does not fit makes the frame higher than the terminal. Clipping would hide
 * from these tests that a layout shares out more rows than there are.
 */
vi.mock('../../components/parts/Pane.js', async (original) => ({
  ...(await original<typeof Panes>()),
  Pane: ({ columns, rows, children }: Panes.PaneProps) => (
    <Box flexDirection="column" width={columns} minHeight={rows} flexShrink={0}>
      {children}
    </Box>
  ),
}));

import { Frame } from '../../components/app/App.js';
import type * as Panes from '../../components/parts/Pane.js';
import { type State } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';
import { widthOf } from '../../components/parts/text.js';
import { themes } from '../../components/parts/theme.js';
import * as fixtures from './fixtures.js';
import { answered, listed, opened, ready } from './homeFixtures.js';
import { scenes } from './scenes.js';

const { after, attached, detailOf, hackingReport, heldOut, pair, press, probes, response, reviewRows, told } = fixtures;

const sizes = [
  { columns: 60, rows: 18 },
  { columns: 61, rows: 18 },
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 160, rows: 50 },
];
type Size = (typeof sizes)[number];

/** Words that the screens are written with. */
const sources = ['../../src', '../../components']
  .flatMap((folder) => readdirSync(new URL(folder, import.meta.url), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

/** Drawing takes most of the time of these tests, and several look at the same states. */
const drawn = new WeakMap<State, string[]>();
function draw(state: State): string[] {
  let lines = drawn.get(state);
  if (lines === undefined) {
    lines = renderToString(<Frame state={state} theme={themes.none} />, { columns: state.size.columns }).split('\n');
    drawn.set(state, lines);
  }
  return lines;
}

const longWord = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
const digits = '1234567890'.repeat(4);
const awkward = `${longWord} 日本語の長い文章です👩‍🚀🎉 ${digits} e\u0301`;
/** Lines that can be told apart. */
const numbered = (letter: string): string =>
  Array.from({ length: 70 }, (_, i) => `${letter}${String(i + 1).padStart(2, '0')}`).join('\n');

/** The round in review, with texts that go on for long. */
function review(size: Size, prompt: string, chosen: string, rejected: string): State {
  const pairs = [
    pair(1.5, 0.5, 140, 40, { prompt, chosen_text: chosen, rejected_text: rejected }),
    ...fixtures.pairs.slice(1),
  ];
  const state = attached('review', size, { pairs });
  return after(state, {
    type: 'answer',
    query: { type: 'read-detail', round: 2, prompt_index: 0 },
    answer: detailOf(reviewRows(pairs)[0]),
  });
}

function reviewPanes(name: string, state: State): Record<string, State> {
  const phrases = Array.from({ length: 30 }, (_, i) => ({ text: `${awkward} ${i}`, winners: 61, losers: 9, z: 6.2 }));
  const tokens = after(press(state, 'v'), {
    type: 'answer',
    query: { type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 },
    answer: {
      prompt_tokens: 1,
      prompt: [{ id: 1, text: '<s>', special: true }],
      response: Array.from({ length: 400 }, (_, id) => ({ id, text: `${awkward} `, special: false })),
      policy: Array.from({ length: 400 }, (_, id) => -id / 50),
      reference: Array.from({ length: 400 }, (_, id) => -id / 40),
    },
  });
  return {
    [`${name} table`]: state,
    [`${name} zoomed`]: press(state, 'z'),
    [`${name} without any row`]: press(state, '/', ...'nothing of this', 'enter'),
    [`${name} detail`]: press(state, 'd'),
    [`${name} tokens`]: tokens,
    [`${name} curves`]: press(state, 'A'),
    [`${name} curves at the end of the scale`]: press(state, 'a', '9', '.', '9', 'enter', 'A'),
    [`${name} bias`]: after(press(state, 'B'), {
      type: 'answer',
      query: { type: 'read-hacking', round: 2 },
      answer: { ...hackingReport, phrases },
    }),
    [`${name} dialog`]: press(state, 'enter'),
    [`${name} note`]: press(state, 'e', ...'note '.repeat(40)),
  };
}

function all(size: Size): Record<string, State> {
  const round = { name: awkward, note: awkward.repeat(8) };
  const branches = attached('done', size, {
    rounds: Array.from({ length: 40 }, (_, id) => ({
      ...fixtures.finished(id, 1 + Math.sin(id), 40 + id),
      parent: id === 0 ? null : Math.floor((id - 1) / 2),
      ...(id > 0 ? round : {}),
    })),
    current: 2,
  });
  const history = press(branches, 'h');
  const compared = told(press(history, 'g', 'j', 'space', 'j', 'c'));
  const exploding = fixtures.metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 10 ** 39 }));
  const longProbes = probes.map((probe) => ({ ...probe, prompt: awkward, text: awkward.repeat(20) }));
  const update = attached('update', size, { probes: longProbes, metrics: exploding });
  const heldOutLong = (id: number) => heldOut(id).map((one) => ({ ...one, prompt: awkward, text: awkward.repeat(9) }));
  const evaluated = [0, 1, 2].reduce(
    (state, id) =>
      after(state, { type: 'answer', query: { type: 'read-held-out', round: id }, answer: heldOutLong(id) }),
    attached('done', size),
  );
  const sampled = attached('sample', size, {
    responses: Array.from({ length: 40 }, (_, i) => response(i, { prompt: awkward, text: awkward.repeat(20) })),
  });
  return {
    ...scenes(size),
    ...reviewPanes('review', attached('review', size)),
    ...reviewPanes('awkward review', review(size, awkward, awkward.repeat(30), `${digits} `.repeat(30))),
    ...reviewPanes('empty review', review(size, '', '', '')),
    sampled,
    'sampled, read': press(sampled, 'enter'),
    'sampled, stop': press(sampled, 'S'),
    'sampled, nothing yet': attached('sample', size, { responses: [], lengths: [] }),
    'exploding update': update,
    'exploding update, alarms': press(update, 'w'),
    'exploding update, probes': press(update, 'v'),
    'exploding update, stop': press(update, 'S'),
    'evaluated, numbers': evaluated,
    'evaluated, prompts': press(evaluated, 'v'),
    'many rounds': history,
    'many rounds, plot': press(history, 'v'),
    'many rounds, numbers': compared,
    'many rounds, curves': press(compared, 'right'),
    'many rounds, responses': press(compared, 'left'),
    'many rounds, fork': press(history, 'g', 'j', 'f'),
    'many rounds, delete': press(history, 'g', 'j', 'd'),
    'failed for a long reason': after(attached('review', size), { type: 'bye', reason: awkward.repeat(9) }),
    help: press(attached('review', size), '?'),
    'help, at its end': press(attached('review', size), '?', ...Array<string>(200).fill('down')),
    palette: press(attached('review', size), ':'),
    'a long command': press(attached('review', size), ':', ...longWord.repeat(3)),
    'a long notice': { ...attached('review', size), notice: awkward.repeat(5) },
    'form, all fields': press(ready(size), 'G'),
    'form, typing': press(ready(size), 'j', 'enter', ...'0'.repeat(90)),
    'runs, deleting': press(listed(size), 'D'),
  };
}

const words = (text: string): string[] => text.match(/[\p{L}\p{M}|]{3,}/gu) ?? [];
/** Whole words: those in the sources, and those on screens on which everything has room. */
const known = new Set([
  ...words(sources),
  ...Object.values(scenes({ columns: 400, rows: 150 })).flatMap((state) => words(draw(state).join('\n'))),
]);

describe.each(sizes)('at $columns×$rows', (size) => {
  const states = Object.entries(all(size));
  const sceneNames = new Set(Object.keys(scenes(size)));

  it('everything has a place of its own, and the frame is exactly as large as the terminal', () => {
    for (const [name, state] of states) {
      const lines = draw(state);
      expect(lines.length, `${name}:\n${lines.join('\n')}`).toBe(size.rows);
      for (const line of lines) expect(widthOf(line), `${name}: ${line}`).toBeLessThanOrEqual(size.columns);
    }
  });

  it('no word is cut without an ellipsis', () => {
    const shown = states.filter(([name]) => sceneNames.has(name));
    const own = shown.map(([, state]) => {
      const { run } = state;
      const { runs, setup } = slices(state);
      return [run?.rounds, run?.responses, run?.review, runs, setup];
    });
    const vocabulary = new Set([...known, ...words(JSON.stringify(own))]);
    const unknown = new Set<string>();
    for (const [name, state] of shown) {
      for (const line of draw(state)) {
        for (const match of line.matchAll(/(?<![…\p{L}\p{M}|])[\p{L}\p{M}|]{3,}(?![…\p{L}\p{M}|])/gu)) {
          if (!vocabulary.has(match[0]) && !/^\|+$/.test(match[0])) unknown.add(`${match[0]} in ${name}: ${line}`);
        }
      }
    }
    expect([...unknown]).toEqual([]);
  });

  it('a number says how much is below what is seen', () => {
    const state = review(size, numbered('p'), numbered('w'), numbered('l'));
    const sampled = attached('sample', size, { responses: [response(1, { text: numbered('w') })] });
    const asked = probes.map((probe) => ({ ...probe, text: numbered('w') }));
    const answers = [0, 1, 2].reduce(
      (before, id) => {
        const answer = heldOut(id).map((one) => ({ ...one, text: numbered('w') }));
        return after(before, { type: 'answer', query: { type: 'read-held-out', round: id }, answer });
      },
      attached('done', size),
    );
    const texts: Record<string, State> = {
      table: state,
      zoomed: press(state, 'z'),
      detail: press(state, 'd'),
      response: press(sampled, 'enter'),
      probes: press(attached('update', size, { probes: asked }), 'v'),
      prompts: press(answers, 'v'),
    };
    for (const [name, shown] of Object.entries(texts)) {
      const text = draw(shown).join('\n');
      const below = [...text.matchAll(/\bw(\d\d)\b/g)].map(([, n]) => Number(n));
      expect(below.length, `${name}:\n${text}`).toBeGreaterThan(0);
      if (Math.max(...below) < 70) expect(text, name).toMatch(/↓ ?\d+/);
      // A prompt that goes on ends in an ellipsis.
      const prompt = [...text.matchAll(/\bp(\d\d)\b/g)].map(([, n]) => Number(n));
      if (prompt.length > 0 && Math.max(...prompt) < 70) expect(text, name).toMatch(/p\d\d …|p\d\d…|⏎…/);
    }
    // What stands beneath a list ends in an ellipsis where it goes on.
    const noted = [0, 1, 2].map((id) => ({ ...fixtures.finished(id, 1, 40), note: numbered('n').replace(/\n/g, ' ') }));
    const bad = answered(opened('setup', size), { model: numbered('n').replace(/\n/g, ' ') });
    const details: Record<string, State> = {
      history: press(attached('done', size, { rounds: noted }), 'h'),
      problem: after(attached('review', size), { type: 'bye', reason: numbered('n').replace(/\n/g, ' ') }),
      form: press(bad, 'j', 'j'),
    };
    for (const [name, shown] of Object.entries(details)) {
      const text = draw(shown).join('\n');
      const seen = [...text.matchAll(/\bn(\d\d)\b/g)].map(([, n]) => Number(n));
      expect(seen.length, `${name}:\n${text}`).toBeGreaterThan(0);
      if (Math.max(...seen) < 70) expect(text, `${name}:\n${text}`).toMatch(/(n\d\d|\d:\d\d) ?…\s*$/m);
    }
    // Lists say where one is in them.
    for (const [name, shown] of states) {
      if (!/many rounds$|bias$|help|palette|tokens|awkward review table/.test(name)) continue;
      const text = draw(shown).join('\n');
      expect(text, `${name}:\n${text}`).toMatch(/\d+[–-]\d+ of \d+|\d+\/\d+|\d+ of \d+|↓ ?\d+/);
    }
  });
});

it('the terminal of a run that is not there yet fits', () => {
  for (const size of sizes) expect(draw(initialState(size))).toHaveLength(size.rows);
});
