/**
 * The one table of keys. It decides what a key does (reducer.ts), fills the footer and is the help screen.
 *
 * A key is named as `keyNames` names it: a printable character by itself, the others as `up`, `shift+left`, `enter`.
 */
import type { Key as InkKey } from 'ink';
import { type Screen, type State, canStartRound, inReview, screens, stageOn } from './state.js';

/** Where a key counts: a screen, or what lies over it. */
export type Place = Screen | 'help' | 'edit' | 'confirm';

export interface Key {
  id: string;
  keys: readonly string[];
  places: readonly Place[];
  /** For the footer, which has little room. Empty: not in the footer. */
  label: string;
  /** The key's sign in the footer where it stands for its neighbours too. */
  sign?: string;
  /** For the help screen. */
  help: string;
  /** Whether it does something now. */
  when?: (state: State) => boolean;
}

const working = (state: State): boolean => state.link.status === 'up' && state.run?.engine.activity === 'working';
const paused = (state: State): boolean => state.link.status === 'up' && state.run?.engine.activity === 'paused';
const busyWith = (state: State, stage: string): boolean =>
  (working(state) || paused(state)) && stageOn(state) === stage;
const failed = (state: State): boolean => state.link.status === 'up' && state.run?.engine.problem != null;
const lost = (state: State): boolean => state.link.status === 'lost';
const hasPairs = (state: State): boolean => (state.run?.pairs.length ?? 0) > 0;

/** In the order of the footer: what matters most here comes first. */
export const keyTable = [
  {
    id: 'restart',
    keys: ['r'],
    places: screens,
    label: 'restart engine',
    help: 'start the engine again where it was',
    when: lost,
  },
  { id: 'retry', keys: ['r'], places: screens, label: 'retry', help: 'try the failed stage again', when: failed },
  {
    id: 'launch',
    keys: ['enter'],
    places: ['review'],
    label: 'launch',
    help: 'launch the update with these settings (asks first)',
    when: (state) => inReview(state) && hasPairs(state),
  },
  {
    id: 'alpha-down',
    keys: ['left'],
    places: ['review'],
    label: '',
    help: 'lower α by 0.001',
    when: inReview,
  },
  {
    id: 'alpha-up',
    keys: ['right'],
    places: ['review'],
    label: 'α',
    sign: '←→',
    help: 'raise α by 0.001',
    when: inReview,
  },
  {
    id: 'alpha-down-coarse',
    keys: ['shift+left', '[', 'H'],
    places: ['review'],
    label: '',
    help: 'lower α by 0.01',
    when: inReview,
  },
  {
    id: 'alpha-up-coarse',
    keys: ['shift+right', ']', 'L'],
    places: ['review'],
    label: 'α coarse',
    sign: '[ ]',
    help: 'raise α by 0.01',
    when: inReview,
  },
  {
    id: 'edit-alpha',
    keys: ['a'],
    places: ['review'],
    label: 'type α',
    help: 'type α, the length-penalty coefficient',
    when: inReview,
  },
  {
    id: 'edit-beta',
    keys: ['b'],
    places: ['review'],
    label: 'β',
    help: 'type β, the hold on the reference policy',
    when: inReview,
  },
  { id: 'edit-lr', keys: ['l'], places: ['review'], label: 'lr', help: 'type the peak learning rate', when: inReview },
  { id: 'pair-up', keys: ['up', 'k'], places: ['review'], label: '', help: 'previous pair', when: hasPairs },
  {
    id: 'pair-down',
    keys: ['down', 'j'],
    places: ['review'],
    label: 'pair',
    sign: '↑↓',
    help: 'next pair',
    when: hasPairs,
  },
  { id: 'page-up', keys: ['pageup'], places: ['review'], label: '', help: 'a page of pairs up', when: hasPairs },
  { id: 'page-down', keys: ['pagedown'], places: ['review'], label: '', help: 'a page of pairs down', when: hasPairs },
  { id: 'first-pair', keys: ['home', 'g'], places: ['review'], label: '', help: 'first pair', when: hasPairs },
  { id: 'last-pair', keys: ['end', 'G'], places: ['review'], label: '', help: 'last pair', when: hasPairs },
  { id: 'text-up', keys: ['K', '-'], places: ['review'], label: '', help: 'scroll the texts up', when: hasPairs },
  {
    id: 'text-down',
    keys: ['J', 'space'],
    places: ['review'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the texts down',
    when: hasPairs,
  },
  {
    id: 'zoom',
    keys: ['z'],
    places: ['review'],
    label: 'zoom',
    help: 'more room for the texts, and back',
    when: hasPairs,
  },
  {
    id: 'pause',
    keys: ['p'],
    places: ['sampling', 'update', 'evaluation'],
    label: 'pause',
    help: 'pause the work after the micro-batch in flight',
    when: (state) => working(state) && stageOn(state) !== null,
  },
  {
    id: 'resume',
    keys: ['p'],
    places: ['sampling', 'update', 'evaluation'],
    label: 'resume',
    help: 'go on after a pause',
    when: (state) => paused(state) && stageOn(state) !== null,
  },
  {
    id: 'stop-sampling',
    keys: ['s'],
    places: ['sampling'],
    label: 'stop, go on with these',
    help: 'stop sampling and go on with the responses there are',
    when: (state) => busyWith(state, 'sample'),
  },
  {
    id: 'stop-update',
    keys: ['s'],
    places: ['update'],
    label: 'stop and keep',
    help: 'stop the update, keep the policy as it is now and evaluate it',
    when: (state) => busyWith(state, 'update'),
  },
  {
    id: 'abort',
    keys: ['x'],
    places: ['update'],
    label: 'abort and discard',
    help: 'discard what the update did and return to review (asks first)',
    when: (state) => busyWith(state, 'update') || (failed(state) && stageOn(state) === 'update'),
  },
  {
    id: 'next-round',
    keys: ['n'],
    places: screens,
    label: 'next round',
    help: 'start the next round from this policy',
    when: canStartRound,
  },
  { id: 'history-up', keys: ['up', 'k'], places: ['history'], label: '', help: 'earlier rounds' },
  { id: 'history-down', keys: ['down', 'j'], places: ['history'], label: '', help: 'later rounds' },
  {
    id: 'go',
    keys: ['1', '2', '3', '4', '5'],
    places: screens,
    label: 'screen',
    sign: '1-5',
    help: 'go to that screen',
  },
  { id: 'next-screen', keys: ['tab'], places: screens, label: '', help: 'next screen' },
  { id: 'previous-screen', keys: ['shift+tab'], places: screens, label: '', help: 'previous screen' },
  { id: 'history', keys: ['h'], places: screens, label: 'history', help: 'all rounds of this run' },
  { id: 'apply', keys: ['enter'], places: ['edit'], label: 'set', help: 'use the value' },
  { id: 'erase', keys: ['backspace'], places: ['edit'], label: 'erase', help: 'erase the last character' },
  { id: 'erase-all', keys: ['ctrl+u'], places: ['edit'], label: 'clear', help: 'erase all of it' },
  { id: 'yes', keys: ['y', 'enter'], places: ['confirm'], label: 'yes', help: 'do what is asked' },
  { id: 'no', keys: ['n', 'escape'], places: ['confirm'], label: 'no', help: 'do nothing' },
  { id: 'scroll-up', keys: ['up', 'k'], places: ['help'], label: '', help: 'scroll up' },
  { id: 'scroll-down', keys: ['down', 'j'], places: ['help'], label: 'scroll', sign: '↑↓', help: 'scroll down' },
  { id: 'back', keys: ['escape'], places: ['edit'], label: 'back', help: 'leave the value as it was' },
  { id: 'close', keys: ['escape', '?'], places: ['help'], label: 'back', help: 'back to the screen' },
  { id: 'help', keys: ['?'], places: screens, label: 'help', help: 'every key that works here' },
  {
    id: 'detach',
    keys: ['q', 'ctrl+c'],
    places: [...screens, 'help', 'confirm'],
    label: 'detach',
    help: 'leave the terminal; the engine goes on',
  },
  { id: 'detach-now', keys: ['ctrl+c'], places: ['edit'], label: '', help: 'leave the terminal; the engine goes on' },
] as const satisfies readonly Key[];

export type KeyId = (typeof keyTable)[number]['id'];

export function placeOf(state: State): Place {
  return state.modal?.kind ?? state.screen;
}

/** The keys that do something now, in the footer's order. */
export function activeKeys(state: State): (Key & { id: KeyId })[] {
  const place = placeOf(state);
  return table.filter(({ places, when }) => places.includes(place) && (when === undefined || when(state)));
}

/** Every key of a place, whether or not it does something now. */
export function keysOf(place: Place): (Key & { id: KeyId })[] {
  return table.filter(({ places }) => places.includes(place));
}

/** What a key does now; null where it does nothing. */
export function meaningOf(key: string, state: State): KeyId | null {
  return activeKeys(state).find(({ keys }) => keys.includes(key))?.id ?? null;
}

const table: readonly (Key & { id: KeyId })[] = keyTable;

const signs: Record<string, string> = {
  left: '←',
  right: '→',
  up: '↑',
  down: '↓',
  'shift+left': '⇧←',
  'shift+right': '⇧→',
  'shift+tab': '⇧tab',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  escape: 'esc',
};

/** A key as it is written on the screen. */
export function signOf(key: string): string {
  return signs[key] ?? key;
}

/** The names of what Ink has read; a burst of typed or pasted characters is one name each. */
export function keyNames(input: string, key: InkKey): string[] {
  const shift = key.shift ? 'shift+' : '';
  if (key.leftArrow) return [`${shift}left`];
  if (key.rightArrow) return [`${shift}right`];
  if (key.upArrow) return ['up'];
  if (key.downArrow) return ['down'];
  if (key.pageUp) return ['pageup'];
  if (key.pageDown) return ['pagedown'];
  if (key.home) return ['home'];
  if (key.end) return ['end'];
  if (key.return) return ['enter'];
  if (key.escape) return ['escape'];
  if (key.tab) return [`${shift}tab`];
  // Terminals send DEL for backspace; Ink calls that delete.
  if (key.backspace || key.delete) return ['backspace'];
  if (key.ctrl) return [`ctrl+${input}`];
  // Escape and the next key may arrive in one piece over a slow line, which looks like Alt.
  const before = key.meta ? ['escape'] : [];
  const typed = [...input].flatMap((character) => {
    if (character === ' ') return ['space'];
    if (character === '\r' || character === '\n') return ['enter'];
    return character < ' ' ? [] : [character];
  });
  return [...before, ...typed];
}
