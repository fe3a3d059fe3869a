/** What this terminal alone knows of the evaluation screen. */
export interface EvaluationUi {
  /** First visible line. */
  top: number;
}

export const evaluationUi: EvaluationUi = { top: 0 };
