/** Actions that work on every screen, and those of what lies over a screen. */
import { askForAttempts } from './attempts.js';
import { type PaletteEntry, paletteEntries } from './commands.js';
import { askWhere, confirmed, typed } from './dialogs.js';
import { fieldActions } from './fieldActions.js';
import { helpRows, scrollHelp } from './helpLines.js';
import { activeKeys } from './keys.js';
import { enter, leave, settle } from './screen.js';
import {
  canResubmit,
  canStartRound,
  currentRound,
  hasFailed,
  isJob,
  isPaused,
  isWorking,
  shownRound,
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
import { edited, remembered } from './textFields.js';

const everywhere: readonly KeyScope[] = [...allScreens, 'help', 'palette', 'edit', 'confirm'];
const computing: readonly KeyScope[] = ['sampling', 'update', 'evaluation'];

const ofRun = (state: State): boolean => state.workspace === 'run';
const ofHome = (state: State): boolean => state.workspace === 'home';
const ofFile = (state: State): boolean => state.workspace === 'file';

const hasPolicy = (state: State): boolean => state.run?.rounds.some(({ stage }) => stage === 'done') ?? false;

const detach = (state: State): Step => ({ state, effects: [{ do: 'detach' }] });

const searchesNothing = ({ modal }: State): boolean => modal?.kind === 'help' && modal.text === '';

function closeHelp(state: State): State {
  if (state.modal?.kind !== 'help' || searchesNothing(state)) return { ...state, modal: null };
  return edited(state, () => ({ text: '' }));
}

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
    group: 'work',
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
    group: 'work',
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
    group: 'work',
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
    group: 'work',
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
    group: 'work',
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
    group: 'work',
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
    group: 'work',
    aliases: ['next', 'new round'],
    keys: ['n'],
    // There it goes to the next match.
    places: screens.filter((screen) => screen !== 'engine'),
    label: 'next round',
    help: 'start the next round from this policy',
    when: canStartRound,
    run: (state) => send({ ...state, follows: true, past: null }, { type: 'next-round' }),
  },
  {
    id: 'go',
    group: 'moving',
    keys: ['1', '2', '3', '4', '5', '6'],
    places: screens,
    label: 'screen',
    sign: '1-6',
    help: 'go to that screen',
    when: ofRun,
    run: (state, key) => noEffects(show(state, screens[Number(key) - 1])),
  },
  {
    id: 'next-screen',
    group: 'moving',
    keys: ['tab'],
    places: screens,
    label: '',
    help: 'next screen',
    when: ofRun,
    run: (state) => noEffects(show(state, screens[(screens.indexOf(state.screen) + 1) % screens.length])),
  },
  {
    id: 'previous-screen',
    group: 'moving',
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
    group: 'moving',
    aliases: ['rounds'],
    keys: ['h'],
    places: screens,
    label: 'history',
    help: 'all rounds of this run',
    when: ofRun,
    run: (state) => noEffects(show(state, 'history')),
  },
  {
    id: 'queue-attempts',
    group: 'work',
    command: 'repeat-at',
    aliases: ['attempts', 'queue'],
    keys: ['Q'],
    places: ['review', 'update', 'evaluation'],
    label: '',
    help: 'queue the round again with other values of α, from the same samples',
    when: (state) => ofRun(state) && state.link.status === 'up' && (shownRound(state)?.id ?? 0) > 0,
    run(state) {
      const round = shownRound(state);
      return noEffects(round === null ? state : askForAttempts(state, round));
    },
  },
  {
    id: 'copy',
    group: 'files',
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
    group: 'moving',
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
    group: 'files',
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
    group: 'files',
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
    group: 'moving',
    keys: ['escape'],
    places: allScreens,
    label: '',
    help: 'one layer back',
    run: (state) => noEffects(back(state)),
  },
  {
    id: 'apply',
    keys: ['enter'],
    places: ['edit'],
    label: 'set',
    help: 'use what was typed',
    run: (state) => typed(state),
  },
  ...fieldActions,
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
    keys: ['up'],
    places: ['help'],
    label: '',
    help: 'scroll up',
    run: (state) => noEffects(scrollHelp(state, -1)),
  },
  {
    id: 'scroll-down',
    keys: ['down'],
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
    keys: ['pagedown'],
    places: ['help'],
    label: '',
    help: 'a page down',
    run: (state) => noEffects(scrollHelp(state, helpRows(state))),
  },
  {
    id: 'help-top',
    keys: ['home'],
    places: ['help'],
    label: '',
    help: 'to the top',
    when: searchesNothing,
    run: (state) => noEffects(scrollHelp(state, -Infinity)),
  },
  {
    id: 'help-end',
    keys: ['end'],
    places: ['help'],
    label: '',
    help: 'to the end',
    when: searchesNothing,
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
    help: 'back to the screen; from a search first to all keys',
    run: (state) => noEffects(closeHelp(state)),
  },
  {
    id: 'palette',
    group: 'terminal',
    keys: [':'],
    places: allScreens,
    label: 'commands',
    help: 'every command, found by typing',
    run: (state) => noEffects({ ...state, modal: { kind: 'palette', text: '', selected: 0 } }),
  },
  {
    id: 'redraw',
    group: 'terminal',
    aliases: ['refresh'],
    keys: ['ctrl+l'],
    places: everywhere,
    label: '',
    help: 'draw the screen again, after something else has written on it',
    run: (state) => ({ state, effects: [{ do: 'redraw' }] }),
  },
  {
    id: 'suspend',
    group: 'terminal',
    aliases: ['background', 'shell'],
    keys: ['ctrl+z'],
    places: everywhere,
    label: '',
    help: 'back to the shell until `fg`; the engine keeps working',
    when: () => process.platform !== 'win32',
    run: (state) => ({ state, effects: [{ do: 'suspend' }] }),
  },
  {
    id: 'mouse',
    group: 'terminal',
    aliases: ['select text'],
    keys: ['ctrl+t'],
    places: everywhere,
    label: '',
    help: 'leave the mouse to the terminal, to select text there; and back',
    when: ({ mouse }) => mouse !== null,
    run: (state) => toggleMouse(state),
  },
  {
    id: 'help',
    group: 'terminal',
    aliases: ['keys'],
    keys: ['?'],
    places: allScreens,
    label: 'help',
    help: 'every key that works here',
    run: (state) => noEffects({ ...state, modal: { kind: 'help', text: '', top: 0 } }),
  },
  {
    id: 'detach',
    group: 'terminal',
    aliases: ['quit', 'exit', 'leave'],
    keys: ['q', 'ctrl+c'],
    places: [...screens, 'confirm'],
    label: 'detach',
    help: 'leave the terminal; the engine keeps running',
    when: ofRun,
    run: detach,
  },
  {
    id: 'quit',
    group: 'terminal',
    only: 'file',
    aliases: ['exit', 'close'],
    keys: ['q', 'ctrl+c'],
    places: ['review', 'confirm'],
    label: 'quit',
    help: 'leave; every decision is kept',
    when: ofFile,
    run: detach,
  },
  {
    id: 'quit-list',
    group: 'terminal',
    command: 'quit',
    aliases: ['exit', 'close'],
    keys: ['q', 'ctrl+c'],
    places: ['runs', 'setup', 'confirm'],
    label: 'quit',
    help: 'leave; engines keep running',
    when: ofHome,
    run: detach,
  },
  {
    id: 'detach-now',
    keys: ['ctrl+c'],
    places: ['edit', 'palette', 'help'],
    label: '',
    help: 'leave the terminal; the engine keeps running',
    run: detach,
  },
];

function toggleMouse(state: State): Step {
  const on = state.mouse !== true;
  const notice = on ? 'Clicks and the wheel come to Brevity again.' : 'The mouse selects text of the terminal now.';
  return { state: { ...state, mouse: on, notice }, effects: [{ do: 'mouse', on }] };
}

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

export function selectEntry(state: State, by: number): State {
  if (state.modal?.kind !== 'palette') return state;
  const last = paletteEntries(state, state.modal.text).length - 1;
  return { ...state, modal: { ...state.modal, selected: Math.max(0, Math.min(last, state.modal.selected + by)) } };
}

export function runCommand(state: State): Step {
  if (state.modal?.kind !== 'palette') return noEffects(state);
  const { text, selected } = state.modal;
  const entry = paletteEntries(state, text).at(selected);
  if (entry === undefined) return noEffects({ ...state, modal: null, notice: 'There is no such command.' });
  const { state: there, effects } = remembered({ ...state, modal: null }, 'palette', text);
  const done = runEntry(there, entry);
  return { state: done.state, effects: [...effects, ...done.effects] };
}

function runEntry(state: State, { key, name, command, text, screen, available }: PaletteEntry): Step {
  if (!available)
    return noEffects({ ...state, notice: key.why?.(state) ?? `Nothing to do now for ${command}: ${text}.` });
  const at = screen === null ? state : show(state, screen);
  return activeKeys(at).some(({ id }) => id === key.id) ? key.run(at, name) : noEffects(at);
}
