import { describe, expect, it } from 'vitest';
import { activeKeys, keyTable, keysOf, meaningOf } from '../../../components/app/keys.js';
import { commandOf, paletteEntries } from '../../../components/app/commands.js';
import { reduce } from '../../../components/app/reducer.js';
import { type State, allScreens, screens } from '../../../components/app/state.js';
import { initialState } from '../../../components/screens/index.js';
import {
  after,
  attached,
  endpoint,
  engine,
  finished,
  fullyEvaluated,
  hackingReport,
  heldOut,
  job,
  metrics,
  pair,
  press,
  probes,
  response,
  small,
  snapshot,
  told,
} from '../fixtures.js';
import { historyKeyEffects, historyKeyStates } from '../historyKeyEffects.js';
import { enginePane, gpus } from '../scenes.js';
import { homeKeyEffects, homeKeyStates } from '../homeKeyEffects.js';
import { keyEffects as runKeyEffects } from '../keyEffects.js';
import { definitions } from '../../../components/screens/index.js';

const table = keyTable(definitions);

const review = attached('review');
const decidedOne = attached('review', small, {
  decisions: { decisions: [{ prompt_index: 0, ruling: { kind: 'tie' }, note: '' }], undoable: 1, redoable: 1 },
});
const tokens = after(press(review, 'v'), {
  type: 'answer',
  query: { type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 },
  answer: {
    prompt_tokens: 1,
    prompt: [{ id: 1, text: '<s>', special: true }],
    response: Array.from({ length: 99 }, (_, id) => ({ id, text: 'line\n', special: false })),
    policy: Array.from({ length: 99 }, () => -1),
    reference: Array.from({ length: 99 }, () => -2),
  },
});
const hacking = after(press(review, 'B'), {
  type: 'answer',
  query: { type: 'read-hacking', round: 2 },
  answer: hackingReport,
});
const longTexts = attached('review', small, { pairs: [pair(1, 0, 2, 1, { chosen_text: 'line\n'.repeat(40) })] });

const withLog = enginePane(attached('review', small), gpus(1), null);
const ofJob = enginePane(attached('update', small, { job: job() }), gpus(1), null);
const enlarged = press(attached('update', small), 'z');
const served = attached('sample', small, { servers: [endpoint(1), endpoint(2)] });
const preempted = attached('update', small, {
  job: job({ state: 'ended', end: { cause: 'preempted', message: 'preempted', resubmittable: true } }),
  engine: { ...engine, problem: 'preempted' },
});
const tall = { columns: 160, rows: 50 };
const probing = attached('update', tall, { probes });
/** Answers that do not fit. */
const reading = press(
  attached('update', small, { probes: probes.map((probe) => ({ ...probe, text: 'line\n'.repeat(40) })) }),
  'v',
);
const longResponse = press(
  attached('sample', small, { responses: [response(1, { text: 'line\n'.repeat(40) })] }),
  'enter',
);
const evaluated = told(attached('done'));
const prompts = press(evaluated, 'v');
const full = attached('done', small, { rounds: [finished(0, 1, 40), finished(1, 1, 40), fullyEvaluated(2)] });
const accepted = attached('done', small, {
  rounds: [finished(1, 1, 40), { ...finished(2, 1, 40), verdict: 'accepted' }],
});
/** Responses that do not fit. */
const answers = press(
  [1, 2].reduce((state, id) => {
    const answer = heldOut(id).map((one) => ({ ...one, text: 'line\n'.repeat(40) }));
    return after(state, { type: 'answer', query: { type: 'read-held-out', round: id }, answer });
  }, attached('done')),
  'v',
);
const exploding = metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200 }));

const ofFile = after(initialState(small, { unit: 'characters', tokens: false, out: 'pairs.jsonl' }), {
  type: 'snapshot',
  snapshot: snapshot('review'),
});

/** A note being typed. */
const line = press(review, 'e', ...'far-off too');

/** A state in which the key does something that can be seen. */
const stages: Record<string, State> = {
  restart: after(review, { type: 'bye', reason: 'the engine ended' }),
  retry: attached('score', small, { engine: { ...engine, problem: 'no answer' } }),
  resubmit: preempted,
  'pair-again': press(review, 'M', 'down'),
  'strategy-up': press(review, 'M', 'down'),
  'strategy-down': press(review, 'M'),
  'pair-up': press(review, 'G'),
  'page-up': press(review, 'G'),
  'first-pair': press(review, 'G'),
  'show-phrase': hacking,
  'phrase-up': press(hacking, 'down'),
  'phrase-down': hacking,
  'better-response': press(review, 'd'),
  'worse-response': press(review, 'd', 'up', 'up'),
  'lines-up': press(tokens, 'down'),
  'lines-down': tokens,
  winner: press(review, 'd', 'up'),
  loser: press(review, 'd', 'up'),
  'next-prompt': press(review, 'd'),
  'previous-prompt': press(review, 'j', 'd'),
  'sort-again': after(press(review, '>', '>', '>', '>', '>', '/', ...'prompt<=3', 'enter'), {
    type: 'decisions',
    round: 2,
    decisions: {
      decisions: [0, 1].map((prompt_index) => ({
        prompt_index,
        ruling: { kind: 'pair', chosen: 2, rejected: 1 },
        note: '',
      })),
      undoable: 2,
      redoable: 0,
    },
  }),
  'previous-undecided': press(review, 'j'),
  'range-up': press(review, 'j'),
  'columns-left': press(review, ')'),
  measure: tokens,
  'blind-a': press(review, 'V'),
  'blind-b': press(review, 'V'),
  'blind-tie': press(review, 'V'),
  'blind-skip': press(review, 'V'),
  write: ofFile,
  quit: ofFile,
  undo: decidedOne,
  redo: decidedOne,
  'take-back': decidedOne,
  against: press(review, 'd'),
  'text-up': press(longTexts, 'J'),
  'text-down': longTexts,
  pause: attached('update'),
  resume: attached('update', small, { engine: { ...engine, activity: 'paused' } }),
  'stop-sampling': attached('sample'),
  'fewer-samples': attached('sample'),
  'response-up': press(attached('sample'), 'down', 'down'),
  'response-down': attached('sample'),
  'responses-page-up': press(attached('sample'), 'end'),
  'responses-page-down': attached('sample'),
  'newest-response': press(attached('sample'), 'end'),
  'oldest-response': attached('sample'),
  'read-response': attached('sample'),
  'show-servers': served,
  'show-responses': press(served, 'v'),
  'sampling-text-up': press(longResponse, 'J'),
  'sampling-text-down': longResponse,
  'stop-update': attached('update'),
  abort: attached('update'),
  alarms: attached('update', small, { metrics: exploding }),
  'show-log': attached('update', small, { job: job() }),
  'earlier-rounds': attached('update'),
  smoothing: attached('update'),
  'log-scale': attached('update'),
  enlarge: attached('update'),
  'all-charts': enlarged,
  'chart-before': enlarged,
  'chart-after': enlarged,
  'step-back': enlarged,
  'step-on': press(enlarged, 'home'),
  'steps-back': enlarged,
  'steps-on': press(enlarged, 'home'),
  'first-step': enlarged,
  'last-step': press(enlarged, 'left'),
  'search-log': withLog,
  'match-before': press(withLog, '/', ...'of 40', 'enter', 'N'),
  'match-after': press(withLog, '/', ...'of 40', 'enter', 'n'),
  'error-before': withLog,
  'other-log': ofJob,
  'cut-lines': withLog,
  'enlarge-log': withLog,
  'log-up': withLog,
  'log-down': press(withLog, 'g'),
  'log-page-up': withLog,
  'log-page-down': press(withLog, 'g'),
  'log-start': withLog,
  'log-end': press(withLog, 'g'),
  'show-probes': attached('update'),
  'show-plots': press(attached('update'), 'v'),
  'more-plots': attached('update'),
  'probe-up': press(probing, 'down'),
  'probe-down': probing,
  'look-back': probing,
  'look-on': press(probing, 'left', 'left'),
  'update-text-up': press(reading, 'J'),
  'update-text-down': reading,
  accept: evaluated,
  reject: evaluated,
  'no-verdict': accepted,
  'redo-at': evaluated,
  'show-prompts': evaluated,
  'show-kinds': full,
  'hide-kinds': press(full, 'i'),
  'show-judges': full,
  'hide-judges': press(full, 'd'),
  'show-numbers': prompts,
  order: prompts,
  'against-base': prompts,
  'against-start': press(prompts, 'b'),
  'change-up': press(prompts, 'down'),
  'change-down': prompts,
  'changes-page-up': press(prompts, 'end'),
  'changes-page-down': prompts,
  'first-change': press(prompts, 'end'),
  'last-change': prompts,
  'answer-up': press(answers, 'J'),
  'answer-down': answers,
  ...homeKeyStates,
  'next-round': attached('done'),
  ...historyKeyStates,
  // `1` to `6` go to six screens: tried from History, where all but 5 lead away, and see below for 5.
  go: press(review, 'h'),
  apply: press(review, 'a', '1'),
  erase: press(review, 'a', '1'),
  'erase-to-start': line,
  'erase-to-end': press(line, 'ctrl+a'),
  'erase-word': line,
  'erase-word-left': line,
  'erase-word-right': press(line, 'ctrl+a'),
  'erase-right': press(line, 'ctrl+a'),
  'put-back': press(line, 'ctrl+w'),
  'cursor-left': line,
  'cursor-right': press(line, 'ctrl+a'),
  'word-left': line,
  'word-right': press(line, 'ctrl+a'),
  'line-start': line,
  'line-end': press(line, 'ctrl+a'),
  'earlier-line': press(line, 'enter', 'e'),
  'later-line': press(line, 'enter', 'e', 'up'),
  'earlier-command': press(review, ':', ...'redraw', 'enter', ':'),
  'later-command': press(review, ':', ...'redraw', 'enter', ':', 'ctrl+p'),
  'complete-back': press(review, '/', 'd'),
  mouse: { ...review, mouse: true },
  back: press(review, 'h'),
  'take-over': attached('review', small, { role: { driving: false, terminals: 2 } }),
  'run-command': press(review, ':'),
  'palette-up': press(review, ':', 'down'),
  'palette-down': press(review, ':'),
  'detach-now': press(review, 'a'),
  yes: press(review, 'enter'),
  no: press(review, 'enter'),
  'scroll-up': press(review, '?', 'down'),
  'scroll-down': press(review, '?'),
  'help-page-up': press(review, '?', 'pagedown'),
  'help-page-down': press(review, '?'),
  'help-top': press(review, '?', 'pagedown'),
  'help-end': press(review, '?'),
  close: press(review, 'a'),
  'close-help': press(review, '?'),
};

const keyEffects = { ...runKeyEffects, ...historyKeyEffects, ...homeKeyEffects };

const cases = table.flatMap(({ id, keys }) => keys.map((key): [string, string] => [id, key]));

function matches(state: State, parts: object): boolean {
  try {
    expect(state).toMatchObject(parts);
    return true;
  } catch {
    return false;
  }
}

describe('each key of the table', () => {
  it.each(cases)('%s on %s does what it says', (id, key) => {
    const state = id === 'go' && key === '5' ? review : (stages[id] ?? review);
    expect(meaningOf(key, state)?.id).toBe(id);
    const effect = keyEffects[id === 'go' ? `${id} ${key}` : id];
    expect(effect, `say in keyEffects.ts what ${id} does`).toBeDefined();
    const step = reduce(state, { type: 'key', key });
    const { becomes = {}, asks = [] } = effect;
    expect(step.state).toMatchObject(becomes);
    expect(step.effects).toMatchObject(asks);
    // What is expected is not there already.
    const isNew = asks.length > 0 || !matches(state, becomes);
    expect(isNew).toBe(true);
  });

  it('is in the table: no effect is said of a key that is gone', () => {
    const ids = new Set(cases.map(([id, key]) => (id === 'go' ? `${id} ${key}` : id)));
    expect(Object.keys(keyEffects).filter((id) => !ids.has(id))).toEqual([]);
  });

  it('means one thing in any state', () => {
    const states = [
      ...Object.values(stages),
      review,
      ...(['sample', 'score', 'evaluate'] as const).map((s) => attached(s)),
    ];
    for (const state of states) {
      const keys = activeKeys(state).flatMap((entry) => entry.keys);
      expect(keys).toEqual([...new Set(keys)]);
    }
  });

  it.each([...new Set(cases.map(([id]) => id))].filter((id) => id !== 'palette'))(
    '%s is the first hit for its command, unless it works on an overlay only',
    (id) => {
      const state = stages[id] ?? review;
      if (state.modal !== null) return;
      const key = activeKeys(state).find((one) => one.id === id);
      if (key === undefined) throw new Error(`${id} does nothing in its state`);
      const commands = id === 'go' ? screens.map((screen) => `go-${screen}`) : [commandOf(key)];
      for (const command of commands) {
        expect(paletteEntries(state, command)[0]).toMatchObject({ key: { id }, command, available: true });
        expect(paletteEntries(state, command.replaceAll('-', ' '))[0].key.id).toBe(id);
      }
      // An alias finds it too, if not first: several keys may share one.
      for (const alias of key.aliases ?? [])
        expect(paletteEntries(state, alias).map(({ key: { id: of } }) => of)).toContain(id);
    },
  );

  it('has a name of its own, and a part of the help', () => {
    const ids = table.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    const ungrouped = table.filter(({ group, places }) => {
      const onScreens = places.some((place) => (allScreens as readonly string[]).includes(place));
      return group === undefined && onScreens;
    });
    expect(ungrouped.map(({ id }) => id)).toEqual([]);
  });

  it('has a sentence for the help screen', () => {
    for (const { help } of table) expect(help).toMatch(/^\S.{5,70}$/);
  });
});

it('every screen has help, detach and the ways to other screens', () => {
  for (const screen of screens) {
    const ids = keysOf(initialState(small), screen).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['help', 'detach', 'go', 'next-screen', 'previous-screen', 'history']));
  }
});
