/** The experiment trackers of a configuration: opened, and checked before a run begins. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import type { Run } from '../run.js';
import { checkPythonTracker, PythonTracker } from './python.js';
import { TensorBoard } from './tensorboard.js';
import type { Tracker } from './tracker.js';

export type TrackersConfig = Config['trackers'];

export function openTrackers(run: Pick<Run, 'directory'>, { tensorboard, wandb, trackio }: TrackersConfig): Tracker[] {
  return [
    ...(tensorboard === null ? [] : [new TensorBoard(run, tensorboard)]),
    ...(wandb === null ? [] : [new PythonTracker(run, 'wandb', wandb)]),
    ...(trackio === null ? [] : [new PythonTracker(run, 'trackio', trackio)]),
  ];
}

/**
 * Whether these trackers can be used here.
 *
 * @param nameKey how errors name a setting
 * @throws UserError for the first one that cannot
 */
export function checkTrackers({ tensorboard, wandb, trackio }: TrackersConfig, nameKey: (key: string) => string): void {
  const check = (key: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`${nameKey(key)}: ${error.message}`, { cause: error });
    }
  };
  if (tensorboard !== null) check('trackers.tensorboard', () => checkFolder(tensorboard));
  if (wandb !== null) check('trackers.wandb.project', () => checkPythonTracker('wandb', wandb));
  if (trackio !== null) check('trackers.trackio.project', () => checkPythonTracker('trackio', trackio));
}

/** It is created with the first event file. */
function checkFolder(folder: string): void {
  let above = folder;
  while (!existsSync(above)) above = path.dirname(above);
  if (!statSync(above).isDirectory()) throw new UserError(`${above} is a file; expected a folder for event files`);
  try {
    accessSync(above, constants.W_OK);
  } catch (cause) {
    throw new UserError(`${above} may not be written to; expected a folder for event files`, { cause });
  }
}
