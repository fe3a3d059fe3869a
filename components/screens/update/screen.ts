/** The update screen. */
import { UpdateView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { count, fixed } from '../../../src/core/format.js';
import { wheelLines } from '../../app/layout.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { ask, only, send, stopNow, type ScreenDefinition, type Step } from '../../app/state.js';
import { isJob, shown } from '../../app/selectors.js';
import { alarmText } from './alarms.js';
import { type UpdateKey, updateKeys } from './actions.js';
import { jobEnd, jobName, jobPlace, jobWork } from './job.js';
import { probeShown, updateLayout } from './select.js';
import { logAnswered, logAsks, logUnanswered } from './log.js';
import { type UpdateState, type UpdateUi, updateUi } from './state.js';

export const update: ScreenDefinition<UpdateState> = {
  initial: updateUi,
  View: UpdateView,
  actions: actionsOf(updateKeys, act),
  reconnected: (state) => ({ ...state, ui: { ...state.ui, log: null } }),
  inView(state) {
    const { page, top } = state.ui;
    const probe = probeShown(shown(state)?.probes ?? [], state.ui);
    const { pages, scrolls } = updateLayout(state);
    const { logTop, view } = state.ui;
    const job = shown(state)?.job ?? null;
    const next = {
      // Another round may have no job.
      view: view === 'log' && job === null ? 'plots' : view,
      // At its end the log is followed.
      logTop: logTop === null || view !== 'log' || logTop >= scrolls.lines - scrolls.rows ? null : Math.max(0, logTop),
      page: Math.min(page, pages - 1),
      top: Math.max(0, Math.min(top, scrolls.lines - scrolls.rows)),
      probe: probe?.index ?? 0,
      // The newest answer is followed, until an earlier one is looked at.
      look: probe === null || probe.look === probe.steps.length - 1 ? null : probe.look,
    };
    const same = Object.entries(next).every(([key, value]) => state.ui[key as keyof UpdateUi] === value);
    return same ? state : { ...state, ui: { ...state.ui, ...next } };
  },
  asks: logAsks,
  answered: logAnswered,
  unanswered: logUnanswered,
  confirmed(state, what) {
    if (what !== 'stop') return send({ ...state, follows: true }, { type: 'abort' });
    return isJob(state) ? stopNow(state, 'The job is told to stop after the step in flight.') : stopNow(state);
  },
  back: (state) => (state.ui.view === 'plots' ? null : changed(state, { view: 'plots', top: 0 })),
  pointed(state, kind) {
    if (kind === 'press') return only(state);
    const by = kind === 'wheel-up' ? -wheelLines : wheelLines;
    if (state.ui.view === 'log') return only(scrolledLog(state, by));
    return only(changed(state, { top: state.ui.top + by }));
  },
  copies(state) {
    if (state.ui.view === 'log') return updateLayout(state).log?.join('\n') ?? null;
    return probeShown(shown(state)?.probes ?? [], state.ui)?.answer.text ?? null;
  },
  crumbs(state) {
    const { probe } = updateLayout(state);
    if (state.ui.view === 'alarms') return ['alarms'];
    if (state.ui.view === 'log') return ['log'];
    return probe === null || state.ui.view !== 'probes' ? [] : [`probe ${probe.index + 1}`];
  },
  reading(state) {
    const [data, layout] = [shown(state), updateLayout(state)];
    const last = data?.metrics.at(-1);
    const job = data?.job ?? null;
    const ofJob =
      job === null
        ? []
        : [jobPlace(job), jobWork(job) ?? [], jobEnd(job, state.run?.engine.problem ?? null)]
            .flat()
            .map(({ text }) => text);
    if (state.ui.view === 'log')
      return [`Log of ${job === null ? 'the job' : jobName(job)}.`, ...(layout.log ?? []).slice(layout.logTop)];
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
            `After step ${probe.answer.step}: ${makeVisible(probe.answer.text)}`,
          ]),
    ];
  },
};

function act(state: UpdateState, id: UpdateKey): Step<UpdateState> {
  const { view, page, probe, top } = state.ui;
  switch (id) {
    case 'show-log':
      return only(changed(state, { view: 'log', logTop: null, log: null }));
    case 'hide-log':
      return only(changed(state, { view: 'plots', top: 0 }));
    case 'log-up':
    case 'log-down':
      return only(scrolledLog(state, id === 'log-up' ? -1 : 1));
    case 'log-start':
      return only(changed(state, { logTop: 0 }));
    case 'log-end':
      return only(changed(state, { logTop: null }));
    case 'stop-update':
      return ask(state, 'update', 'stop', [
        'Stop the update and keep the policy as it is now?',
        'The remaining steps cannot be run later; the evaluation starts.',
      ]);
    case 'abort':
      return ask(state, 'update', 'abort', [
        'Abort the update?',
        'Every step so far is lost; the round returns to review with its decisions.',
      ]);
    case 'alarms':
      return only(changed(state, { view: view === 'alarms' ? 'plots' : 'alarms', top: 0 }));
    case 'more-plots':
      return only(changed(state, { page: (page + 1) % updateLayout(state).pages }));
    case 'show-probes':
    case 'show-plots':
      return only(changed(state, { view: id === 'show-probes' ? 'probes' : 'plots', top: 0 }));
    case 'probe-up':
    case 'probe-down':
      return only(changed(state, { probe: Math.max(0, probe + (id === 'probe-up' ? -1 : 1)), top: 0 }));
    case 'look-back':
    case 'look-on': {
      const look = updateLayout(state).probe?.look ?? 0;
      return only(changed(state, { look: Math.max(0, look + (id === 'look-back' ? -1 : 1)), top: 0 }));
    }
    case 'update-text-up':
    case 'update-text-down': {
      const page = Math.max(1, updateLayout(state).scrolls.rows - 1);
      if (view === 'log') return only(scrolledLog(state, id === 'update-text-up' ? -page : page));
      return only(changed(state, { top: top + (id === 'update-text-up' ? -page : page) }));
    }
  }
}

function scrolledLog(state: UpdateState, by: number): UpdateState {
  return changed(state, { logTop: Math.max(0, updateLayout(state).logTop + by) });
}

function changed(state: UpdateState, more: Partial<UpdateUi>): UpdateState {
  const next = { ...state, ui: { ...state.ui, ...more } };
  return update.inView?.(next) ?? next;
}
