/**
 * What lies over a screen: questions and lines being typed. Opening them, and what confirming them does; a screen's own
 * lines and questions are passed on to it. Leaves out how a line is edited (textFields.ts).
 */
import path from 'node:path';
import { makeLine } from '../../src/core/sanitize.js';
import type { Sensitive } from '../../src/core/trust.js';
import { enter, leave, stepWithin } from './screen.js';
import { type Modal, type Screen, type State, type Step, noEffects } from './state.js';
import { kindOf, remembered } from './textFields.js';

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
  const { state: closed, effects } = remembered({ ...state, modal: null }, kindOf(modal), text);
  const result = owner === 'run' ? typedOnRun(closed, field, text.trim()) : typedOnScreen(closed, owner, field, text);
  if (typeof result !== 'string') return { state: result.state, effects: [...result.effects, ...effects] };
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
