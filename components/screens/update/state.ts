/** The update screen's slice of the state. */
import type { MetricsRow } from '../../../src/core/rows.js';
import { type ChartUi, chartUi } from '../../app/charts.js';
import type { Slice } from '../../app/state.js';

export interface UpdateUi {
  /** Plots, with the probes beneath them if there is room; probes alone; the alarms in full. */
  view: 'plots' | 'probes' | 'alarms';
  /** Page of plots. select.ts clamps this and every place and line below for drawing. */
  page: number;
  charts: ChartUi;
  /** Earlier rounds are drawn behind the curves. */
  showsEarlier: boolean;
  /** Metrics of earlier updates, as received from the engine. */
  earlier: readonly EarlierUpdate[];
  /** Rounds whose metrics were asked for, and the engine process that was asked: a restarted engine is asked again. */
  asked: readonly { round: number; pid: number }[];
  /** Place among the probe prompts. */
  probe: number;
  /** Place among the steps at which the probe prompts were answered; null follows the newest. */
  look: number | null;
  /** First visible line of probe responses or alarms. */
  top: number;
}

export interface EarlierUpdate {
  round: number;
  metrics: readonly MetricsRow[];
}

export const updateUi: UpdateUi = {
  view: 'plots',
  page: 0,
  charts: chartUi,
  showsEarlier: true,
  earlier: [],
  asked: [],
  probe: 0,
  look: null,
  top: 0,
};

export type UpdateState = Slice<UpdateUi>;

export function changed(state: UpdateState, more: Partial<UpdateUi>): UpdateState {
  return { ...state, ui: { ...state.ui, ...more } };
}
