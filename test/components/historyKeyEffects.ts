/** What each key of the history screen must do, and a state in which it does. */
import { expect } from 'vitest';
import type { AttemptQueue, EngineCommand } from '../../src/protocol/messages.js';
import { historyActions } from '../../components/screens/history/actions.js';
import type { State } from '../../components/app/state.js';
import { after, attached, finished, heldOut, metrics, press, round, small, told } from './fixtures.js';
import type { KeyEffect } from './keyEffects.js';

const many = attached('done', small, { rounds: Array.from({ length: 40 }, (_, id) => round(id, 'done')), current: 39 });
const threeDone = [finished(0, 1, 40), finished(1, 1.5, 42), finished(2, 1.8, 43)];
const tree = press(attached('done', small, { rounds: threeDone, current: 2 }), 'h');
const compared = press(told(tree), 'c');
const forking = press(tree, 'f');
/** Responses that do not fit. */
const longAnswers = press(
  [1, 2].reduce((state, id) => {
    const answer = heldOut(id).map((one) => ({ ...one, text: 'line\n'.repeat(40) }));
    return after(state, { type: 'answer', query: { type: 'read-held-out', round: id }, answer });
  }, tree),
  ...['c', 'left'],
);

/** Round 2 with others from its samples: two tables, more lines than fit. */
const siblings = Array.from({ length: 30 }, (_, i) => ({
  ...finished(3 + i, 1, 40),
  ...{ parent: 1, redo_of: 2, data_of: 2 },
  settings: { ...round(2, 'done').settings, alpha: (i + 1) / 100 + 0.02 },
}));
const swept = press(attached('done', small, { rounds: [...threeDone, ...siblings], current: 2 }), 'h');
const controlled = press(swept, 'C');

const onCurves = press(
  [1, 2].reduce(
    (state, id) => after(state, { type: 'answer', query: { type: 'read-metrics', round: id }, answer: metrics }),
    press(tree, 'c'),
  ),
  'right',
);
const enlarged = press(onCurves, 'z');
const queue: AttemptQueue = {
  ...{ running: null, held: false, last: 3 },
  waiting: [1, 2, 3].map((id) => ({ id, round: 2, settings: { 'dpo.alpha': id / 10 } })),
};
const queued = press(attached('done', small, { rounds: threeDone, current: 2, queue }), 'h', 'Q');
const held = press(
  attached('done', small, { rounds: threeDone, current: 2, queue: { ...queue, held: true } }),
  ...['h', 'Q'],
);

function historyStage(id: string): State {
  const responses = press(compared, 'left');
  const special: Record<string, State> = {
    'go-on': press(tree, 'g'),
    'round-up': press(many, 'h'),
    'rounds-page-up': press(many, 'h'),
    'first-round': press(many, 'h'),
    'round-down': press(many, 'h', 'g'),
    'rounds-page-down': press(many, 'h', 'g'),
    'last-round': press(many, 'h', 'g'),
    'prompt-order': responses,
    'compared-down': responses,
    'compared-page-down': responses,
    'compared-last': responses,
    'compared-up': press(responses, 'G'),
    'compared-page-up': press(responses, 'G'),
    'compared-first': press(responses, 'G'),
    'compared-text-down': longAnswers,
    'compared-text-up': press(longAnswers, 'J'),
    'page-left': compared,
    'page-right': compared,
    controlled: swept,
    'controlled-down': controlled,
    'controlled-page-down': controlled,
    'controlled-last': controlled,
    'controlled-up': press(controlled, 'G'),
    'controlled-page-up': press(controlled, 'G'),
    'controlled-first': press(controlled, 'G'),
    exchange: compared,
    'compared-smoothing': onCurves,
    'compared-log-scale': onCurves,
    'compared-enlarge': onCurves,
    'compared-all-charts': enlarged,
    'compared-chart-before': enlarged,
    'compared-chart-after': enlarged,
    'compared-step-back': enlarged,
    'compared-step-on': press(enlarged, 'home'),
    'compared-steps-back': enlarged,
    'compared-steps-on': press(enlarged, 'home'),
    'compared-first-step': enlarged,
    'compared-last-step': press(enlarged, 'left'),
    'hide-queue': queued,
    'remove-attempt': queued,
    'attempt-earlier': press(queued, 'down'),
    'attempt-later': queued,
    'hold-queue': queued,
    'continue-queue': held,
    'start-attempt': press(
      attached('review', small, { rounds: [...threeDone.slice(0, 2), round(2, 'review')], queue }),
      'h',
      'Q',
    ),
    'attempt-up': press(queued, 'down'),
    'attempt-down': queued,
    'first-attempt': press(queued, 'G'),
    'last-attempt': queued,
    'edit-setting': forking,
    'start-fork': forking,
    'reset-setting': press(forking, 'enter', '1', 'enter'),
    'choice-before': press(forking, ...Array<string>(12).fill('j')),
    'choice-next': press(forking, ...Array<string>(12).fill('j')),
    'setting-up': press(forking, 'G'),
    'first-setting': press(forking, 'G'),
    'setting-down': forking,
    'last-setting': forking,
  };
  return special[id] ?? tree;
}

export const historyKeyStates: Record<string, State> = Object.fromEntries(
  historyActions.map(({ id }) => [id, historyStage(id)]),
);

const history = (part: object): KeyEffect => ({ becomes: { history: part } });
const comparison = (part: object): KeyEffect => history({ comparison: part });
const fork = (part: object): KeyEffect => history({ fork: part });
const types = (field: string): KeyEffect => ({ becomes: { modal: { kind: 'edit', owner: 'history', field } } });
const sends = (command: EngineCommand) => [{ do: 'send', command }];
const asks = (query: object) => [{ do: 'ask', query }];

export const historyKeyEffects: Record<string, KeyEffect> = {
  'open-round': { becomes: { screen: 'evaluation' } },
  'open-pairs': { becomes: { screen: 'review' }, asks: asks({ type: 'read-detail', round: 2, prompt_index: 0 }) },
  compare: {
    ...comparison({ left: 1, right: 2, page: 'numbers' }),
    asks: asks({ type: 'read-metrics', round: 1 }),
  },
  controlled: history({ controlled: { round: 2, top: 0 } }),
  'controlled-up': history({ controlled: { round: 2, top: 13 } }),
  'controlled-down': history({ controlled: { round: 2, top: 1 } }),
  'controlled-page-up': history({ controlled: { round: 2, top: 0 } }),
  'controlled-page-down': history({ controlled: { round: 2, top: 14 } }),
  'controlled-first': history({ controlled: { round: 2, top: 0 } }),
  'controlled-last': history({ controlled: { round: 2, top: 14 } }),
  fork: fork({ parent: 2, values: {}, selected: 0 }),
  name: types('name:2'),
  'round-note': types('note:2'),
  delete: {
    becomes: { modal: { kind: 'confirm', owner: 'history', what: 'delete:2' } },
    asks: asks({ type: 'read-deletion', round: 2 }),
  },
  mark: history({ marked: 2 }),
  'go-on': { asks: sends({ type: 'switch', round: 0 }) },
  'big-plot': history({ plot: true }),
  'round-up': history({ selected: 38 }),
  'round-down': history({ selected: 1 }),
  'rounds-page-up': history({ selected: 30 }),
  'rounds-page-down': history({ selected: 9 }),
  'first-round': history({ selected: 0 }),
  'last-round': history({ selected: 39 }),

  repeat: types('attempts:2'),
  'show-queue': history({ queue: { selected: 0, top: 0 } }),
  'hide-queue': history({ queue: null }),
  'remove-attempt': { asks: sends({ type: 'dequeue', attempts: [1] }) },
  'attempt-earlier': { asks: sends({ type: 'move-queued', attempt: 2, to: 0 }) },
  'attempt-later': { asks: sends({ type: 'move-queued', attempt: 1, to: 1 }) },
  'hold-queue': { asks: sends({ type: 'hold-queue', held: true }) },
  'continue-queue': { asks: sends({ type: 'hold-queue', held: false }) },
  'start-attempt': { asks: sends({ type: 'hold-queue', held: false }) },
  'attempt-up': history({ queue: { selected: 0 } }),
  'attempt-down': history({ queue: { selected: 1 } }),
  'first-attempt': history({ queue: { selected: 0 } }),
  'last-attempt': history({ queue: { selected: 2 } }),

  'compared-smoothing': history({ charts: { smoothing: 0.6 } }),
  'compared-log-scale': history({ charts: { log: true } }),
  'compared-enlarge': history({ charts: { enlarged: 0 } }),
  'compared-all-charts': history({ charts: { enlarged: null } }),
  'compared-chart-before': history({ charts: { enlarged: 9 } }),
  'compared-chart-after': history({ charts: { enlarged: 1 } }),
  'compared-step-back': history({ charts: { step: 23 } }),
  'compared-step-on': history({ charts: { step: 2 } }),
  'compared-steps-back': history({ charts: { step: 14 } }),
  'compared-steps-on': history({ charts: { step: 11 } }),
  'compared-first-step': history({ charts: { step: 1 } }),
  'compared-last-step': history({ charts: { step: null } }),

  'page-left': comparison({ page: 'responses' }),
  'page-right': comparison({ page: 'curves' }),
  exchange: comparison({ left: 2, right: 1 }),
  'prompt-order': comparison({ order: 'fell' }),
  'compared-up': comparison({ selected: 38 }),
  'compared-down': comparison({ selected: 1 }),
  'compared-page-up': comparison({ selected: 35 }),
  'compared-page-down': comparison({ selected: 4 }),
  'compared-first': comparison({ selected: 0 }),
  'compared-last': comparison({ selected: 39 }),
  'compared-text-up': comparison({ textTop: 0 }),
  'compared-text-down': comparison({ textTop: 9 }),

  'edit-setting': types('fork:dpo.alpha'),
  'start-fork': { asks: sends({ type: 'fork', parent: 2, settings: {}, overrides: {} }) },
  'reset-setting': fork({
    values: expect.not.objectContaining({ 'dpo.alpha': expect.anything() as unknown }) as object,
  }),
  'choice-before': fork({ values: { 'pairs.strategy': 'wpo' } }),
  'choice-next': fork({ values: { 'pairs.strategy': 'best-random' } }),
  'setting-up': fork({ selected: 28 }),
  'setting-down': fork({ selected: 1 }),
  'first-setting': fork({ selected: 0 }),
  'last-setting': fork({ selected: 29 }),
};
