/** The screens' modules. */
import { evaluation } from './evaluation/module.js';
import { history } from './history/module.js';
import { review } from './review/module.js';
import { runs } from './runs/module.js';
import { sampling } from './sampling/module.js';
import type { ScreenModule } from './screen.js';
import { setup } from './setup/module.js';
import type { Screen } from './state.js';
import { update } from './update/module.js';

export const modules: Record<Screen, ScreenModule> = { sampling, review, update, evaluation, history, runs, setup };
