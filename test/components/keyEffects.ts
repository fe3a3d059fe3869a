/**
 * What each key of the table must do, by its id: parts of the state afterwards, and what is asked of the world. A key
 * that is missing here fails keys.test.ts.
 */
import type { EngineCommand } from '../../src/protocol/messages.js';
import { helpLines, helpRows } from '../../components/app/helpLines.js';
import { attached, press } from './fixtures.js';

export interface KeyEffect {
  /** Parts of the state afterwards. */
  becomes?: object;
  /** Effects, in order; none unless given. */
  asks?: object[];
}

const sends = (...commands: EngineCommand[]) => commands.map((command) => ({ do: 'send', command }));
const asks = (query: object) => [{ do: 'ask', query }];
const decides = (ruling: object | null): KeyEffect => ({
  asks: [{ do: 'send', command: { type: 'decide', prompt_index: 0, ruling } }],
});
/** It goes on to the next prompt, too. */
const decidesBlind = (ruling: object): KeyEffect => ({
  becomes: { review: { selected: 1 } },
  asks: [
    { do: 'send', command: { type: 'decide', prompt_index: 0, ruling, blind: true } },
    { do: 'ask', query: { type: 'read-detail', round: 2, prompt_index: 1 } },
  ],
});
const opens = (modal: object): KeyEffect => ({ becomes: { modal } });
const typesInto = (owner: string, field: string): KeyEffect => opens({ kind: 'edit', owner, field });
const selects = (prompt: number): KeyEffect => ({
  becomes: { review: { selected: prompt } },
  asks: asks({ type: 'read-detail', round: 2, prompt_index: prompt }),
});
const setsAlpha = (alpha: number): KeyEffect => ({
  becomes: { draft: { alpha } },
  asks: sends({ type: 'set', settings: { alpha } }),
});
const review = (part: object): KeyEffect => ({ becomes: { review: part } });
const update = (part: object): KeyEffect => ({ becomes: { update: part } });
const engineUi = (part: object): KeyEffect => ({ becomes: { engine: part } });
const evaluation = (part: object): KeyEffect => ({ becomes: { evaluation: part } });
const sampling = (part: object): KeyEffect => ({ becomes: { sampling: part } });
const leaves: KeyEffect = { asks: [{ do: 'detach' }] };
const help = press(attached('review'), '?');
const closes: KeyEffect = { becomes: { modal: null } };

export const keyEffects: Record<string, KeyEffect> = {
  redraw: { asks: [{ do: 'redraw' }] },
  suspend: { asks: [{ do: 'suspend' }] },
  restart: { becomes: { link: { status: 'connecting' } }, asks: [{ do: 'restart' }] },
  retry: { asks: sends({ type: 'retry' }, { type: 'attach', client: 'tui' }) },
  resubmit: { asks: sends({ type: 'retry' }, { type: 'attach', client: 'tui' }) },
  export: typesInto('run', 'export'),
  report: typesInto('run', 'report'),
  'take-over': { asks: sends({ type: 'take-over' }) },

  'stop-sampling': opens({ kind: 'confirm', owner: 'sampling', what: 'stop' }),
  'fewer-samples': typesInto('sampling', 'fewer'),
  'response-up': sampling({ selected: { prompt_index: 38 } }),
  'response-down': sampling({ selected: { prompt_index: 38 } }),
  'responses-page-up': sampling({ selected: { prompt_index: 5 }, top: 34 }),
  'responses-page-down': sampling({ selected: { prompt_index: 34 }, top: 1 }),
  'newest-response': sampling({ selected: null, top: 0 }),
  'oldest-response': sampling({ selected: { prompt_index: 0 }, top: 35 }),
  'read-response': sampling({ reading: true, selected: { prompt_index: 39 } }),
  'show-servers': sampling({ serversTop: 0 }),
  'show-responses': sampling({ serversTop: null }),
  'sampling-text-up': sampling({ textTop: 0 }),
  'sampling-text-down': sampling({ textTop: 18 }),

  launch: {
    ...opens({ kind: 'confirm', owner: 'review', what: 'launch' }),
    asks: asks({ type: 'read-plan', round: 2 }),
  },
  'pair-again': opens({ kind: 'confirm', owner: 'review', what: 'set-pairs' }),
  'strategy-up': review({ choice: 0 }),
  'strategy-down': review({ choice: 1 }),
  pairing: review({ pane: 'pairing', choice: null }),
  'pair-weight': typesInto('review', 'pair-weight'),
  'pair-up': selects(105),
  'pair-down': selects(1),
  'better-response': review({ response: 0 }),
  'worse-response': review({ response: 0 }),
  'lines-up': review({ textTop: 0 }),
  'lines-down': review({ textTop: 1 }),
  'alpha-down': setsAlpha(0.019),
  'alpha-up': setsAlpha(0.021),
  'alpha-down-coarse': setsAlpha(0.01),
  'alpha-up-coarse': setsAlpha(0.03),
  'neutral-alpha': setsAlpha(0.0561471),
  'flip-alpha': typesInto('review', 'flips'),
  'edit-alpha': typesInto('review', 'alpha'),
  'edit-beta': typesInto('review', 'beta'),
  'edit-lr': typesInto('review', 'lr'),
  // Of four responses the pair is 1 over 2; the cursor is on 0.
  winner: decides({ kind: 'pair', chosen: 0, rejected: 2 }),
  loser: decides({ kind: 'pair', chosen: 1, rejected: 0 }),
  swap: decides({ kind: 'pair', chosen: 2, rejected: 1 }),
  confirm: decides({ kind: 'pair', chosen: 1, rejected: 2 }),
  exclude: decides({ kind: 'exclude' }),
  tie: decides({ kind: 'tie' }),
  'take-back': decides(null),
  note: typesInto('review', 'note'),
  undo: { asks: sends({ type: 'undo' }) },
  redo: { asks: sends({ type: 'redo' }) },
  detail: review({ pane: 'detail' }),
  // |y_w| is 40, 45 and 30 once the first two prompts are swapped.
  'sort-again': review({ selected: 0, at: 1 }),
  curves: review({ pane: 'alpha' }),
  hacking: { ...review({ pane: 'hacking' }), asks: asks({ type: 'read-hacking', round: 2 }) },
  'show-phrase': review({ pane: 'table' }),
  'phrase-up': review({ phrase: 0 }),
  'phrase-down': review({ phrase: 1 }),
  tokens: {
    ...review({ pane: 'tokens' }),
    asks: asks({ type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 }),
  },
  'next-prompt': selects(1),
  'previous-prompt': selects(0),
  filter: typesInto('review', 'filter'),
  against: review({ against: 2 }),
  diff: review({ diff: false }),
  'sort-left': review({ sort: { column: 'responses' }, selected: 0, at: 0 }),
  'sort-right': review({ sort: { column: 'text' }, selected: 0, at: 104 }),
  'columns-left': review({ column: 0 }),
  'columns-right': review({ column: 1 }),
  range: review({ range: { anchor: 0, held: true } }),
  'range-up': {
    ...review({ range: { anchor: 1, held: false }, selected: 0 }),
    asks: asks({ type: 'read-detail', round: 2, prompt_index: 0 }),
  },
  'range-down': {
    ...review({ range: { anchor: 0, held: false }, selected: 1 }),
    asks: asks({ type: 'read-detail', round: 2, prompt_index: 1 }),
  },
  'next-undecided': selects(1),
  'previous-undecided': selects(0),
  measure: review({ measure: 'reference' }),
  'sort-reverse': review({ sort: { column: 'prompt', reversed: true }, selected: 0, at: 106 }),
  importance: review({ sort: { column: 'importance' } }),
  'decide-all': typesInto('review', 'all'),
  // Of the first prompt of round 2, response 1 is A.
  'blind-a': decidesBlind({ kind: 'pair', chosen: 1, rejected: 2 }),
  'blind-b': decidesBlind({ kind: 'pair', chosen: 2, rejected: 1 }),
  'blind-tie': decidesBlind({ kind: 'tie' }),
  'blind-skip': selects(1),
  blind: review({ pane: 'blind' }),
  'page-up': selects(100),
  'page-down': selects(6),
  'first-pair': selects(0),
  'last-pair': selects(106),
  'text-up': review({ textTop: 0 }),
  'text-down': review({ textTop: 3 }),
  write: { asks: [{ do: 'write', overwrite: false }] },
  zoom: review({ zoomed: true }),

  'stop-update': opens({ kind: 'confirm', owner: 'update', what: 'stop' }),
  abort: opens({ kind: 'confirm', owner: 'update', what: 'abort' }),
  alarms: update({ view: 'alarms' }),
  'show-log': {
    becomes: { screen: 'engine', follows: false },
    asks: [...asks({ type: 'read-machine' }), ...asks({ type: 'read-log', log: { of: 'job', round: 2 }, from: null })],
  },
  'earlier-rounds': update({ showsEarlier: false }),
  smoothing: update({ charts: { smoothing: 0.6 } }),
  'log-scale': update({ charts: { log: true } }),
  enlarge: update({ charts: { enlarged: 0 } }),
  'all-charts': update({ charts: { enlarged: null } }),
  'chart-before': update({ charts: { enlarged: 7 } }),
  'chart-after': update({ charts: { enlarged: 1 } }),
  'step-back': update({ charts: { step: 23 } }),
  'step-on': update({ charts: { step: 2 } }),
  'steps-back': update({ charts: { step: 14 } }),
  'steps-on': update({ charts: { step: 11 } }),
  'first-step': update({ charts: { step: 1 } }),
  'last-step': update({ charts: { step: null } }),

  'search-log': typesInto('engine', 'search'),
  'match-before': engineUi({ found: 38 }),
  'match-after': engineUi({ found: 2 }),
  'error-before': engineUi({ found: 45 }),
  'other-log': {
    ...engineUi({ other: true }),
    asks: asks({ type: 'read-log', log: { of: 'engine' }, from: null }),
  },
  'cut-lines': engineUi({ cuts: true }),
  'enlarge-log': engineUi({ view: 'log' }),
  'log-up': engineUi({ top: 33 }),
  'log-down': engineUi({ top: 1 }),
  'log-page-up': engineUi({ top: 19 }),
  'log-page-down': engineUi({ top: 15 }),
  'log-start': engineUi({ top: 0 }),
  'log-end': engineUi({ top: null }),
  'queue-attempts': typesInto('history', 'attempts:2'),
  'show-probes': update({ view: 'probes' }),
  'show-plots': update({ view: 'plots' }),
  'more-plots': update({ page: 1 }),
  'probe-up': update({ probe: 0 }),
  'probe-down': update({ probe: 1 }),
  'look-back': update({ look: 2 }),
  'look-on': update({ look: 2 }),
  'update-text-up': update({ top: 0 }),
  'update-text-down': update({ top: 16 }),

  accept: { asks: sends({ type: 'judge', round: 2, verdict: 'accepted' }) },
  reject: { asks: sends({ type: 'judge', round: 2, verdict: 'rejected' }) },
  'no-verdict': { asks: sends({ type: 'judge', round: 2, verdict: null }) },
  'redo-at': typesInto('evaluation', 'redo'),
  'show-prompts': evaluation({ view: 'prompts' }),
  'show-numbers': evaluation({ view: 'numbers' }),
  'show-kinds': evaluation({ view: 'kinds', kindsTop: 0 }),
  'hide-kinds': evaluation({ view: 'numbers' }),
  'show-judges': evaluation({ view: 'judges' }),
  'hide-judges': evaluation({ view: 'numbers' }),
  order: evaluation({ order: 'fell' }),
  'against-base': evaluation({ against: 'base' }),
  'against-start': evaluation({ against: 'start' }),
  'change-up': evaluation({ selected: 0 }),
  'change-down': evaluation({ selected: 1 }),
  'changes-page-up': evaluation({ selected: 34, top: 34 }),
  'changes-page-down': evaluation({ selected: 5, top: 1 }),
  'first-change': evaluation({ selected: 0, top: 0 }),
  'last-change': evaluation({ selected: 39, top: 35 }),
  'answer-up': evaluation({ textTop: 0 }),
  'answer-down': evaluation({ textTop: 10 }),

  pause: { asks: sends({ type: 'pause' }) },
  resume: { asks: sends({ type: 'resume' }) },
  'next-round': { asks: sends({ type: 'next-round' }) },
  'go 1': { becomes: { screen: 'sampling' } },
  'go 2': { becomes: { screen: 'review', follows: true } },
  'go 6': {
    becomes: { screen: 'engine' },
    asks: [...asks({ type: 'read-machine' }), ...asks({ type: 'read-log', log: { of: 'engine' }, from: null })],
  },
  'go 3': { becomes: { screen: 'update' } },
  'go 4': { becomes: { screen: 'evaluation' } },
  'go 5': { becomes: { screen: 'history', follows: false } },
  'next-screen': { becomes: { screen: 'update', follows: false } },
  'previous-screen': { becomes: { screen: 'sampling', follows: false } },
  history: { becomes: { screen: 'history', follows: false } },
  copy: { asks: [{ do: 'copy', text: 'December comes after November, and it is the last month of the year.' }] },
  leave: { asks: [{ do: 'leave' }] },
  back: { becomes: { screen: 'review', follows: true } },
  apply: {
    becomes: { modal: null, draft: { alpha: 1 } },
    asks: [...sends({ type: 'set', settings: { alpha: 1 } }), { do: 'remember', kind: 'review/alpha', text: '1' }],
  },
  erase: opens({ kind: 'edit', text: '' }),
  'erase-to-start': opens({ kind: 'edit', text: '', cursor: 0 }),
  'erase-to-end': opens({ kind: 'edit', text: '', cursor: 0 }),
  'erase-word': opens({ kind: 'edit', text: 'far-off ', cursor: 8 }),
  'erase-word-left': opens({ kind: 'edit', text: 'far-off ', cursor: 8 }),
  'erase-word-right': opens({ kind: 'edit', text: '-off too', cursor: 0 }),
  'erase-right': opens({ kind: 'edit', text: 'ar-off too', cursor: 0 }),
  'put-back': opens({ kind: 'edit', text: 'far-off too', cursor: 11 }),
  'cursor-left': opens({ kind: 'edit', text: 'far-off too', cursor: 10 }),
  'cursor-right': opens({ kind: 'edit', cursor: 1 }),
  'word-left': opens({ kind: 'edit', cursor: 8 }),
  'word-right': opens({ kind: 'edit', cursor: 3 }),
  'line-start': opens({ kind: 'edit', cursor: 0 }),
  'line-end': opens({ kind: 'edit', cursor: 11 }),
  'earlier-line': opens({ kind: 'edit', text: 'far-off too' }),
  'later-line': opens({ kind: 'edit', text: '' }),
  'earlier-command': opens({ kind: 'palette', text: 'redraw' }),
  'later-command': opens({ kind: 'palette', text: '' }),
  'complete-back': opens({ kind: 'edit', text: 'dissent ' }),
  mouse: { becomes: { mouse: false }, asks: [{ do: 'mouse', on: false }] },
  palette: opens({ kind: 'palette', text: '', selected: 0 }),
  'palette-up': opens({ kind: 'palette', selected: 0 }),
  'palette-down': opens({ kind: 'palette', selected: 1 }),
  // The first command of the list is what matters most on the screen.
  'run-command': {
    ...opens({ kind: 'confirm', owner: 'review', what: 'launch' }),
    asks: asks({ type: 'read-plan', round: 2 }),
  },
  yes: { becomes: { modal: null }, asks: sends({ type: 'launch' }) },
  no: closes,
  close: closes,
  'close-help': closes,
  help: opens({ kind: 'help', text: '', top: 0 }),
  'scroll-up': opens({ kind: 'help', top: 0 }),
  'scroll-down': opens({ kind: 'help', top: 1 }),
  'help-page-up': opens({ kind: 'help', top: 0 }),
  'help-page-down': opens({ kind: 'help', top: 18 }),
  'help-top': opens({ kind: 'help', top: 0 }),
  'help-end': opens({ kind: 'help', top: helpLines(help).length - helpRows(help) }),
  detach: leaves,
  quit: leaves,
  'detach-now': leaves,
};
