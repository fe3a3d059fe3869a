/** The update screen's slice of the state. */
import type { Slice } from '../../app/state.js';

export interface UpdateUi {
  /** Plots, with the probes beneath them if there is room; probes alone; the alarms in full; the end of the job's log. */
  view: 'plots' | 'probes' | 'alarms' | 'log';
  /** Page of plots. select.ts clamps this and every place and line below for drawing. */
  page: number;
  /** Place among the probe prompts. */
  probe: number;
  /** Place among the steps at which the probe prompts were answered; null follows the newest. */
  look: number | null;
  /** First visible line of probe responses or alarms. */
  top: number;
  /** First visible line of the log; null follows its end. */
  logTop: number | null;
  log: LogSeen | null;
}

/** The end of the log of a round's job as last read. */
export interface LogSeen {
  round: number;
  /** null before the first answer. */
  lines: readonly string[] | null;
  /** A query for newer lines is on its way. */
  asked: boolean;
  /** It was read after the job had ended: nothing will be added. */
  final: boolean;
}

export const updateUi: UpdateUi = { view: 'plots', page: 0, probe: 0, look: null, top: 0, logTop: null, log: null };

export type UpdateState = Slice<UpdateUi>;
