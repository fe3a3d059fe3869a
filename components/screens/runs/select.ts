/** Derives the list of runs from its slice: matching runs, their columns, and details of the selected one. */
import path from 'node:path';
import type { PartialConfig } from '../../../src/core/config/partial.js';
import { type PathContext, shorten } from '../../../src/core/form/draft.js';
import { alpha, count, fixed, learningRate, of } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type RunEntry, runsFolder } from '../../../src/core/runs.js';
import { bodyRows } from '../../app/layout.js';
import { windowFor } from '../../app/lists.js';
import { doing } from '../../app/state.js';
import { endOf, firstLines, fit, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { RunsState } from './state.js';

export interface RunsLayout {
  /** Those that match the filter. */
  entries: readonly RunEntry[];
  /** PathContext of the selected run among them. */
  at: number;
  selected: RunEntry | null;
  /** First visible place. */
  top: number;
  /** Rows of the list without its heading. */
  table: number;
  /** Rows of the details below it, their rule included. */
  detail: number;
}

export function runsLayout(state: RunsState): RunsLayout {
  const { ui } = state;
  const wanted = ui.filter.toLowerCase();
  const entries = (ui.entries ?? []).filter(({ directory, seen }) =>
    `${directory} ${path.basename(seen?.model ?? '')}`.toLowerCase().includes(wanted),
  );
  const at = Math.max(
    0,
    entries.findIndex(({ directory }) => directory === ui.selected),
  );
  const rows = bodyRows(state);
  const detail = Math.min(9, Math.floor(rows / 2));
  const table = rows - detail - 1;
  const top = windowFor(at, ui.top, entries.length, table);
  return { entries, at, selected: entries[at] ?? null, top, table, detail };
}

/** There are no runs at all: the first screen is shown (welcome.ts). */
export const isWelcome = ({ ui }: RunsState): boolean => ui.entries?.length === 0;

export interface RunColumn {
  heading: string;
  width: number;
  align: 'left' | 'right';
  /** Spaces before it. */
  before?: number;
  cell(entry: RunEntry): string;
}

const number = (heading: string, width: number, cell: RunColumn['cell']): RunColumn => {
  return { heading, width, align: 'right', cell };
};
const text = (heading: string, width: number, cell: RunColumn['cell']): RunColumn => {
  return { heading, width, align: 'left', cell };
};

const gap = 2;
/** From this width on the table shows settings. */
const wide = 150;

/**
 * Columns that are `columns` wide together. Names get what the others leave, and are cut at their start, since they
 * usually differ at their end.
 *
 * @param at when the runs were read, ms since 1970
 */
export function runColumns(columns: number, place: PathContext, at: number): RunColumn[] {
  const numbers = [
    // Behind a column of settings the heading needs a gap.
    number('rounds', columns < wide ? 6 : 7, ({ seen }) => count(seen?.rounds ?? NaN)),
    number('reward', 8, ({ seen }) => fixed(seen?.reward ?? NaN, 3)),
    number('length', 8, ({ seen }) => fixed(seen?.length ?? NaN, 1)),
  ];
  const setting = (entry: RunEntry, group: string, name: string): unknown =>
    (entry.seen?.config[group] as PartialConfig | undefined)?.[name];
  // The settings by which runs differ, where there is room.
  const settings =
    columns < wide
      ? []
      : [
          number('objective', 12, (entry) => makeLine(String(setting(entry, 'dpo', 'objective') ?? '–'), 11)),
          number('α', 9, (entry) => alpha(Number(setting(entry, 'dpo', 'alpha')))),
          number('β', 7, (entry) => String(setting(entry, 'dpo', 'beta') ?? '–')),
          number('lr', 8, (entry) => learningRate(Number(setting(entry, 'update', 'lr')))),
          number('K', 5, (entry) => count(Number(setting(entry, 'sampling', 'samples_per_prompt')))),
        ];
  const engine = text('engine', columns >= 110 ? 32 : 22, (entry) => engineText(entry).text);
  const changed = columns >= 100 ? [number('changed', 13, ({ changed: when }) => ago(at - when))] : [];
  const used = [...settings, ...numbers, engine, ...changed].reduce((sum, { width }) => sum + width, 4 * gap);
  const names = Math.max(12, columns - used);
  const model = Math.min(36, Math.floor(names * 0.45));
  return [
    text('run', names - model, ({ directory }) => endOf(listName(directory, place), names - model)),
    text('model', model, ({ seen }) => (seen === null ? '' : makeLine(path.basename(seen.model), model))),
    ...settings,
    ...numbers,
    { ...engine, before: gap },
    ...changed,
  ];
}

/** A cell, padded to its column. */
export function cellText({ width, align, before = 0 }: RunColumn, of: string): string {
  return ' '.repeat(before) + fit(of, width, align) + (align === 'left' ? ' '.repeat(gap) : '');
}

/** A run in the usual folder is listed without the folder's name. */
function listName(directory: string, place: PathContext): string {
  const usual = path.join(place.cwd, runsFolder);
  return path.dirname(directory) === usual ? path.basename(directory) : runName(directory, place);
}

export function runName(directory: string, place: PathContext): string {
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

/** How long ago, in the largest unit that gives two or more; minutes also give one. */
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

/** Problem and settings of the selected run, in at most `rows` lines. */
export function detailLines(
  entry: RunEntry,
  place: PathContext,
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

function settingLines(config: PartialConfig, place: PathContext, columns: number): { text: string; tone: Tone }[] {
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
