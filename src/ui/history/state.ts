/** What this terminal alone knows of the history screen. */
export interface HistoryUi {
  /** First visible row of the table of rounds. */
  top: number;
}

export const historyUi: HistoryUi = { top: 0 };
