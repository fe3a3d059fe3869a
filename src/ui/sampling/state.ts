/** What this terminal alone knows of the sampling screen. */
export interface SamplingUi {
  /** First visible line of the newest responses. */
  top: number;
}

export const samplingUi: SamplingUi = { top: 0 };
