/** The evaluation screen. */
import { fixed, percent, signed } from '../format.js';
import type { ScreenModule } from '../screen.js';
import { only, shownRound } from '../state.js';

export const evaluation: ScreenModule<never> = {
  keys: [],
  act: only,
  reading(state) {
    const result = shownRound(state)?.evaluation;
    if (result == null) return ['No evaluation yet.'];
    return [
      `Reward ${fixed(result.reward, 3)}, mean length ${fixed(result.mean_length, 1)} tokens.`,
      ...result.comparisons.map(
        ({ against, win_rate, length_controlled_win_rate, length_change_percent }) =>
          `Against ${against}: win rate ${percent(win_rate)}, length-controlled ${percent(length_controlled_win_rate)}, length ${signed(length_change_percent, 1)} %.`,
      ),
    ];
  },
};
