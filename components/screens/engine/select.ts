/** Derives the engine screen from its slice: the machines as lines, the log as rows, what was found, and their shares. */
import type { KeptLog, LogMark } from '../../../src/core/logLines.js';
import type { GpuView, MachineView } from '../../../src/core/machine.js';
import * as format from '../../../src/core/format.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop } from '../../app/lists.js';
import { shown } from '../../app/selectors.js';
import { cut, wrap } from '../../parts/text.js';
import { jobName } from '../../parts/jobName.js';
import { logName } from './asks.js';
import type { EngineState, Sample } from './state.js';

/** A line on a machine: a bar, if a share is known, and words. */
export interface MachineLine {
  label: string;
  share: number | null;
  text: string;
  /** The shares before, oldest first; empty: none are drawn. */
  recent: readonly (number | null)[];
}

export interface MachineBlock {
  title: string;
  right: string;
  lines: readonly MachineLine[];
}

/** A row of the log: a line, or a part of it. */
export interface LogRow {
  text: string;
  /** Of the line's first row. */
  mark: LogMark;
  /** Index of the line; -1: the line that is being written. */
  line: number;
  isFirst: boolean;
}

export interface EngineLayout {
  machines: readonly MachineBlock[];
  logTitle: string;
  /** null before the first answer. */
  rows: readonly LogRow[] | null;
  /** First visible row, and how many are visible. */
  top: number;
  visible: number;
  /** Indices of the lines that have what is searched for. */
  matches: readonly number[];
}

/** Columns before the text of a row: the mark of its line. */
export const markColumns = 2;

const cache = new WeakMap<EngineState, EngineLayout>();

export function engineLayout(state: EngineState): EngineLayout {
  let layout = cache.get(state);
  if (layout === undefined) cache.set(state, (layout = computeLayout(state)));
  return layout;
}

function computeLayout(state: EngineState): EngineLayout {
  const { ui } = state;
  const body = bodyRows(state);
  const machines = ui.view === 'log' ? [] : machineBlocks(state, ui.view === 'both' ? Math.floor(body / 2) : body);
  const above = machines.reduce((sum, { lines }) => sum + lines.length + 1, 0);
  const visible = ui.view === 'machines' ? 0 : Math.max(1, body - above - 1);
  const kept = ui.log?.kept ?? null;
  const rows = kept === null ? null : rowsOf(kept, state.size.columns - markColumns, ui.cuts);
  return {
    machines,
    logTitle: titleOf(state),
    rows,
    top: clampTop(ui.top ?? Infinity, rows?.length ?? 0, visible),
    visible,
    matches: kept === null || ui.search === '' ? [] : matchesIn(kept, ui.search),
  };
}

function titleOf(state: EngineState): string {
  const job = shown(state)?.job ?? null;
  return logName(state).of === 'engine' || job === null ? "The engine's log" : `Log of ${jobName(job)}`;
}

/** The end of the log is in view: new lines scroll it. */
export function followsLog({ ui }: EngineState, { rows, visible }: EngineLayout): boolean {
  return ui.top === null || ui.top >= (rows?.length ?? 0) - visible;
}

let lastRows: { kept: KeptLog; columns: number; cuts: boolean; rows: readonly LogRow[] } | null = null;

/** Wrapped once per log and width. */
function rowsOf(kept: KeptLog, columns: number, cuts: boolean): readonly LogRow[] {
  if (lastRows?.kept === kept && lastRows.columns === columns && lastRows.cuts === cuts) return lastRows.rows;
  const lines = [
    ...kept.lines.map((line, i) => ({ ...line, at: i })),
    ...(kept.open === null ? [] : [{ ...kept.open, at: -1 }]),
  ];
  const rows = lines.flatMap(({ text, mark, at }) =>
    (cuts ? [cut(text, columns)] : wrap(text, columns)).map((part, i): LogRow => ({
      text: part,
      mark,
      line: at,
      isFirst: i === 0,
    })),
  );
  lastRows = { kept, columns, cuts, rows };
  return rows;
}

let lastMatches: { kept: KeptLog; search: string; matches: readonly number[] } | null = null;

function matchesIn(kept: KeptLog, search: string): readonly number[] {
  if (lastMatches?.kept === kept && lastMatches.search === search) return lastMatches.matches;
  const wanted = search.toLowerCase();
  const matches = kept.lines.flatMap(({ text }, i) => (text.toLowerCase().includes(wanted) ? [i] : []));
  lastMatches = { kept, search, matches };
  return matches;
}

/** Lines that tell of an error. */
export function errorLines({ ui }: EngineState): number[] {
  return (ui.log?.kept?.lines ?? []).flatMap(({ mark }, i) => (mark === 'error' ? [i] : []));
}

/** The engine's machine, and the job's if it tells of it; what does not fit is counted. */
function machineBlocks({ ui, size }: EngineState, rows: number): MachineBlock[] {
  if (ui.machine === null) return [{ title: 'Machine', right: '', lines: [] }];
  const { engine, job } = ui.machine;
  const draws = size.columns >= 110;
  const blocks = [
    block('Engine on', engine, 'engine', draws ? ui.recent : []),
    ...(job === null ? [] : [block('Job on', job, 'job', [])]),
  ];
  // A block that needs less than its share leaves the rest to those after it.
  let left = rows;
  return blocks.map(({ lines, ...rest }, i) => {
    const share = Math.max(leastLines, Math.floor(left / (blocks.length - i)) - 1);
    const shown = shortened(lines, share);
    left -= shown.length + 1;
    return { ...rest, lines: shown };
  });
}

/** Processor, memory, and a word on the GPUs. */
const leastLines = 3;

function shortened(lines: readonly MachineLine[], rows: number): readonly MachineLine[] {
  if (lines.length <= rows) return lines;
  const left = lines.length - rows + 1;
  const more: MachineLine = { label: '', share: null, text: `and ${format.of(left, 'further GPU')}`, recent: [] };
  return [...lines.slice(0, rows - 1), more];
}

function block(where: string, machine: MachineView, who: string, recent: readonly Sample[]): MachineBlock {
  const { host, at, cores, cpu_share, memory_used_mb, memory_total_mb, process, gpus, gpu_problem } = machine;
  const used = process.cpu_cores === null ? '' : ` · ${who} ${format.fixed(process.cpu_cores, 1)}`;
  return {
    title: `${where} ${host}`,
    right: format.clock(at),
    lines: [
      {
        label: 'CPU',
        share: cpu_share,
        text: `${percent(cpu_share)} of ${format.of(cores, 'core')}${used}`,
        recent: recent.map(({ cpu }) => cpu),
      },
      {
        label: 'Memory',
        share: memory_used_mb / memory_total_mb,
        text: `${gigabytes(memory_used_mb)} of ${gigabytes(memory_total_mb)} GB · ${who} ${gigabytes(process.memory_mb)} GB`,
        recent: [],
      },
      ...(gpu_problem === null
        ? gpus.map((gpu, i) =>
            gpuLine(
              gpu,
              recent.map((sample) => sample.gpus.at(i) ?? null),
            ),
          )
        : [{ label: 'GPU', share: null, text: gpu_problem, recent: [] }]),
    ],
  };
}

function gpuLine(gpu: GpuView, recent: readonly (number | null)[]): MachineLine {
  const { index, name, utilization, memory_used_mb, memory_total_mb, mig } = gpu;
  const known = (value: number | null, digits: number): string => format.fixed(value ?? NaN, digits);
  const memory = memory_used_mb === null ? '' : `${gigabytes(memory_used_mb)}/${gigabytes(memory_total_mb ?? NaN)} GB`;
  const power = gpu.power_watts === null ? '' : `${known(gpu.power_watts, 0)}/${known(gpu.power_limit_watts, 0)} W`;
  const parts = [
    mig ? 'MIG' : percent(utilization),
    memory,
    power,
    gpu.temperature === null ? '' : `${known(gpu.temperature, 0)} °C`,
    name,
  ];
  return {
    label: `GPU ${index}`,
    share: utilization,
    text: parts.filter((part) => part !== '').join(' · '),
    recent: recent.some((share) => share !== null) ? recent : [],
  };
}

const percent = (share: number | null): string => format.percent(100 * (share ?? NaN), 0);
const gigabytes = (megabytes: number): string => format.fixed(megabytes / 1024, 1);
