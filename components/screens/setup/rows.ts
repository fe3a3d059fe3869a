/** The lines of the form: the fields as they stand, and what is said of the selected one. */
import { type FieldId, explanation, fieldOf } from '../../../src/core/form/fields.js';
import { of } from '../../../src/core/format.js';
import { makeLine, makeVisible } from '../../../src/core/sanitize.js';

import { endOf, firstLines, fit, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import { setupLayout } from './layout.js';
import { type Focus, type SetupState, formOf, type Form } from './state.js';
import { type Status, standingOf, statusOf } from './status.js';

export interface Row {
  id: Focus | `heading ${string}`;
  /** Both padded to their columns. */
  label: string;
  value: string;
  status: string;
  tone: Tone;
  selected: boolean;
  /** The value is being typed: a cursor follows it. */
  typing: boolean;
  /** A section begins; it cannot be selected. */
  heading?: boolean;
}

const signs: Record<Status['kind'], string> = { quiet: ' ', asked: '…', ok: '✓', bad: '✘' };
const tones: Record<Status['kind'], Tone> = { quiet: 'muted', asked: 'muted', ok: 'good', bad: 'bad' };
const labelWidth = 22;

export function setupRows(state: SetupState): Row[] {
  const { size } = state;
  const home = formOf(state);
  const { lines, top, list } = setupLayout(state);
  const valueWidth = Math.max(16, Math.min(60, Math.floor((size.columns - labelWidth) * 0.42)));
  return lines.slice(top, top + list).map((line): Row => {
    if (line.kind === 'heading') {
      const label = `  ${line.text[0].toUpperCase()}${line.text.slice(1)}`;
      return {
        ...{ id: `heading ${line.text}`, label, value: '', status: '' },
        ...{ tone: 'muted', selected: false, typing: false, heading: true },
      };
    }
    const { id } = line;
    const selected = id === state.ui.focus;
    const mark = selected ? '› ' : '  ';
    if (id === 'start') {
      const { kind, text } = wholeStatus(home);
      const value = fit(makeLine(`with ${state.ui.draft.base.name}`, 80), valueWidth + 2);
      const label = fit(`${mark}Start the run`, labelWidth);
      return { ...{ id, label, value, selected, typing: false }, status: `${signs[kind]} ${text}`, tone: tones[kind] };
    }
    const { modal } = state;
    const typing = modal?.kind === 'edit' && modal.inPlace === true && modal.field === id;
    const { kind, text } = statusOf(id, home.setup, home.place);
    const choice = fieldOf(id).kind === 'choice' && selected;
    const typed = state.ui.draft.values[id];
    const value = typing
      ? endOf(modal.text, size.columns - labelWidth - 2)
      : fit(endOf(choice ? `‹ ${typed} ›` : typed, valueWidth), valueWidth + 2);
    return {
      ...{ id, value, selected, typing },
      label: fit(`${mark}${fieldOf(id).label}`, labelWidth),
      status: `${signs[kind]} ${makeLine(text, size.columns)}`,
      tone: tones[kind],
    };
  });
}

/** What stands against starting, in a word. */
export function wholeStatus({ setup, place }: Form): Status {
  const { bad, asked, hidden } = standingOf(setup, place);
  if (setup.refusal !== null) return { kind: 'bad', text: 'could not be started: see below' };
  if (bad.length > 0)
    return { kind: 'bad', text: `${of(bad.length, 'invalid field')}: ${bad.map(labelOf).join(', ')}` };
  if (hidden.length > 0) return { kind: 'bad', text: 'a setting that is not shown cannot be used: see below' };
  if (asked.length > 0) return { kind: 'asked', text: `checking ${asked.map(labelOf).join(', ')}` };
  if (setup.checks.reward?.status === 'held') return { kind: 'quiet', text: 'ready; the reward is not tried' };
  const doing = setup.measuring?.doing ?? '';
  return doing === '' ? { kind: 'ok', text: 'ready' } : { kind: 'ok', text: `ready; measuring: ${doing} …` };
}

const labelOf = (id: FieldId): string => fieldOf(id).label;

export interface TextLine {
  text: string;
  tone: Tone;
}

/** What the selected line is, and what is known of it in full; at most `rows` lines of text, the finding kept whole. */
export function setupText(home: Form, modal: SetupState['modal'], columns: number, rows: number): TextLine[] {
  const { setup } = home;
  const said = findings(home, modal).flatMap(({ text, tone }) =>
    wrap(makeVisible(text), columns).map((line): TextLine => ({ text: line, tone })),
  );
  const explained = wrap(setup.focus === 'start' ? startText(home) : explanation(fieldOf(setup.focus)), columns);
  const room = Math.max(1, rows - said.length);
  const start = firstLines(explained, room, columns).map((text): TextLine => ({ text, tone: 'plain' }));
  const lines = [...start, ...said];
  const texts = firstLines(
    lines.map(({ text }) => text),
    rows,
    columns,
  );
  return texts.map((text, i) => ({ ...lines[i], text }));
}

function findings({ setup, place }: Form, modal: SetupState['modal']): TextLine[] {
  if (modal?.kind === 'edit' && modal.inPlace === true) {
    if (modal.error !== null) return [{ text: `✘ ${modal.error}`, tone: 'bad' }];
    return modal.hint === '' ? [] : [{ text: modal.hint, tone: 'muted' }];
  }
  if (setup.focus !== 'start') {
    const { kind, text } = statusOf(setup.focus, setup, place);
    return text === '' ? [] : [{ text: `${signs[kind]} ${text}`.trimStart(), tone: tones[kind] }];
  }
  const { hidden } = standingOf(setup, place);
  if (setup.refusal !== null) return [{ text: `✘ ${setup.refusal}`, tone: 'bad' }];
  return hidden.map((text) => ({ text: `✘ ${text}`, tone: 'bad' }));
}

function startText({ setup, example }: Form): string {
  // Three lines on the smallest screen that is usual.
  const first =
    setup.draft.base.file?.path === example
      ? 'The bundled example: a small policy, at times wordy and at times wrong; a reward model that likes right answers and, as people do, long ones. '
      : '';
  return `${first}enter begins: responses are sampled and scored, then review waits for you.`;
}
