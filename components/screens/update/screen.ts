/** The update screen. */
import { count, fixed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { wheelLines } from '../../app/layout.js';
import { isJob, shown } from '../../app/selectors.js';
import { type ScreenDefinition, noEffects, send, stopNow } from '../../app/state.js';
import { scroll, show, updateActions } from './actions.js';
import { alarmText } from './alarms.js';
import { jobEnd, jobName, jobPlace, jobWork } from './job.js';
import { logAnswered, logAsks, logUnanswered } from './log.js';
import { probeShown, updateLayout } from './select.js';
import { type UpdateState, updateUi } from './state.js';
import { UpdateView } from './View.js';

export const update: ScreenDefinition<UpdateState> = {
  initial: updateUi,
  View: UpdateView,
  actions: updateActions,
  reconnected: (state) => ({ ...state, ui: { ...state.ui, log: null } }),
  settle: forgetOld,
  asks: logAsks,
  answered: logAnswered,
  unanswered: logUnanswered,
  confirmed(state, what) {
    if (what !== 'stop') return send({ ...state, follows: true }, { type: 'abort' });
    return isJob(state) ? stopNow(state, 'The job is told to stop after the step in flight.') : stopNow(state);
  },
  back: (state) => (state.ui.view === 'plots' ? null : show(state, 'plots')),
  pointed(state, kind) {
    if (kind === 'press') return noEffects(state);
    return noEffects(scroll(state, kind === 'wheel-up' ? -wheelLines : wheelLines));
  },
  copies(state) {
    if (state.ui.view === 'log') return updateLayout(state).log?.join('\n') ?? null;
    return probeShown(shown(state)?.probes ?? [], state.ui)?.response.text ?? null;
  },
  crumbs(state) {
    const { probe } = updateLayout(state);
    if (state.ui.view === 'alarms') return ['alarms'];
    if (state.ui.view === 'log') return ['log'];
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
    if (state.ui.view === 'log')
      return [`Log of ${job === null ? 'the job' : jobName(job)}.`, ...(layout.log ?? []).slice(layout.scrolls.top)];
    if (data === null || last === undefined) return [...ofJob, 'No steps yet.'];
    const probe = probeShown(data.probes, state.ui);
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

/** Closes the log of a job, and leaves the probe responses, of an update that is gone: aborted, or of another round. */
function forgetOld(state: UpdateState): UpdateState {
  const data = shown(state);
  const { ui } = state;
  const view = ui.view === 'log' && (data?.job ?? null) === null ? 'plots' : ui.view;
  const probes = (data?.probes.length ?? 0) > 0 ? ui : { probe: 0, look: null, top: view === 'alarms' ? ui.top : 0 };
  const { probe, look, top } = probes;
  const same = view === ui.view && probe === ui.probe && look === ui.look && top === ui.top;
  return same ? state : { ...state, ui: { ...ui, view, probe, look, top } };
}
