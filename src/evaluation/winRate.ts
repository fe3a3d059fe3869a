/** Win rates of a model against a baseline, plain and length-controlled. */
import { UserError } from '../errors.js';
import { type PreferenceRow, lengthControlledWinRate, mean, sampleDeviation } from './lengthControlled.js';

export type { PreferenceRow } from './lengthControlled.js';

export interface WinRates {
  /** In percent. */
  win_rate: number;
  length_controlled_win_rate: number;
  /** Of the plain win rate, in percent; null of a single row, which says nothing of its spread. */
  standard_error: number | null;
  prompts: number;
  /** What the length-controlled rate was fitted with, and what it leaves out. */
  form: 'minimal' | 'difficulty';
  note: string;
}

const notes = {
  minimal: 'minimal form (length and a constant): no difficulties were given',
  difficulty: 'length, difficulty and a constant; the gamed baselines of alpaca_eval are left out',
};

/** `±` on screens and in reports is always this: half the width of the 95 % interval of a mean. */
export const halfWidth = (standardError: number): number => 1.96 * standardError;

/** @throws UserError where there are no rows, or the difficulty form lacks a difficulty */
export function winRates(rows: PreferenceRow[], form: 'minimal' | 'difficulty' = 'minimal'): WinRates {
  if (rows.length === 0) throw new UserError('there are no rows to compute a win rate from');
  const without = rows.findIndex(({ difficulty }) => difficulty === undefined);
  if (form === 'difficulty' && without >= 0) {
    throw new UserError(`row ${without + 1} has no "difficulty"; give one to each row or leave --difficulty out`);
  }
  const preferences = rows.map(({ preference }) => preference);
  return {
    win_rate: 100 * mean(preferences),
    length_controlled_win_rate: lengthControlledWinRate(rows, form).win_rate,
    standard_error: rows.length < 2 ? null : (100 * sampleDeviation(preferences)) / Math.sqrt(rows.length),
    prompts: rows.length,
    form,
    note: notes[form],
  };
}
