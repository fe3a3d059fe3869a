/** Keys that work on every screen, and those of what lies over a screen. */
import type { Key } from './screen.js';
import {
  type Modal,
  type Screen,
  type State,
  allScreens,
  canResubmit,
  canStartRound,
  hasFailed,
  isJob,
  isPaused,
  isWorking,
  screens,
  stageOn,
} from './state.js';

/** Where a key counts: a screen, or what lies over it. */
export type Place = Screen | Modal['kind'];

export interface PlacedKey extends Key {
  places: readonly Place[];
}

const everywhere: readonly Place[] = [...allScreens, 'help', 'palette', 'edit', 'confirm'];
const computing: readonly Place[] = ['sampling', 'update', 'evaluation'];

const ofRun = (state: State): boolean => state.file === null && state.home === null;
const ofHome = (state: State): boolean => state.home !== null;
const ofFile = (state: State): boolean => state.file !== null;

const hasPolicy = (state: State): boolean => state.run?.rounds.some(({ stage }) => stage === 'done') ?? false;

/** Before those of the screen in the footer. */
export const firstKeys = [
  {
    id: 'restart',
    aliases: ['start engine'],
    keys: ['r'],
    places: screens,
    label: 'restart engine',
    help: 'start the engine again where it was',
    when: (state: State) => state.link.status === 'lost',
  },
  {
    id: 'resubmit',
    aliases: ['submit again'],
    keys: ['r'],
    places: screens,
    label: 'resubmit',
    help: 'submit the job again; it continues from its checkpoint',
    when: canResubmit,
  },
  {
    id: 'retry',
    aliases: ['again'],
    keys: ['r'],
    places: screens,
    label: 'retry',
    help: 'try the failed stage again',
    when: (state) => hasFailed(state) && !canResubmit(state),
  },
  {
    id: 'take-over',
    aliases: ['drive'],
    keys: ['T'],
    places: screens,
    label: 'take over',
    help: 'drive this run from here; the terminal that drove looks on',
    when: (state) => state.link.status === 'up' && state.run?.role.driving === false,
  },
] as const satisfies readonly PlacedKey[];

/** After those of the screen. */
export const lastKeys = [
  {
    id: 'pause',
    keys: ['p'],
    places: computing,
    label: 'pause',
    help: 'pause the work after the micro-batch in flight',
    when: (state) => isWorking(state) && stageOn(state) !== null && !isJob(state),
    why: (state) => (isJob(state) ? 'A job cannot be paused: S stops it and keeps the policy, x aborts it.' : null),
  },
  {
    id: 'resume',
    aliases: ['continue'],
    keys: ['p'],
    places: computing,
    label: 'resume',
    help: 'continue after a pause',
    when: (state) => isPaused(state) && stageOn(state) !== null,
  },
  {
    id: 'next-round',
    aliases: ['next', 'new round'],
    keys: ['n'],
    places: screens,
    label: 'next round',
    help: 'start the next round from this policy',
    when: canStartRound,
  },
  {
    id: 'go',
    keys: ['1', '2', '3', '4', '5'],
    places: screens,
    label: 'screen',
    sign: '1-5',
    help: 'go to that screen',
    when: ofRun,
  },
  { id: 'next-screen', keys: ['tab'], places: screens, label: '', help: 'next screen', when: ofRun },
  { id: 'previous-screen', keys: ['shift+tab'], places: screens, label: '', help: 'previous screen', when: ofRun },
  {
    id: 'history',
    aliases: ['rounds'],
    keys: ['h'],
    places: screens,
    label: 'history',
    help: 'all rounds of this run',
    when: ofRun,
  },
  {
    id: 'copy',
    aliases: ['yank', 'clipboard'],
    keys: ['y'],
    places: allScreens,
    label: '',
    help: 'copy the selection to the clipboard of your terminal',
    when: (state) => state.run !== null || ofHome(state),
  },
  {
    id: 'leave',
    command: 'runs',
    aliases: ['leave', 'list'],
    keys: ['R'],
    places: screens,
    label: '',
    help: 'to the list of runs; the engine keeps running',
    when: ofRun,
  },
  {
    id: 'export',
    aliases: ['save policy'],
    keys: ['E'],
    places: screens,
    label: '',
    help: 'export the last accepted policy to a folder (asks which)',
    when: (state) => ofRun(state) && hasPolicy(state),
  },
  {
    id: 'report',
    aliases: ['write report'],
    keys: ['P'],
    places: screens,
    label: '',
    help: 'write a report of all rounds to a file (asks which)',
    when: (state) => ofRun(state) && hasPolicy(state),
  },
  {
    id: 'back',
    keys: ['escape'],
    places: allScreens,
    label: '',
    help: 'one layer back',
  },
  {
    id: 'complete',
    keys: ['tab'],
    places: ['edit'],
    label: 'complete',
    help: 'complete the path that is typed',
    when: ({ modal }) => modal?.kind === 'edit' && modal.completes !== undefined,
  },
  { id: 'apply', keys: ['enter'], places: ['edit'], label: 'set', help: 'use what was typed' },
  { id: 'erase', keys: ['backspace'], places: ['edit', 'palette'], label: 'erase', help: 'erase the last character' },
  { id: 'erase-all', keys: ['ctrl+u'], places: ['edit', 'palette'], label: 'clear', help: 'erase all of it' },
  { id: 'run-command', keys: ['enter'], places: ['palette'], label: 'do it', help: 'do what is selected' },
  { id: 'palette-up', keys: ['up'], places: ['palette'], label: '', help: 'the command above' },
  { id: 'palette-down', keys: ['down'], places: ['palette'], label: 'select', sign: '↑↓', help: 'the command below' },
  { id: 'yes', keys: ['y'], places: ['confirm'], label: 'yes', help: 'do what is asked' },
  { id: 'no', keys: ['n', 'escape'], places: ['confirm'], label: 'no', help: 'do nothing' },
  { id: 'scroll-up', keys: ['up', 'k'], places: ['help'], label: '', help: 'scroll up' },
  { id: 'scroll-down', keys: ['down', 'j'], places: ['help'], label: 'scroll', sign: '↑↓', help: 'scroll down' },
  { id: 'help-page-up', keys: ['pageup'], places: ['help'], label: '', help: 'a page up' },
  { id: 'help-page-down', keys: ['pagedown', 'space'], places: ['help'], label: '', help: 'a page down' },
  { id: 'help-top', keys: ['home', 'g'], places: ['help'], label: '', help: 'to the top' },
  { id: 'help-end', keys: ['end', 'G'], places: ['help'], label: '', help: 'to the end' },
  { id: 'close', keys: ['escape'], places: ['edit', 'palette'], label: 'back', help: 'back, and nothing is changed' },
  { id: 'close-help', keys: ['escape', '?'], places: ['help'], label: 'back', help: 'back to the screen' },
  { id: 'palette', keys: [':'], places: allScreens, label: 'commands', help: 'every command, found by typing' },
  {
    id: 'redraw',
    aliases: ['refresh'],
    keys: ['ctrl+l'],
    places: everywhere,
    label: '',
    help: 'draw the screen again, after something else has written on it',
  },
  {
    id: 'suspend',
    aliases: ['background', 'shell'],
    keys: ['ctrl+z'],
    places: everywhere,
    label: '',
    help: 'back to the shell until `fg`; the engine keeps working',
    when: () => process.platform !== 'win32',
  },
  { id: 'help', aliases: ['keys'], keys: ['?'], places: allScreens, label: 'help', help: 'every key that works here' },
  {
    id: 'detach',
    aliases: ['quit', 'exit', 'leave'],
    keys: ['q', 'ctrl+c'],
    places: [...screens, 'help', 'confirm'],
    label: 'detach',
    help: 'leave the terminal; the engine keeps running',
    when: ofRun,
  },
  {
    id: 'quit',
    only: 'file',
    aliases: ['exit', 'close'],
    keys: ['q', 'ctrl+c'],
    places: ['review', 'help', 'confirm'],
    label: 'quit',
    help: 'leave; every decision is kept',
    when: ofFile,
  },
  {
    id: 'quit-list',
    command: 'quit',
    aliases: ['exit', 'close'],
    keys: ['q', 'ctrl+c'],
    places: ['runs', 'setup', 'help', 'confirm'],
    label: 'quit',
    help: 'leave; engines keep running',
    when: ofHome,
  },
  {
    id: 'detach-now',
    keys: ['ctrl+c'],
    places: ['edit', 'palette'],
    label: '',
    help: 'leave the terminal; the engine keeps running',
  },
] as const satisfies readonly PlacedKey[];

export type RunKey = (typeof firstKeys)[number]['id'] | (typeof lastKeys)[number]['id'];
