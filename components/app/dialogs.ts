/**
 * What lies over a screen: a line being typed, a question, the palette's line. Opening them, what is typed and pasted into
 * them, and what confirming them does; a screen's own lines and questions are passed on to it.
 */
import path from 'node:path';
import { count } from '../../src/core/format.js';
import { makeLine, pastedLine } from '../../src/core/sanitize.js';
import type { Sensitive } from '../../src/core/trust.js';
import { mostPasted } from '../terminal/keyboard.js';
import { enter, leave, stepWithin } from './screen.js';
import { type Modal, type Screen, type State, type Step, noEffects } from './state.js';

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

export function complete(state: State): Step {
  const { modal } = state;
  if (modal?.kind !== 'edit' || modal.completes === undefined) return noEffects(state);
  return { state, effects: [{ do: 'complete', text: modal.text, inReward: modal.completes === 'reward' }] };
}

export function retype(state: State, change: (text: string) => string): State {
  const { modal } = state;
  if (modal?.kind === 'edit') {
    const text = change(modal.text);
    const { owner } = modal;
    const typing = owner === 'run' ? undefined : state.definitions.screens[owner].typing;
    const said =
      owner === 'run' || typing === undefined
        ? { hint: modal.hint, error: null }
        : typing(enter(state, owner), modal.field, text);
    return { ...state, modal: { ...modal, text, ...said } };
  }
  if (modal?.kind === 'palette') return { ...state, modal: { ...modal, text: change(modal.text), selected: 0 } };
  return state;
}

export function confirmed(state: State): Step {
  if (state.modal?.kind !== 'confirm') return noEffects(state);
  const { owner, what } = state.modal;
  const closed = { ...state, modal: null };
  if (owner === 'run') return what.startsWith(trustQuestion) ? trusted(closed, what) : overwritten(closed, what);
  return stepWithin(
    closed,
    owner,
    (slice) => slice.definitions.screens[owner].confirmed?.(slice, what) ?? noEffects(slice),
  );
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
    case 'service':
      return ['The run sends its figures and settings with your login to', use.to];
  }
}

function trusted(state: State, what: string): Step {
  const uses = JSON.parse(what.slice(trustQuestion.length)) as Sensitive[];
  return { state: { ...state, link: { status: 'connecting' } }, effects: [{ do: 'trust', uses }] };
}

export function typed(state: State): Step {
  const { modal } = state;
  if (modal?.kind !== 'edit') return noEffects(state);
  const { owner, field, text } = modal;
  const closed = { ...state, modal: null };
  const result = owner === 'run' ? typedOnRun(closed, field, text.trim()) : typedOnScreen(closed, owner, field, text);
  if (typeof result !== 'string') return result;
  return noEffects({ ...state, modal: { ...modal, error: result } });
}

function typedOnScreen(closed: State, owner: Screen, field: string, text: string): Step | string {
  const slice = enter(closed, owner);
  const result = closed.definitions.screens[owner].typed?.(slice, field, text) ?? noEffects(slice);
  return typeof result === 'string' ? result : { ...result, state: leave(closed, owner, result.state) };
}

/** Asks where a policy or a report goes. */
export function askWhere(state: State, command: 'export' | 'report'): State {
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
  if (field !== 'export' && field !== 'report') return noEffects(state);
  if (out === '') return `type the name of ${field === 'export' ? 'a new folder' : 'a file'}`;
  return writeTo(state, field, out, false);
}

function writeTo(state: State, command: 'export' | 'report', out: string, overwrite: boolean): Step {
  const notice = `${command === 'export' ? 'Exporting' : 'Writing the report'} to ${makeLine(out, 60)} …`;
  return { state: { ...state, notice }, effects: [{ do: 'command', command, out, overwrite }] };
}

function withModal(state: State, modal: Modal): State {
  return { ...state, modal };
}
