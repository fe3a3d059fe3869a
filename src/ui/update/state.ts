/** What this terminal alone knows of the update screen. */
export interface UpdateUi {
  /** Plots with the probes beneath where there is room, probes alone, or the alarms in full. */
  view: 'plots' | 'probes' | 'alarms';
  /** Page of plots. */
  page: number;
  /** Place among the probe prompts. */
  probe: number;
  /** Place among the steps at which the probe prompts were answered; null is the newest. */
  look: number | null;
  /** First visible line of answers or alarms. */
  top: number;
}

export const updateUi: UpdateUi = { view: 'plots', page: 0, probe: 0, look: null, top: 0 };
