/** The columns of the list of runs, and the words for what an engine does. */
import path from 'node:path';
import { type Place, shorten } from '../../../src/core/form/draft.js';
import { count, fixed } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { doing } from '../../app/state.js';
import { endOf, fit } from '../../parts/text.js';
import { type RunEntry, runsFolder } from '../../../src/core/runs.js';
import type { Tone } from '../../parts/theme.js';

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
