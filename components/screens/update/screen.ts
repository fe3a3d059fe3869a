/** The update screen. */
import { count, fixed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { chartAt, enlargedReading } from '../../app/charts.js';
import { wheelLines } from '../../app/layout.js';
import { isJob, shown } from '../../app/selectors.js';
import { type ScreenDefinition, noEffects, send, stopNow } from '../../app/state.js';
import { scroll, show, updateActions } from './actions.js';
import { alarmText } from './alarms.js';
import { earlierAnswered, earlierAsks, withoutDeleted } from './earlier.js';
import { jobEnd, jobPlace, jobWork } from './job.js';
import { headRows, probeShown, updateLayout } from './select.js';
import { type UpdateState, changed, updateUi } from './state.js';
import { UpdateView } from './View.js';

export const update: ScreenDefinition<UpdateState> = {
  initial: updateUi,
  View: UpdateView,
  actions: updateActions,
  settle: (state) => withoutDeleted(forgetOld(state)),
  asks: earlierAsks,
  answered: earlierAnswered,
  confirmed(state, what) {
    if (what !== 'stop') return send({ ...state, follows: true }, { type: 'abort' });
    return isJob(state) ? stopNow(state, 'The job is told to stop after the step in flight.') : stopNow(state);
  },
  back(state) {
    if (state.ui.view !== 'plots') return show(state, 'plots');
    const { charts } = state.ui;
    return charts.enlarged === null ? null : changed(state, { charts: { ...charts, enlarged: null } });
  },
  pointed(state, kind, x, y) {
    if (kind === 'press') return noEffects(enlargePointed(state, x, y));
    return noEffects(scroll(state, kind === 'wheel-up' ? -wheelLines : wheelLines));
  },
  copies(state) {
    const { enlarged } = updateLayout(state);
    if (enlarged !== null) return enlargedReading(enlarged, state.ui.charts).join('\n');
    return probeShown(shown(state)?.probes ?? [], state.ui)?.response.text ?? null;
  },
  crumbs(state) {
    const { probe, enlarged } = updateLayout(state);
    if (state.ui.view === 'alarms') return ['alarms'];
    if (enlarged !== null) return [enlarged.curve.title];
    return probe === null || state.ui.view !== 'probes' ? [] : [`probe ${probe.index + 1}`];
  },
  reading(state) {
    const data = shown(state);
    const layout = updateLayout(state);
    const last = data?.metrics.at(-1);
    const job = data?.job ?? null;
    const ofJob =
      job === null
        ? []
        : [jobPlace(job), jobWork(job) ?? [], jobEnd(job, state.run?.engine.problem ?? null)]
            .flat()
            .map(({ text }) => text);
    if (data === null || last === undefined) return [...ofJob, 'No steps yet.'];
    const probe = probeShown(data.probes, state.ui);
    if (layout.enlarged !== null) return [...ofJob, ...enlargedReading(layout.enlarged, state.ui.charts)];
    return [
      ...ofJob,
      `Step ${count(last.step)} of ${count(last.total_steps)}, loss ${fixed(last.loss, 4)}, reward margin ${fixed(last['rewards/margins'], 3)}, accuracy ${fixed(last['rewards/accuracies'], 2)}, gradient norm ${fixed(last.grad_norm, 2)}.`,
      ...layout.alarms.map((alarm) => `Alarm: ${alarmText(alarm)}`),
      ...(probe === null
        ? []
        : [
            `Probe ${probe.index + 1} of ${probe.of}: ${makeVisible(probe.prompt)}`,
            `After step ${probe.response.step}: ${makeVisible(probe.response.text)}`,
          ]),
    ];
  },
};

/** Clicking a chart enlarges it. */
function enlargePointed(state: UpdateState, x: number, y: number): UpdateState {
  const {
    curves,
    enlarged,
    across,
    down,
    plotHeight: height,
    page,
    alarmLines,
    jobLines,
    chartLook,
  } = updateLayout(state);
  if (enlarged !== null || curves.length === 0) return state;
  const above = headRows + alarmLines.length + jobLines.length + (chartLook === '' ? 0 : 1);
  const place = { columns: state.size.columns, across, down, height, first: page * across * down };
  const at = chartAt(x, y - above, { ...place, count: curves.length });
  return at === null ? state : changed(state, { charts: { ...state.ui.charts, enlarged: at, step: null } });
}

/** Leaves the probe responses of an update that is gone: aborted, or of another round. */
function forgetOld(state: UpdateState): UpdateState {
  const data = shown(state);
  const { ui } = state;
  if ((data?.probes.length ?? 0) > 0) return state;
  const next = { probe: 0, look: null, top: ui.view === 'alarms' ? ui.top : 0 };
  const same = next.probe === ui.probe && next.look === ui.look && next.top === ui.top;
  return same ? state : changed(state, next);
}
