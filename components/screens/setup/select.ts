/** Derives the form from its slice: lines, the text on the selected one, and the rows that each part gets. */
import { headlessCommand } from '../../../src/core/form/command.js';
import { absolute, settledConfig } from '../../../src/core/form/draft.js';
import {
  type FieldId,
  type Section,
  explanation,
  fieldOf,
  sections,
  visibleFields,
} from '../../../src/core/form/fields.js';
import { of } from '../../../src/core/format.js';
import { makeLine, makeVisible } from '../../../src/core/sanitize.js';
import { bodyRows } from '../../app/layout.js';
import { windowFor } from '../../app/lists.js';
import { endOf, firstLines, fit, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { EditModal } from '../../app/state.js';
import { type Focus, type Form, type SetupState, formOf } from './state.js';
import { type Status, readinessOf, statusOf } from './status.js';

export interface SetupLayout {
  /** The line that starts the run, then the fields that apply. */
  items: readonly Focus[];
  /** The same as lines, with a heading above each section if all lines then fit. */
  lines: readonly FormLine[];
  /** Place of the selected item among items. */
  at: number;
  /** First visible line. */
  top: number;
  /** Rows of the fields, of the text on the selected one, of memory and time, and of the headless command. */
  list: number;
  text: number;
  cost: number;
  command: number;
}

export function setupLayout(state: SetupState): SetupLayout {
  const { ui: setup } = state;
  const items: Focus[] = ['start', ...visibleFields(setup.draft.values).map(({ id }) => id)];
  const at = Math.max(0, items.indexOf(setup.focus));
  const rows = bodyRows(state);
  const roomy = rows >= 28;
  const cost = rows >= 22 ? 2 : 1;
  const command = roomy ? 3 : 1;
  // One rule above the text, and one above the estimate if there is room.
  const below = cost + command + (roomy ? 2 : 1);
  const headed = items.length + sections.length - 1;
  const text = Math.max(3, Math.min(8, rows - below - headed));
  const room = Math.max(3, rows - below - text);
  const lines = linesOf(items, headed <= room);
  const list = Math.min(lines.length, room);
  const line = lines.findIndex((each) => each.kind === 'item' && each.id === items[at]);
  const top = windowFor(line, setup.top, lines.length, list);
  return { items, lines, at, top, list, text, cost, command };
}

export type FormLine = { kind: 'item'; id: Focus } | { kind: 'heading'; text: string };

/** The first section has no heading: the line that starts the run is above it. */
function linesOf(items: readonly Focus[], headed: boolean): FormLine[] {
  const sectionOf = (id: Focus): Section => (id === 'start' ? 'run' : fieldOf(id).section);
  return items.flatMap((id, i): FormLine[] => {
    const section = sectionOf(id);
    const begins = headed && i > 0 && section !== sectionOf(items[i - 1]);
    return [...(begins ? [{ kind: 'heading' as const, text: section }] : []), { kind: 'item', id }];
  });
}

/** A line of the form as it is drawn. */
export interface Row {
  id: Focus | `heading ${string}`;
  /** Both padded to their columns. */
  label: string;
  value: string;
  status: string;
  tone: Tone;
  selected: boolean;
  /** The line in which the value is being typed. */
  typing: EditModal | null;
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
        id: `heading ${line.text}`,
        label,
        value: '',
        status: '',
        tone: 'muted',
        selected: false,
        typing: null,
        heading: true,
      };
    }
    const { id } = line;
    const selected = id === state.ui.focus;
    const mark = selected ? '› ' : '  ';
    if (id === 'start') {
      const { kind, text } = wholeStatus(home);
      const value = fit(makeLine(`with ${state.ui.draft.base.name}`, 80), valueWidth + 2);
      const label = fit(`${mark}Start the run`, labelWidth);
      return { id, label, value, status: `${signs[kind]} ${text}`, tone: tones[kind], selected, typing: null };
    }
    const { modal } = state;
    const typing = modal?.kind === 'edit' && modal.inPlace === true && modal.field === id;
    const { kind, text } = statusOf(id, home.setup, home.place);
    const choice = fieldOf(id).kind === 'choice' && selected;
    const typed = state.ui.draft.values[id];
    const value = typing ? '' : fit(endOf(choice ? `‹ ${typed} ›` : typed, valueWidth), valueWidth + 2);
    return {
      id,
      label: fit(`${mark}${fieldOf(id).label}`, labelWidth),
      value,
      status: `${signs[kind]} ${makeLine(text, size.columns)}`,
      tone: tones[kind],
      selected,
      typing: typing ? modal : null,
    };
  });
}

/** Whether the run can be started, in a few words. */
export function wholeStatus({ setup, place }: Form): Status {
  const { bad, asked, hidden } = readinessOf(setup, place);
  if (setup.refusal !== null) return { kind: 'bad', text: 'could not be started: see below' };
  if (bad.length > 0)
    return { kind: 'bad', text: `${of(bad.length, 'invalid field')}: ${bad.map(labelOf).join(', ')}` };
  if (hidden.length > 0) return { kind: 'bad', text: 'a setting that is not shown cannot be used: see below' };
  if (asked.length > 0) return { kind: 'asked', text: `checking ${asked.map(labelOf).join(', ')}` };
  if (setup.checks.reward?.status === 'held') return { kind: 'quiet', text: 'ready; reward not tried' };
  const doing = setup.measuring?.doing ?? '';
  return doing === '' ? { kind: 'ok', text: 'ready' } : { kind: 'ok', text: `ready; measuring: ${doing} …` };
}

const labelOf = (id: FieldId): string => fieldOf(id).label;

export interface TextLine {
  text: string;
  tone: Tone;
}

/** The explanation of the selected line and the finding about it: at most `rows` lines, of which findings come first. */
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
  const { hidden } = readinessOf(setup, place);
  if (setup.refusal !== null) return [{ text: `✘ ${setup.refusal}`, tone: 'bad' }];
  return hidden.map((text) => ({ text: `✘ ${text}`, tone: 'bad' }));
}

function startText({ setup, example }: Form): string {
  // Three lines at 80 columns.
  const first =
    setup.draft.base.file?.path === example
      ? 'The bundled example: a small policy, at times wordy and at times wrong; a reward model that likes right answers and, as people do, long ones. '
      : '';
  return `${first}enter begins: responses are sampled and scored, then review waits for you.`;
}

/** The headless command of the form's settings, or why it is not known yet. */
export type Headless = { command: string } | { none: string };

export function headlessOf({ setup: { draft }, place, example }: Form): Headless {
  const config = settledConfig(draft, place);
  const directory = draft.values.directory.trim();
  if (config === null || directory === '') return { none: 'the headless command appears once every field can be read' };
  const told = headlessCommand(absolute(directory, place), config, draft.base.file, place, example);
  if ('command' in told) return told;
  return { none: `a headless run needs a file with ${told.needsFile.join(', ')}: w saves the settings` };
}
