/** The screens' modules. */
import { evaluation } from '../screens/evaluation/screen.js';
import { history } from '../screens/history/screen.js';
import { review } from '../screens/review/screen.js';
import { runs } from '../screens/runs/screen.js';
import { sampling } from '../screens/sampling/screen.js';
import type { ScreenModule } from './screen.js';
import { setup } from '../screens/setup/screen.js';
import type { Screen } from './state.js';
import { update } from '../screens/update/screen.js';

export const modules: Record<Screen, ScreenModule> = { sampling, review, update, evaluation, history, runs, setup };
