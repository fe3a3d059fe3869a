/** The engine screen's slice of the state. */
import type { KeptLog } from '../../../src/core/logLines.js';
import type { LogName, MachineViews } from '../../../src/protocol/messages.js';
import type { Slice } from '../../app/state.js';

export interface EngineUi {
  /** As last sampled; null before the first answer. */
  machine: MachineViews | null;
  /** The last samples, oldest first. */
  recent: readonly Sample[];
  /** A query for the machine is on its way. */
  machineAsked: boolean;
  /** The engine's log although the round has a job. */
  other: boolean;
  log: LogSeen | null;
  /** Machines above the log, or one of them on the whole screen. */
  view: 'both' | 'log' | 'machines';
  /** First visible row of the log; null follows its end. select.ts clamps it. */
  top: number | null;
  /** Long lines are cut instead of wrapped. */
  cuts: boolean;
  search: string;
  /** Index of the line of the log that was found last; null: none. */
  found: number | null;
}

/** Shares, from 0 to 1. */
export interface Sample {
  cpu: number | null;
  gpus: readonly (number | null)[];
}

/** A log as read so far. */
export interface LogSeen {
  name: LogName;
  /** null before the first answer. */
  kept: KeptLog | null;
  /** A query for what came since is on its way. */
  asked: boolean;
}

export const engineUi: EngineUi = {
  machine: null,
  recent: [],
  machineAsked: false,
  other: false,
  log: null,
  view: 'both',
  top: null,
  cuts: false,
  search: '',
  found: null,
};

export type EngineState = Slice<EngineUi>;

export function changed(state: EngineState, more: Partial<EngineUi>): EngineState {
  return { ...state, ui: { ...state.ui, ...more } };
}
