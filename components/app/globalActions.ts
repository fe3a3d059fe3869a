/** Actions that work on every screen, and those of what lies over a screen. */
import { paletteEntries } from './commands.js';
import { askWhere, complete, confirmed, retype, typed } from './dialogs.js';
import { helpRows, scrollHelp } from './helpLines.js';
import { meaningOf } from './keys.js';
import { enter, leave, settle } from './screen.js';
import {
  canResubmit,
  canStartRound,
  currentRound,
  hasFailed,
  isJob,
  isPaused,
  isWorking,
  stageOn,
} from './selectors.js';
import {
  type Effect,
  type KeyScope,
  type ScopedAction,
  type Screen,
  type State,
  type Step,
  allScreens,
  noEffects,
  screenOf,
  screens,
  send,
} from './state.js';

const everywhere: readonly KeyScope[] = [...allScreens, 'help', 'palette', 'edit', 'confirm'];
const computing: readonly KeyScope[] = ['sampling', 'update', 'evaluation'];

const ofRun = (state: State): boolean => state.workspace === 'run';
const ofHome = (state: State): boolean => state.workspace === 'home';
const ofFile = (state: State): boolean => state.workspace === 'file';

const hasPolicy = (state: State): boolean => state.run?.rounds.some(({ stage }) => stage === 'done') ?? false;

const detach = (state: State): Step => ({ state, effects: [{ do: 'detach' }] });

/** The stage reports again what it reported before it failed; a fresh snapshot keeps that from counting twice. */
function retryStage(state: State): Step {
  const effects: Effect[] = [
    { do: 'send', command: { type: 'retry' } },
    { do: 'send', command: { type: 'attach', client: 'tui' } },
  ];
  return { state, effects };
}

/** Before those of the screen in the footer. */
export const firstActions: readonly ScopedAction[] = [
  {
    id: 'restart',
    aliases: ['start engine'],
    keys: ['r'],
    places: screens,
    label: 'restart engine',
    help: 'start the engine again where it was',
    when: (state) => state.link.status === 'lost',
    run: (state) => ({ state: { ...state, link: { status: 'connecting' } }, effects: [{ do: 'restart' }] }),
  },
  {
    id: 'resubmit',
    aliases: ['submit again'],
    keys: ['r'],
    places: screens,
    label: 'resubmit',
    help: 'submit the job again; it continues from its checkpoint',
    when: canResubmit,
    run: retryStage,
  },
  {
    id: 'retry',
    aliases: ['again'],
    keys: ['r'],
    places: screens,
    label: 'retry',
    help: 'try the failed stage again',
    when: (state) => hasFailed(state) && !canResubmit(state),
    run: retryStage,
  },
  {
    id: 'take-over',
    aliases: ['drive'],
    keys: ['T'],
    places: screens,
    label: 'take over',
    help: 'drive this run from here; the terminal that drove looks on',
    when: (state) => state.link.status === 'up' && state.run?.role.driving === false,
    run: (state) => send(state, { type: 'take-over' }),
  },
];

/** After those of the screen. */
export const lastActions: readonly ScopedAction[] = [
  {
    id: 'pause',
    keys: ['p'],
    places: computing,
    label: 'pause',
    help: 'pause the work after the micro-batch in flight',
    when: (state) => isWorking(state) && stageOn(state) !== null && !isJob(state),
    why: (state) => (isJob(state) ? 'A job cannot be paused: S stops it and keeps the policy, x aborts it.' : null),
    run: (state) => send(state, { type: 'pause' }),
  },
  {
    id: 'resume',
    aliases: ['continue'],
    keys: ['p'],
    places: computing,
    label: 'resume',
    help: 'continue after a pause',
    when: (state) => isPaused(state) && stageOn(state) !== null,
    run: (state) => send(state, { type: 'resume' }),
  },
  {
    id: 'next-round',
    aliases: ['next', 'new round'],
    keys: ['n'],
    places: screens,
    label: 'next round',
    help: 'start the next round from this policy',
    when: canStartRound,
    run: (state) => send({ ...state, follows: true, past: null }, { type: 'next-round' }),
  },
  {
    id: 'go',
    keys: ['1', '2', '3', '4', '5'],
    places: screens,
    label: 'screen',
    sign: '1-5',
    help: 'go to that screen',
    when: ofRun,
    run: (state, key) => noEffects(show(state, screens[Number(key) - 1])),
  },
  {
    id: 'next-screen',
    keys: ['tab'],
    places: screens,
    label: '',
    help: 'next screen',
    when: ofRun,
    run: (state) => noEffects(show(state, screens[(screens.indexOf(state.screen) + 1) % screens.length])),
  },
  {
    id: 'previous-screen',
    keys: ['shift+tab'],
    places: screens,
    label: '',
    help: 'previous screen',
    when: ofRun,
    run: (state) =>
      noEffects(show(state, screens[(screens.indexOf(state.screen) + screens.length - 1) % screens.length])),
  },
  {
    id: 'history',
    aliases: ['rounds'],
    keys: ['h'],
    places: screens,
    label: 'history',
    help: 'all rounds of this run',
    when: ofRun,
    run: (state) => noEffects(show(state, 'history')),
  },
  {
    id: 'copy',
    aliases: ['yank', 'clipboard'],
    keys: ['y'],
    places: allScreens,
    label: '',
    help: 'copy the selection to the clipboard of your terminal',
    when: (state) => state.run !== null || ofHome(state),
    run: (state) => copy(state),
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
    run: (state) => ({ state, effects: [{ do: 'leave' }] }),
  },
  {
    id: 'export',
    aliases: ['save policy'],
    keys: ['E'],
    places: screens,
    label: '',
    help: 'export the last accepted policy to a folder (asks which)',
    when: (state) => ofRun(state) && hasPolicy(state),
    run: (state) => noEffects(askWhere(state, 'export')),
  },
  {
    id: 'report',
    aliases: ['write report'],
    keys: ['P'],
    places: screens,
    label: '',
    help: 'write a report of all rounds to a file (asks which)',
    when: (state) => ofRun(state) && hasPolicy(state),
    run: (state) => noEffects(askWhere(state, 'report')),
  },
  {
    id: 'back',
    keys: ['escape'],
    places: allScreens,
    label: '',
    help: 'one layer back',
    run: (state) => noEffects(back(state)),
  },
  {
    id: 'complete',
    keys: ['tab'],
    places: ['edit'],
    label: 'complete',
    help: 'complete the path that is typed',
    when: ({ modal }) => modal?.kind === 'edit' && modal.completes !== undefined,
    run: (state) => complete(state),
  },
  {
    id: 'apply',
    keys: ['enter'],
    places: ['edit'],
    label: 'set',
    help: 'use what was typed',
    run: (state) => typed(state),
  },
  {
    id: 'erase',
    keys: ['backspace'],
    places: ['edit', 'palette'],
    label: 'erase',
    help: 'erase the last character',
    run: (state) => noEffects(retype(state, (text) => [...text].slice(0, -1).join(''))),
  },
  {
    id: 'erase-all',
    keys: ['ctrl+u'],
    places: ['edit', 'palette'],
    label: 'clear',
    help: 'erase all of it',
    run: (state) => noEffects(retype(state, () => '')),
  },
  {
    id: 'run-command',
    keys: ['enter'],
    places: ['palette'],
    label: 'do it',
    help: 'do what is selected',
    run: (state) => runCommand(state),
  },
  {
    id: 'palette-up',
    keys: ['up'],
    places: ['palette'],
    label: '',
    help: 'the command above',
    run: (state) => noEffects(selectEntry(state, -1)),
  },
  {
    id: 'palette-down',
    keys: ['down'],
    places: ['palette'],
    label: 'select',
    sign: '↑↓',
    help: 'the command below',
    run: (state) => noEffects(selectEntry(state, 1)),
  },
  {
    id: 'yes',
    keys: ['y'],
    places: ['confirm'],
    label: 'yes',
    help: 'do what is asked',
    run: (state) => confirmed(state),
  },
  {
    id: 'no',
    keys: ['n', 'escape'],
    places: ['confirm'],
    label: 'no',
    help: 'do nothing',
    run: (state) => noEffects({ ...state, modal: null }),
  },
  {
    id: 'scroll-up',
    keys: ['up', 'k'],
    places: ['help'],
    label: '',
    help: 'scroll up',
    run: (state) => noEffects(scrollHelp(state, -1)),
  },
  {
    id: 'scroll-down',
    keys: ['down', 'j'],
    places: ['help'],
    label: 'scroll',
    sign: '↑↓',
    help: 'scroll down',
    run: (state) => noEffects(scrollHelp(state, 1)),
  },
  {
    id: 'help-page-up',
    keys: ['pageup'],
    places: ['help'],
    label: '',
    help: 'a page up',
    run: (state) => noEffects(scrollHelp(state, -helpRows(state))),
  },
  {
    id: 'help-page-down',
    keys: ['pagedown', 'space'],
    places: ['help'],
    label: '',
    help: 'a page down',
    run: (state) => noEffects(scrollHelp(state, helpRows(state))),
  },
  {
    id: 'help-top',
    keys: ['home', 'g'],
    places: ['help'],
    label: '',
    help: 'to the top',
    run: (state) => noEffects(scrollHelp(state, -Infinity)),
  },
  {
    id: 'help-end',
    keys: ['end', 'G'],
    places: ['help'],
    label: '',
    help: 'to the end',
    run: (state) => noEffects(scrollHelp(state, Infinity)),
  },
  {
    id: 'close',
    keys: ['escape'],
    places: ['edit', 'palette'],
    label: 'back',
    help: 'back, and nothing is changed',
    run: (state) => noEffects({ ...state, modal: null }),
  },
  {
    id: 'close-help',
    keys: ['escape', '?'],
    places: ['help'],
    label: 'back',
    help: 'back to the screen',
    run: (state) => noEffects({ ...state, modal: null }),
  },
  {
    id: 'palette',
    keys: [':'],
    places: allScreens,
    label: 'commands',
    help: 'every command, found by typing',
    run: (state) => noEffects({ ...state, modal: { kind: 'palette', text: '', selected: 0 } }),
  },
  {
    id: 'redraw',
    aliases: ['refresh'],
    keys: ['ctrl+l'],
    places: everywhere,
    label: '',
    help: 'draw the screen again, after something else has written on it',
    run: (state) => ({ state, effects: [{ do: 'redraw' }] }),
  },
  {
    id: 'suspend',
    aliases: ['background', 'shell'],
    keys: ['ctrl+z'],
    places: everywhere,
    label: '',
    help: 'back to the shell until `fg`; the engine keeps working',
    when: () => process.platform !== 'win32',
    run: (state) => ({ state, effects: [{ do: 'suspend' }] }),
  },
  {
    id: 'help',
    aliases: ['keys'],
    keys: ['?'],
    places: allScreens,
    label: 'help',
    help: 'every key that works here',
    run: (state) => noEffects({ ...state, modal: { kind: 'help', top: 0 } }),
  },
  {
    id: 'detach',
    aliases: ['quit', 'exit', 'leave'],
    keys: ['q', 'ctrl+c'],
    places: [...screens, 'help', 'confirm'],
    label: 'detach',
    help: 'leave the terminal; the engine keeps running',
    when: ofRun,
    run: detach,
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
    run: detach,
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
    run: detach,
  },
  {
    id: 'detach-now',
    keys: ['ctrl+c'],
    places: ['edit', 'palette'],
    label: '',
    help: 'leave the terminal; the engine keeps running',
    run: detach,
  },
];

/** Opens a screen; the terminal follows the work again if it is the one where the work shows. */
export function show(state: State, screen: Screen): State {
  const round = currentRound(state);
  const follows = state.past === null && (round === null || screenOf[round.stage] === screen);
  return settle({ ...state, screen, follows });
}

/** Within the screen first; from an earlier round to the list of rounds, where it was opened; then to where the work is. */
function back(state: State): State {
  const inScreen = backWithin(state);
  if (inScreen !== null) return settle(inScreen);
  if (state.past !== null) return show({ ...state, past: null }, 'history');
  const round = currentRound(state);
  if (state.follows || round === null) return state;
  return settle({ ...state, follows: true, screen: screenOf[round.stage] });
}

/** One layer back within the screen; null where there is none. */
function backWithin(state: State): State | null {
  const { screen } = state;
  const slice = state.definitions.screens[screen].back?.(enter(state, screen)) ?? null;
  return slice === null ? null : leave(state, screen, slice);
}

function copy(state: State): Step {
  const { screen, definitions } = state;
  const text = definitions.screens[screen].copies?.(enter(state, screen)) ?? null;
  if (text === null) return noEffects({ ...state, notice: 'There is nothing here to copy.' });
  return { state, effects: [{ do: 'copy', text, what: 'the selection' }] };
}

function selectEntry(state: State, by: number): State {
  if (state.modal?.kind !== 'palette') return state;
  const last = paletteEntries(state, state.modal.text).length - 1;
  return { ...state, modal: { ...state.modal, selected: Math.max(0, Math.min(last, state.modal.selected + by)) } };
}

function runCommand(state: State): Step {
  if (state.modal?.kind !== 'palette') return noEffects(state);
  const entry = paletteEntries(state, state.modal.text).at(state.modal.selected);
  if (entry === undefined) return noEffects({ ...state, modal: null, notice: 'There is no such command.' });
  const there = { ...state, modal: null };
  const { key, command, text } = entry;
  if (!entry.available)
    return noEffects({ ...there, notice: key.why?.(state) ?? `Nothing to do now for ${command}: ${text}.` });
  const at = entry.screen === null ? there : show(there, entry.screen);
  return meaningOf(entry.name, at)?.id === key.id ? key.run(at, entry.name) : noEffects(at);
}
