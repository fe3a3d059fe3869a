/** The form that starts a run. */
import { type FieldId, explanation, fieldOf, visibleFields } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { placeAt } from '../../app/lists.js';
import { type ScreenDefinition, noEffects } from '../../app/state.js';
import { setupActions } from './actions.js';
import { applySetupEvent, setupAsks } from './checks.js';
import { costLines } from './cost.js';
import { createRun, enterField, focusOn, moveFocus, save, takeExample, takeTyped, task } from './edit.js';
import { headlessOf, setupLayout, wholeStatus } from './select.js';
import { type Focus, type SetupState, emptyForm, formOf } from './state.js';
import { statusOf } from './status.js';
import { SetupView } from './View.js';

export const setup: ScreenDefinition<SetupState> = {
  initial: emptyForm,
  View: SetupView,
  actions: setupActions,
  asks: setupAsks,
  happened: applySetupEvent,
  typed(state, field, text) {
    if (field === 'load') return task(state, { task: 'form', source: { from: 'file', file: text.trim() } });
    return field === 'save' ? save(state, text.trim(), false) : takeTyped(state, field as FieldId, text);
  },
  typing: () => ({ hint: '', error: null }),
  confirmed(state, what) {
    if (what === 'start') return createRun(state);
    if (what === 'example') return takeExample(state);
    const step = save(state, what.slice('overwrite '.length), true);
    return typeof step === 'string' ? noEffects({ ...state, notice: step }) : step;
  },
  pointed(state, kind, _x, y) {
    if (kind !== 'press') return noEffects(moveFocus(state, kind === 'wheel-up' ? 'up' : 'down'));
    const { lines, top, list } = setupLayout(state);
    const place = placeAt(y, top, lines.length, list);
    const line = place === null ? undefined : lines[place];
    if (line?.kind !== 'item') return noEffects(state);
    // A second click edits, chooses or starts.
    return line.id === state.ui.focus ? enterField(state) : noEffects(focusOn(state, line.id));
  },
  back: (state) => ({ ...state, screen: 'runs' }),
  copies(state) {
    const headless = headlessOf(formOf(state));
    return 'command' in headless ? headless.command : null;
  },
  reading,
};

/** The selected line comes once more at the end: a move reads only that line aloud. */
function reading(state: SetupState): string[] {
  const { modal } = state;
  const home = formOf(state);
  const { setup: form, place } = home;
  const headless = headlessOf(home);
  const valueOf = (id: FieldId): string => makeLine(form.draft.values[id], 400) || 'empty';
  const { kind, text } = wholeStatus(home);
  const typing = modal?.kind === 'edit' && modal.inPlace === true;
  return [
    `A new run with the settings of ${makeLine(form.draft.base.name, 200)}.`,
    ...visibleFields(form.draft.values).map((field) => {
      const status = statusOf(field.id, form, place);
      const said =
        status.text === '' ? '' : ` ${status.kind === 'bad' ? 'Problem: ' : ''}${makeLine(status.text, 400)}.`;
      return `${field.label}: ${valueOf(field.id)}.${said}`;
    }),
    `Start: ${kind === 'bad' ? 'Problem: ' : ''}${text}.`,
    ...costLines(form, place, 2).map(({ text: line }) => line),
    'command' in headless ? `Headless: ${makeLine(headless.command, 2000)}` : headless.none,
    ...(form.refusal === null ? [] : form.refusal.split('\n').map((line) => makeLine(line, 400))),
    typing ? '' : selectedInWords(form.focus, valueOf),
  ];
}

function selectedInWords(focus: Focus, valueOf: (id: FieldId) => string): string {
  if (focus === 'start') return 'Selected: start the run.';
  const field = fieldOf(focus);
  const choices = field.choices === undefined ? '' : ` Choices: ${field.choices.join(', ')}.`;
  return `Selected: ${field.label}, ${valueOf(focus)}. ${explanation(field)}${choices}`;
}
