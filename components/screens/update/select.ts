/** Derives the update screen from its slice: alarms, job, plots, probes, and the rows that each part gets. */
import { configOf } from '../../../src/core/config/rounds.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import type { ProbeSeen } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop } from '../../app/lists.js';
import { shown, shownRound } from '../../app/selectors.js';
import { type Enlarged, enlargedIn, lookInWords } from '../../app/charts.js';
import { type Curve, curveCount } from '../../parts/curves.js';
import { usesAlpha } from '../../../src/core/objectives/index.js';
import { referenceIsStart, rewardsArePerToken } from '../../parts/kl.js';
import { comparedLines, wrapped } from '../../parts/markedText.js';
import { cut } from '../../parts/text.js';
import { type Alarm, type AlarmContext, alarmText, alarmsOf } from './alarms.js';
import { shownCurves } from './earlier.js';
import { type JobLine, jobLines } from './job.js';
import type { UpdateState, UpdateUi } from './state.js';

export interface UpdateLayout {
  alarms: readonly Alarm[];
  /** Lines of the alarms at the top; the last may say that there are more. */
  alarmLines: readonly string[];
  /** Lines of the job beneath the settings; empty without a job. */
  jobLines: readonly JobLine[];
  /** All curves, and the one that is enlarged. */
  curves: readonly Curve[];
  enlarged: Enlarged | null;
  /** How the curves are drawn; empty: as usual. */
  chartLook: string;
  /** Plots beside and beneath each other; 0 if none are shown. */
  across: number;
  down: number;
  plotHeight: number;
  page: number;
  pages: number;
  /** null if no probe is shown. */
  probe: ProbeShown | null;
  /** Rows of the probe with its heading. */
  probeRows: number;
  /** Lines of the text that scrolls (alarms or probe responses), how many are visible, and the first of those. */
  scrolls: { lines: number; rows: number; top: number };
}

/** Rows of the progress bar and of the settings. */
export const headRows = 3;
/** Lines of a probe above its responses: rule, prompt, heading. */
export const probeHead = 3;
/** With fewer rows than `rowsForBoth` the probes have a view of their own. */
const rowsForBoth = 30;
const leastPlot = 5;
const wantedPlot = 7;
const responseGap = 3;

export function updateLayout(state: UpdateState): UpdateLayout {
  const { columns } = state.size;
  const { ui } = state;
  const data = shown(state);
  const rows = bodyRows(state);
  const alarms = alarmsIn(data?.metrics ?? [], contextOf(state));
  const probe = probeShown(data?.probes ?? [], ui);
  const responses = probe === null ? 0 : responseLines(probe, columns);
  const scrolled = (lines: number, visible: number, top: number) => ({
    lines,
    rows: visible,
    top: clampTop(top, lines, visible),
  });
  const none = {
    alarms,
    alarmLines: [],
    jobLines: [],
    curves: [],
    enlarged: null,
    chartLook: '',
    across: 0,
    down: 0,
    plotHeight: 0,
    page: 0,
    pages: 1,
    probe: null,
    probeRows: 0,
  };
  switch (ui.view) {
    case 'alarms':
      return { ...none, scrolls: scrolled(alarmLines(alarms, columns).length, rows - 1, ui.top) };
    case 'probes':
      return { ...none, probe, probeRows: rows, scrolls: scrolled(responses, rows - probeHead, ui.top) };
    case 'plots': {
      const shownAlarms = shortened(alarms, columns, rows < 20 ? 2 : rows < rowsForBoth ? 3 : 6);
      const problem = state.past === null ? (state.run?.engine.problem ?? null) : null;
      const ofJob = jobLines(data?.job ?? null, problem, columns, rows < 20 ? 2 : rows < rowsForBoth ? 3 : 5);
      const curves = shownCurves(state);
      const enlarged = enlargedIn(ui.charts, curves);
      const chartLook = lookInWords(ui.charts, curves);
      const free = rows - headRows - shownAlarms.length - ofJob.length - (chartLook === '' ? 0 : 1);
      if (enlarged !== null)
        return {
          ...{ ...none, alarmLines: shownAlarms, jobLines: ofJob, curves, enlarged, chartLook },
          ...{ across: 1, down: 1, plotHeight: free, scrolls: scrolled(0, 0, 0) },
        };
      const both = probe !== null && rows >= rowsForBoth;
      const across = columns >= 112 ? 4 : 2;
      const room = both ? Math.ceil(free * 0.6) : free;
      const down = Math.max(1, Math.min(Math.ceil(curveCount / across), Math.floor(room / wantedPlot)));
      const plotHeight = Math.max(leastPlot, Math.floor(room / down));
      const pages = (data?.metrics.length ?? 0) === 0 ? 1 : Math.ceil(curveCount / (across * down));
      const probeRows = both ? free - down * plotHeight : 0;
      return {
        alarms,
        alarmLines: shownAlarms,
        jobLines: ofJob,
        curves,
        enlarged: null,
        chartLook,
        across,
        down,
        plotHeight,
        page: Math.min(ui.page, pages - 1),
        pages,
        probe: both ? probe : null,
        probeRows,
        scrolls: scrolled(both ? responses : 0, Math.max(0, probeRows - probeHead), ui.top),
      };
    }
  }
}

function contextOf(state: UpdateState): AlarmContext {
  const round = shownRound(state);
  const config = state.run?.config ?? null;
  if (round === null || config === null)
    return { running: true, beta: 1, perToken: false, fromStart: false, saturates: false, evaluated: null };
  // A first round's start is the base.
  const against = round.evaluation?.comparisons ?? [];
  const evaluated =
    against.find((comparison) => comparison.against === 'round-start') ??
    (round.parent === 0 ? against.find((comparison) => comparison.against === 'base') : undefined) ??
    null;
  const { dpo } = configOf(config, round);
  const fromStart = referenceIsStart({ dpo }, round.parent);
  const saturates = usesAlpha(dpo.objective) && dpo.objective !== 'wpo';
  const perToken = rewardsArePerToken(dpo.objective);
  return { running: round.stage === 'update', beta: round.settings.beta, perToken, fromStart, saturates, evaluated };
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

/** In full if that fits, else without cause and advice, which are a key away. */
function shortened(alarms: readonly Alarm[], columns: number, rows: number): string[] {
  const all = alarmLines(alarms, columns);
  if (all.length <= rows) return all;
  const why = ' · w says why';
  const seen = alarms.map(({ what }, i) => (i === 0 ? cut(`▲ ${what}`, columns - why.length) + why : `▲ ${what}`));
  return seen.length <= rows ? seen : [...seen.slice(0, rows - 1), `▲ and ${seen.length - rows + 1} more`];
}

/** Width of a column of responses: the start's and the shown one's beside each other if there is room. */
export function responseWidth(columns: number): number {
  return columns >= 100 ? Math.floor((columns - responseGap) / 2) : columns;
}

function responseLines({ start, response }: ProbeShown, columns: number): number {
  const [before, now] = comparedLines(start.text, response.text, responseWidth(columns), true);
  return columns >= 100 ? Math.max(before.length, now.length) : now.length;
}

/** A probe prompt with one of the policy's responses to it over the steps. */
export interface ProbeShown {
  prompt: string;
  /** Place among the probe prompts, and how many there are. */
  index: number;
  of: number;
  /** Steps at which the policy answered it, in order, and the place among them of the response that is shown. */
  steps: readonly number[];
  look: number;
  start: ProbeSeen;
  response: ProbeSeen;
}

/** null before a probe prompt is answered. */
export function probeShown(probes: readonly ProbeSeen[], ui: Pick<UpdateUi, 'probe' | 'look'>): ProbeShown | null {
  const places = [...new Set(probes.map(({ probe }) => probe))].sort((a, b) => a - b);
  if (places.length === 0) return null;
  const index = Math.min(ui.probe, places.length - 1);
  const responses = probes.filter(({ probe }) => probe === places[index]).sort((a, b) => a.step - b.step);
  const look = Math.min(ui.look ?? Infinity, responses.length - 1);
  return {
    prompt: responses[0].prompt,
    index,
    of: places.length,
    steps: responses.map(({ step }) => step),
    look,
    start: responses[0],
    response: responses[look],
  };
}
