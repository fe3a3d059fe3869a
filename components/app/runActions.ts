/** What the keys that work on every screen do, and those of what lies over a screen. */
import path from 'node:path';
import { count } from '../../src/core/format.js';
import { helpRows, scrollHelp } from './helpLines.js';
import { mostPasted } from '../terminal/keyboard.js';
import { meaningOf } from './keys.js';
import { modules } from './screens.js';
import { paletteEntries } from './commands.js';
import type { RunKey } from './runKeys.js';
import { makeLine, pastedLine } from '../../src/core/sanitize.js';
import {
  type Effect,
  type Modal,
  type Screen,
  type State,
  type Step,
  allScreens,
  currentRound,
  only,
  screenOf,
  screens,
  send,
} from './state.js';
import type { Sensitive } from '../../src/core/trust.js';

export function actOnRun(state: State, id: RunKey, key: string): Step {
  switch (id) {
    case 'detach':
    case 'detach-now':
    case 'quit':
    case 'quit-list':
      return { state, effects: [{ do: 'detach' }] };
    case 'leave':
      return { state, effects: [{ do: 'leave' }] };
    case 'restart':
      return { state: { ...state, link: { status: 'connecting' } }, effects: [{ do: 'restart' }] };
    case 'resubmit':
    case 'retry': {
      // The stage reports again what it had reported before it failed; a fresh snapshot keeps that from counting twice.
      const effects: Effect[] = [
        { do: 'send', command: { type: 'retry' } },
        { do: 'send', command: { type: 'attach', client: 'tui' } },
      ];
      return { state, effects };
    }
    case 'take-over':
    case 'pause':
    case 'resume':
      return send(state, { type: id });
    case 'next-round':
      return send({ ...state, follows: true, past: null }, { type: 'next-round' });
    case 'copy':
      return copy(state);
    case 'export':
    case 'report':
      return only(askWhere(state, id));
    case 'yes':
      return confirmed(state);
    case 'no':
    case 'close':
    case 'close-help':
      return only({ ...state, modal: null });
    case 'back':
      return only(back(state));
    case 'help':
      return only({ ...state, modal: { kind: 'help', top: 0 } });
    case 'scroll-up':
      return only(scrollHelp(state, -1));
    case 'scroll-down':
      return only(scrollHelp(state, 1));
    case 'help-page-up':
      return only(scrollHelp(state, -helpRows(state)));
    case 'help-page-down':
      return only(scrollHelp(state, helpRows(state)));
    case 'help-top':
      return only(scrollHelp(state, -Infinity));
    case 'help-end':
      return only(scrollHelp(state, Infinity));
    case 'go':
      return only(show(state, screens[Number(key) - 1]));
    case 'history':
      return only(show(state, 'history'));
    case 'next-screen':
      return only(show(state, screens[(screens.indexOf(state.screen) + 1) % screens.length]));
    case 'previous-screen':
      return only(show(state, screens[(screens.indexOf(state.screen) + screens.length - 1) % screens.length]));
    case 'complete':
      return complete(state);
    case 'apply':
      return typed(state);
    case 'erase':
      return only(retype(state, (text) => [...text].slice(0, -1).join('')));
    case 'erase-all':
      return only(retype(state, () => ''));
    case 'redraw':
    case 'suspend':
      return { state, effects: [{ do: id }] };
    case 'palette':
      return only({ ...state, modal: { kind: 'palette', text: '', selected: 0 } });
    case 'palette-up':
      return only(selectEntry(state, -1));
    case 'palette-down':
      return only(selectEntry(state, 1));
    case 'run-command':
      return runCommand(state);
  }
}

/** What is typed into the line or the palette that is open; null where none is. */
export function retyped(state: State, change: (text: string) => string): State | null {
  const { modal } = state;
  return modal?.kind === 'edit' || modal?.kind === 'palette' ? retype(state, change) : null;
}

/** Pasted text goes into the line that is typed; elsewhere it must never act as keys. */
export function pasted(state: State, text: string, cut: boolean): State {
  const line = pastedLine(text);
  const typing = retyped(state, (before) => before + line);
  if (typing === null) return { ...state, notice: 'Pasted text ignored: no text field is open.' };
  const { modal } = typing;
  if (!cut || modal?.kind !== 'edit') return typing;
  return withModal(typing, { ...modal, error: `only the first ${count(mostPasted)} pasted characters are kept` });
}

/** What tab has found, unless something else is typed by now. */
export function completed(
  state: State,
  { before, text, candidates }: { before: string; text: string; candidates: readonly string[] },
): State {
  const { modal } = state;
  if (modal?.kind !== 'edit' || modal.text !== before) return state;
  const names = candidates.map((name) => makeLine(name, 60));
  const hint = names.length === 0 ? 'nothing there begins so' : names.length === 1 ? '' : names.join('  ');
  return withModal(state, { ...modal, text, hint, error: null });
}

function complete(state: State): Step {
  const { modal } = state;
  if (modal?.kind !== 'edit' || modal.completes === undefined) return only(state);
  return { state, effects: [{ do: 'complete', text: modal.text, inReward: modal.completes === 'reward' }] };
}

function retype(state: State, change: (text: string) => string): State {
  const { modal } = state;
  if (modal?.kind === 'edit') {
    const text = change(modal.text);
    const module = modal.owner === 'run' ? null : modules[modal.owner];
    const said = module?.typing?.(state, modal.field, text) ?? { hint: modal.hint, error: null };
    return { ...state, modal: { ...modal, text, ...said } };
  }
  if (modal?.kind === 'palette') return { ...state, modal: { ...modal, text: change(modal.text), selected: 0 } };
  return state;
}

/** After any change: every screen's selection is within what there is. */
export function inView(state: State): State {
  return allScreens.reduce((seen, screen) => modules[screen].inView?.(seen) ?? seen, state);
}

export function show(state: State, screen: Screen): State {
  const round = currentRound(state);
  const follows = state.past === null && (round === null || screenOf[round.stage] === screen);
  return inView({ ...state, screen, follows });
}

/** Within the screen first; from an earlier round to the list of rounds, where it was opened; then to where the work is. */
function back(state: State): State {
  const within = modules[state.screen].back?.(state) ?? null;
  if (within !== null) return inView(within);
  if (state.past !== null) return show({ ...state, past: null }, 'history');
  const round = currentRound(state);
  if (state.follows || round === null) return state;
  return inView({ ...state, follows: true, screen: screenOf[round.stage] });
}

function confirmed(state: State): Step {
  if (state.modal?.kind !== 'confirm') return only(state);
  const { owner, what } = state.modal;
  const closed = { ...state, modal: null };
  if (owner === 'run') return what.startsWith(trustQuestion) ? trusted(closed, what) : overwritten(closed, what);
  return modules[owner].confirmed?.(closed, what) ?? only(closed);
}

const reportQuestion = 'overwrite report ';
const pairsQuestion = 'overwrite pairs ';

/** Asks before a file that something else wrote is replaced. */
export function askOverwrite(state: State, what: 'pairs' | 'report', file: string): State {
  const lines = [
    `Overwrite ${makeLine(file, 400)}?`,
    what === 'pairs'
      ? 'What it contains is replaced by the pairs as decided.'
      : 'What it contains is replaced by the report.',
  ];
  const question = what === 'pairs' ? pairsQuestion : reportQuestion;
  return { ...state, notice: null, modal: { kind: 'confirm', owner: 'run', what: question + file, lines } };
}

function overwritten(state: State, what: string): Step {
  if (what.startsWith(pairsQuestion)) return { state, effects: [{ do: 'write', overwrite: true }] };
  return writeTo(state, 'report', what.slice(reportQuestion.length), true);
}

const trustQuestion = 'trust ';

/** The question of a run that needs permissions. Paths and commands are shown whole: they are what is judged. */
export function askTrust(state: State, uses: readonly Sensitive[]): State {
  return {
    ...state,
    link: {
      status: 'lost',
      reason: 'The engine did not start: the run needs your permission first',
      next: 'r asks again.',
    },
    modal: {
      ...{ kind: 'confirm', owner: 'run', what: trustQuestion + JSON.stringify(uses) },
      lines: ['Allow this for this run?', ...uses.flatMap(usedLines)],
    },
  };
}

function usedLines(use: Sensitive): string[] {
  switch (use.kind) {
    case 'module':
      return ['The reward runs this code as you:', use.file];
    case 'key':
      return [`The run sends your ${use.variable} to this server:`, use.origin];
    case 'command':
      return [`The run executes this as you (${use.key}):`, ...use.command.split('\n')];
  }
}

function trusted(state: State, what: string): Step {
  const uses = JSON.parse(what.slice(trustQuestion.length)) as Sensitive[];
  return { state: { ...state, link: { status: 'connecting' } }, effects: [{ do: 'trust', uses }] };
}

function typed(state: State): Step {
  const { modal } = state;
  if (modal?.kind !== 'edit') return only(state);
  const closed = { ...state, modal: null };
  const result =
    modal.owner === 'run'
      ? typedOnRun(closed, modal.field, modal.text.trim())
      : (modules[modal.owner].typed?.(closed, modal.field, modal.text) ?? only(state));
  if (typeof result !== 'string') return result;
  return only({ ...state, modal: { ...modal, error: result } });
}

/** Asks where a policy or a report goes. */
function askWhere(state: State, command: 'export' | 'report'): State {
  const run = makeLine(path.basename(state.run?.directory ?? 'run'), 60);
  const [label, text] =
    command === 'export'
      ? ['export the policy to the new folder', `${run}-policy`]
      : ['write the report (.html or .md) to', `${run}.html`];
  return withModal(state, {
    kind: 'edit',
    owner: 'run',
    field: command,
    label,
    hint: 'tab completes',
    text,
    error: null,
    completes: 'path',
  });
}

function typedOnRun(state: State, field: string, out: string): Step | string {
  if (field !== 'export' && field !== 'report') return only(state);
  if (out === '') return `type the name of ${field === 'export' ? 'a new folder' : 'a file'}`;
  return writeTo(state, field, out, false);
}

function writeTo(state: State, command: 'export' | 'report', out: string, overwrite: boolean): Step {
  const notice = `${command === 'export' ? 'Exporting' : 'Writing the report'} to ${makeLine(out, 60)} …`;
  return { state: { ...state, notice }, effects: [{ do: 'command', command, out, overwrite }] };
}

function copy(state: State): Step {
  const text = modules[state.screen].copies?.(state) ?? null;
  if (text === null) return only({ ...state, notice: 'There is nothing here to copy.' });
  return { state, effects: [{ do: 'copy', text, what: 'the selection' }] };
}

function selectEntry(state: State, by: number): State {
  if (state.modal?.kind !== 'palette') return state;
  const last = paletteEntries(state, state.modal.text).length - 1;
  return withModal(state, { ...state.modal, selected: Math.max(0, Math.min(last, state.modal.selected + by)) });
}

function runCommand(state: State): Step {
  if (state.modal?.kind !== 'palette') return only(state);
  const entry = paletteEntries(state, state.modal.text).at(state.modal.selected);
  if (entry === undefined) return only({ ...state, modal: null, notice: 'There is no such command.' });
  const there = { ...state, modal: null };
  const { key, command, text } = entry;
  if (!entry.available)
    return only({ ...there, notice: key.why?.(state) ?? `Nothing to do now for ${command}: ${text}.` });
  const at = entry.screen === null ? there : show(there, entry.screen);
  if (meaningOf(entry.name, at)?.id !== key.id) return only(at);
  return key.owner === 'run'
    ? actOnRun(at, key.id as RunKey, entry.name)
    : modules[key.owner].act(at, key.id, entry.name);
}

function withModal(state: State, modal: Modal): State {
  return { ...state, modal };
}
