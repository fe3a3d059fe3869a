/** What the engine screen asks for while it is open: the machine every two seconds, and what a log has gained since. */
import { isDeepStrictEqual } from 'node:util';
import { emptyLog, withPart } from '../../../src/core/logLines.js';
import type { AnswerTo, LogName, Query } from '../../../src/protocol/messages.js';
import { shown } from '../../app/selectors.js';
import { type Effect, type Step, noEffects } from '../../app/state.js';
import { type EngineState, type Sample, changed } from './state.js';

/** Between an answer and the next query. */
const [machineMilliseconds, logMilliseconds] = [2000, 1000];
/** Samples that are kept: two minutes. */
const SAMPLES = 60;

/** The log that is shown: the job's if the round has one, unless the engine's is wanted. */
export function logName(state: EngineState): LogName {
  const data = shown(state);
  return data === null || data.job === null || state.ui.other ? { of: 'engine' } : { of: 'job', round: data.round };
}

export const hasJob = (state: EngineState): boolean => (shown(state)?.job ?? null) !== null;

export function engineAsks(state: EngineState): Step<EngineState> {
  if (state.run === null) return noEffects(state);
  const { ui } = state;
  const effects: Effect[] = [];
  let next = state;
  if (!ui.machineAsked) {
    const after = ui.machine === null ? {} : { after: machineMilliseconds };
    effects.push({ do: 'ask', query: { type: 'read-machine' }, ...after });
    next = changed(next, { machineAsked: true });
  }
  const name = logName(state);
  const log = isDeepStrictEqual(ui.log?.name, name) ? ui.log : null;
  if (log === null || !log.asked) {
    const kept = log?.kept ?? null;
    const after = kept === null ? {} : { after: logMilliseconds };
    effects.push({ do: 'ask', query: { type: 'read-log', log: name, from: kept?.next ?? null }, ...after });
    const place = log === null ? { top: null, found: null } : {};
    next = changed(next, { log: { name, kept, asked: true }, ...place });
  }
  return effects.length === 0 ? noEffects(state) : { state: next, effects };
}

export function engineAnswered(state: EngineState, query: Query, answer: unknown): EngineState {
  const { ui } = state;
  if (query.type === 'read-machine') {
    const machine = answer as AnswerTo<typeof query>;
    const sample: Sample = {
      cpu: machine.engine.cpu_share,
      gpus: machine.engine.gpus.map(({ utilization }) => utilization),
    };
    return changed(state, { machine, machineAsked: false, recent: [...ui.recent, sample].slice(-SAMPLES) });
  }
  if (query.type !== 'read-log' || !isDeepStrictEqual(ui.log?.name, query.log)) return state;
  const before = ui.log?.kept ?? emptyLog;
  const kept = withPart(before, answer as AnswerTo<typeof query>);
  // Lines that were dropped at the start move what was found, or were it.
  const at = ui.found === null ? -1 : kept.lines.indexOf(before.lines[ui.found]);
  const found = at < 0 ? null : at;
  return changed(state, { log: { name: query.log, kept, asked: false }, found });
}

/** The notice says why; it is asked for again. */
export function engineUnanswered(state: EngineState, query: Query): EngineState {
  const { log, machine } = state.ui;
  if (query.type === 'read-machine') return changed(state, { machineAsked: false, machine });
  if (query.type !== 'read-log' || log === null) return state;
  return changed(state, { log: { ...log, kept: log.kept ?? emptyLog, asked: false } });
}

/** Queries over a lost connection are never answered. A log that was begun meanwhile is noticed by its length. */
export function engineReconnected(state: EngineState): EngineState {
  const { log } = state.ui;
  return changed(state, { machineAsked: false, log: log === null ? null : { ...log, asked: false } });
}
