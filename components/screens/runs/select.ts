/** How the list of runs shares out its rows, which runs it shows, and which is selected. */
import path from 'node:path';
import type { RunsState } from './state.js';
import { runsFolder, type RunEntry } from '../../../src/run/preflight/runs.js';
import { bodyRows } from '../../app/layout.js';
import { shorten, type Place } from '../../../src/core/form/draft.js';
import { alpha, count, fixed, learningRate, of } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { doing } from '../../app/state.js';
import { endOf, firstLines, fit, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { PartialConfig } from '../../../src/core/config/load.js';

export interface RunsLayout {
  /** Those that the filter lets through. */
  entries: readonly RunEntry[];
  /** Place of the selected one among them. */
  at: number;
  selected: RunEntry | null;
  /** Rows of the list without its heading. */
  table: number;
  /** Rows below it, for what is known of the selected run; its rule is one of them. */
  detail: number;
}

export function runsLayout(state: RunsState): RunsLayout {
  const runs = state.ui;
  const all = runs?.entries ?? [];
  const wanted = (runs?.filter ?? '').toLowerCase();
  const entries = all.filter(({ directory, seen }) =>
    `${directory} ${path.basename(seen?.model ?? '')}`.toLowerCase().includes(wanted),
  );
  const found = entries.findIndex(({ directory }) => directory === runs?.selected);
  const at = Math.max(0, found);
  const rows = bodyRows(state);
  const detail = Math.min(9, Math.floor(rows / 2));
  return { entries, at, selected: entries[at] ?? null, table: rows - detail - 1, detail };
}

// The columns of the list of runs, and the words for what an engine does.

export interface RunColumn {
  heading: string;
  width: number;
  align: 'left' | 'right';
  /** Spaces before it. */
  before?: number;
  cell(entry: RunEntry): string;
}

const number = (heading: string, width: number, cell: RunColumn['cell']): RunColumn => ({
  ...{ heading, width, cell },
  align: 'right',
});
const text = (heading: string, width: number, cell: RunColumn['cell']): RunColumn => ({
  ...{ heading, width, cell },
  align: 'left',
});

const gap = 2;

/**
 * Columns of at most this width together. Names take what the others leave, and names that differ at their ends keep
 * those.
 *
 * @param at when the runs were looked at, ms since 1970
 */
export function runColumns(columns: number, place: Place, at: number): RunColumn[] {
  const numbers = [
    number('rounds', 6, ({ seen }) => count(seen?.rounds ?? NaN)),
    number('reward', 8, ({ seen }) => fixed(seen?.reward ?? NaN, 3)),
    number('length', 8, ({ seen }) => fixed(seen?.length ?? NaN, 1)),
  ];
  const engine = text('engine', columns >= 110 ? 32 : 22, (entry) => engineText(entry).text);
  const changed = columns >= 100 ? [number('changed', 13, ({ changed: when }) => ago(at - when))] : [];
  const used = [...numbers, engine, ...changed].reduce((sum, { width }) => sum + width, 4 * gap);
  const names = Math.max(12, columns - used);
  const model = Math.min(36, Math.floor(names * 0.45));
  return [
    text('run', names - model, ({ directory }) => endOf(listName(directory, place), names - model)),
    text('model', model, ({ seen }) => (seen === null ? '' : makeLine(path.basename(seen.model), model))),
    ...numbers,
    { ...engine, before: gap },
    ...changed,
  ];
}

/** A column's text as it stands among the others. */
export function cellText({ width, align, before = 0 }: RunColumn, of: string): string {
  return ' '.repeat(before) + fit(of, width, align) + (align === 'left' ? ' '.repeat(gap) : '');
}

/** Those in the usual folder go without its name. */
function listName(directory: string, place: Place): string {
  const usual = path.join(place.cwd, runsFolder);
  return path.dirname(directory) === usual ? path.basename(directory) : runName(directory, place);
}

export function runName(directory: string, place: Place): string {
  return directory === place.cwd ? '.' : shorten(directory, place);
}

export function engineText({ engine, seen }: RunEntry): { text: string; tone: Tone } {
  if (seen === null && engine.state === 'stopped') return { text: '✘ cannot be read', tone: 'bad' };
  const stage = seen === null ? '' : doing[seen.stage];
  switch (engine.state) {
    case 'stopped':
      return { text: seen?.stage === 'done' ? '– stopped' : `– stopped, ${stage}`, tone: 'muted' };
    case 'starting':
      return { text: '● starting', tone: 'good' };
    case 'working':
      return { text: `● ${stage}`, tone: 'good' };
    case 'paused':
      return { text: `‖ paused, ${stage}`, tone: 'warn' };
    case 'idle':
      return { text: `◆ ${seen?.stage === 'review' ? 'waits in review' : stage}`, tone: 'accent' };
    case 'problem':
      return { text: `✘ ${stage} failed`, tone: 'bad' };
    case 'silent':
      return { text: '? does not answer', tone: 'warn' };
    case 'elsewhere':
      return { text: `● on ${makeLine(engine.host, 20)}`, tone: 'warn' };
  }
}

/** How long ago, in the largest unit that counts to two at least. */
export function ago(milliseconds: number): string {
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const;
  const seconds = Math.max(0, milliseconds) / 1000;
  for (const [size, name] of units) {
    const n = Math.floor(seconds / size);
    if (n >= 2 || (n === 1 && size === 60)) return `${n} ${name}${n === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

// What is said of the selected run below the list.

/** At most `rows` lines. */
export function detailLines(
  entry: RunEntry,
  place: Place,
  columns: number,
  rows: number,
): { text: string; tone: Tone }[] {
  const problem = entry.problem ?? (entry.engine.state === 'problem' ? entry.engine.problem : null);
  const said = problem === null ? [] : wrap(makeLine(problem, columns * rows), columns - 2);
  const lines = said.map((text, i): { text: string; tone: Tone } => ({
    text: `${i === 0 ? '✘' : ' '} ${text}`,
    tone: 'bad',
  }));
  if (entry.seen !== null) lines.push(...settingLines(entry.seen.config, place, columns));
  const texts = firstLines(
    lines.map(({ text }) => text),
    rows,
    columns,
  );
  return texts.map((text, i) => ({ ...lines[i], text }));
}

function settingLines(config: PartialConfig, place: Place, columns: number): { text: string; tone: Tone }[] {
  const named = (name: string, value: unknown): { text: string; tone: Tone } => ({
    text: makeLine(`${name.padEnd(10)}${shorten(String(value), place)}`, columns),
    tone: 'plain',
  });
  const group = (name: string): PartialConfig => config[name] as PartialConfig;
  const [dpo, update, sampling] = [group('dpo'), group('update'), group('sampling')];
  const lora = update.lora as { rank: number } | null;
  const settings = [
    `α ${alpha(Number(dpo.alpha))}`,
    `β ${String(dpo.beta)}`,
    `lr ${learningRate(Number(update.lr))}`,
    of(Number(sampling.samples_per_prompt), 'sample') + ' per prompt',
    `${String(sampling.max_new_tokens)} tokens at most`,
    lora === null ? 'all weights' : `LoRA rank ${lora.rank}`,
  ];
  return [
    named('model', config.model),
    named('reward', config.reward),
    named('prompts', config.prompts),
    named('held-out', config.held_out),
    named('settings', settings.join(' · ')),
  ];
}
