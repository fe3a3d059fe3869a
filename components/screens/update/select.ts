/** How the update screen shares out its rows, and what is in them. */
import type { UpdateState, UpdateUi } from './state.js';
import { comparedLines, wrapped } from '../../parts/markedText.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import { bodyRows } from '../../app/layout.js';
import { shown, shownRound } from '../../app/selectors.js';
import { cut } from '../../parts/text.js';
import { configOf } from '../../../src/core/config/rounds.js';
import { alarmsOf, alarmText, type Alarm, type AlarmContext } from './alarms.js';
import { curveCount } from '../../parts/curves.js';
import { referenceIsStart } from '../../parts/kl.js';
import { jobLines, type JobLine } from './job.js';
import { logOf, wrappedLog } from './log.js';
import type { ProbeSeen } from '../../../src/protocol/messages.js';

export interface UpdateLayout {
  alarms: readonly Alarm[];
  /** Lines of the alarms at the top; the last may say that there are more. */
  alarmLines: readonly string[];
  /** Lines of the job beneath the settings; empty if there is none. */
  jobLines: readonly JobLine[];
  /** The log of the job, wrapped; null where it is not shown or has not been read. */
  log: readonly string[] | null;
  /** First visible line of the log. */
  logTop: number;
  /** Plots beside each other and beneath each other; 0 where none are shown. */
  across: number;
  down: number;
  plotHeight: number;
  pages: number;
  /** null where none is shown. */
  probe: ProbeShown | null;
  /** Rows of the probe with its heading. */
  probeRows: number;
  /** Rows of the view that scrolls, and lines that it has. */
  scrolls: { rows: number; lines: number };
}

/** Progress and settings. */
const headRows = 3;
/** Lines of a probe above its answers: rule, prompt, heading. */
export const probeHead = 3;
/** Below this the probes have a view of their own. */
const [rowsForBoth, leastPlot, wantedPlot] = [30, 4, 7];
const answerGap = 3;

export function updateLayout(state: UpdateState): UpdateLayout {
  const { columns } = state.size;
  const { view } = state.ui;
  const data = shown(state);
  const rows = bodyRows(state);
  const alarms = alarmsIn(data?.metrics ?? [], contextOf(state));
  const probe = probeShown(data?.probes ?? [], state.ui);
  const answers = probe === null ? 0 : answerLines(probe, columns);
  const none = {
    ...{ alarms, alarmLines: [], across: 0, down: 0, plotHeight: 0, pages: 1, probe: null, probeRows: 0 },
    ...{ jobLines: [], log: null, logTop: 0 },
  };
  if (view === 'log') {
    const lines = logOf(state)?.lines ?? null;
    const log = lines === null ? null : wrappedLog(lines, columns);
    const scrolls = { rows: rows - 1, lines: log?.length ?? 0 };
    const last = Math.max(0, scrolls.lines - scrolls.rows);
    return { ...none, log, logTop: Math.min(state.ui.logTop ?? last, last), scrolls };
  }
  if (view === 'alarms') return { ...none, scrolls: { rows: rows - 1, lines: alarmLines(alarms, columns).length } };
  if (view === 'probes') {
    return { ...none, probe, probeRows: rows, scrolls: { rows: rows - probeHead, lines: answers } };
  }
  const shownAlarms = shortened(alarms, columns, rows < 20 ? 2 : rows < rowsForBoth ? 3 : 6);
  const problem = state.past === null ? (state.run?.engine.problem ?? null) : null;
  const ofJob = jobLines(data?.job ?? null, problem, columns, rows < 20 ? 2 : rows < rowsForBoth ? 3 : 5);
  const free = rows - headRows - shownAlarms.length - ofJob.length;
  const both = probe !== null && rows >= rowsForBoth;
  const across = columns >= 112 ? 4 : 2;
  const room = both ? Math.ceil(free * 0.6) : free;
  const down = Math.max(1, Math.min(Math.ceil(curveCount / across), Math.floor(room / wantedPlot)));
  const plotHeight = Math.max(leastPlot, Math.floor(room / down));
  const probeRows = both ? free - down * plotHeight : 0;
  return {
    ...{ alarms, alarmLines: shownAlarms, jobLines: ofJob, log: null, logTop: 0, across, down, plotHeight, probeRows },
    pages: (data?.metrics.length ?? 0) === 0 ? 1 : Math.ceil(curveCount / (across * down)),
    probe: both ? probe : null,
    scrolls: { rows: Math.max(0, probeRows - probeHead), lines: both ? answers : 0 },
  };
}

function contextOf(state: UpdateState): AlarmContext {
  const [round, config] = [shownRound(state), state.run?.config ?? null];
  if (round === null || config === null) return { running: true, beta: 1, fromStart: false, evaluated: null };
  // A first round's start is the base.
  const against = round.evaluation?.comparisons ?? [];
  const evaluated =
    against.find((comparison) => comparison.against === 'round-start') ??
    (round.parent === 0 ? against.find((comparison) => comparison.against === 'base') : undefined) ??
    null;
  const { dpo } = configOf(config, round);
  const fromStart = referenceIsStart({ dpo }, round.parent);
  return { running: round.stage === 'update', beta: round.settings.beta, fromStart, evaluated };
}

const known = new WeakMap<readonly MetricsRow[], { key: string; alarms: Alarm[] }>();

function alarmsIn(metrics: readonly MetricsRow[], context: AlarmContext): Alarm[] {
  const key = JSON.stringify(context);
  const before = known.get(metrics);
  if (before?.key === key) return before.alarms;
  const alarms = alarmsOf(metrics, context);
  known.set(metrics, { key, alarms });
  return alarms;
}

/** Every alarm in full. */
export function alarmLines(alarms: readonly Alarm[], columns: number): string[] {
  return alarms.flatMap((alarm) => wrapped(`▲ ${alarmText(alarm)}`, columns));
}

/** In full where that fits, else what is seen; cause and advice are a key away. */
function shortened(alarms: readonly Alarm[], columns: number, rows: number): string[] {
  const all = alarmLines(alarms, columns);
  if (all.length <= rows) return all;
  const why = ' · w says why';
  const seen = alarms.map(({ what }, i) => (i === 0 ? cut(`▲ ${what}`, columns - why.length) + why : `▲ ${what}`));
  return seen.length <= rows ? seen : [...seen.slice(0, rows - 1), `▲ and ${seen.length - rows + 1} more`];
}

/** Width of the columns of answers: the start's and the shown one's beside each other where there is room. */
export function answerWidth(columns: number): number {
  return columns >= 100 ? Math.floor((columns - answerGap) / 2) : columns;
}

function answerLines({ start, answer }: ProbeShown, columns: number): number {
  const [before, now] = comparedLines(start.text, answer.text, answerWidth(columns), true);
  return columns >= 100 ? Math.max(before.length, now.length) : now.length;
}

// The probe prompts and what the policy answered them over the steps.

export interface ProbeShown {
  prompt: string;
  /** Place among the probe prompts, and how many there are. */
  index: number;
  of: number;
  /** Steps at which it was answered, in order, and the place among them of the answer that is shown. */
  steps: readonly number[];
  look: number;
  start: ProbeSeen;
  answer: ProbeSeen;
}

/** null where no probe prompt has been answered. */
export function probeShown(probes: readonly ProbeSeen[], ui: Pick<UpdateUi, 'probe' | 'look'>): ProbeShown | null {
  const places = [...new Set(probes.map(({ probe }) => probe))].sort((a, b) => a - b);
  if (places.length === 0) return null;
  const index = Math.min(ui.probe, places.length - 1);
  const answers = probes.filter(({ probe }) => probe === places[index]).sort((a, b) => a.step - b.step);
  const look = Math.min(ui.look ?? Infinity, answers.length - 1);
  return {
    ...{ prompt: answers[0].prompt, index, of: places.length, look },
    ...{ steps: answers.map(({ step }) => step), start: answers[0], answer: answers[look] },
  };
}
