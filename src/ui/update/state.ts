/** What this terminal alone knows of the update screen. */
export interface UpdateUi {
  /** The probe prompt whose answers are shown. */
  probe: number;
}

export const updateUi: UpdateUi = { probe: 0 };
