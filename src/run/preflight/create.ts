/** Creates a run directory, and checks one before it is created. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { NameKey, PartialConfig } from '../../core/config/partial.js';
import { UserError } from '../../core/errors.js';
import { readModelConfig } from '../../model/config.js';
import { isAdapterFolder } from '../../model/peft.js';
import { readPolicyFiles } from '../../model/policyFiles.js';
import { readPrompts } from '../../io/prompts.js';
import { readLabelledRows } from '../rewardCheck.js';
import { Run, isRun } from '../run.js';
import type { DirectoryFacts } from '../../core/form/facts.js';
import { checkConfig } from '../../io/configFile.js';
import { checkTrackers } from '../trackers/index.js';

/** This file is dist/src/run/preflight/create.js; the bundled data is beside dist/. */
export const exampleConfig = path.resolve(import.meta.dirname, '../../../../data/example.json');

/**
 * Creates a run from a configuration with absolute paths. Reads the prompts and the model's configuration, so that
 * their problems appear now and not in the engine later.
 *
 * @param nameKey how errors name a setting
 * @throws UserError with every problem of the configuration, or if the directory holds something else
 */
export function createRun(directory: string, config: PartialConfig, nameKey: NameKey = (key) => key): Run {
  const checked = checkConfig(config, nameKey);
  checkTrackers(checked.trackers, nameKey);
  // If other machines sample and train, only the tokenizer is used here: the architecture need not be supported.
  if (checked.sampling.server !== null && checked.update.job !== null) readPolicyFiles(checked.model);
  else if (!isAdapterFolder(checked.model)) readModelConfig(checked.model);
  readPrompts(checked.prompts);
  readPrompts(checked.held_out);
  if (checked.preferences !== null) readLabelledRows(checked.preferences);
  return Run.create(directory, checked);
}

/** @throws UserError if no new run can be created there */
export function checkDirectory(directory: string): DirectoryFacts {
  if (isRun(directory))
    throw new UserError(`${directory} holds a run already; name another directory, or open it from the list`);
  if (!existsSync(directory)) {
    const above = nearestExisting(path.dirname(directory));
    if (!statSync(above).isDirectory()) throw new UserError(`${above} is a file; name a directory elsewhere`);
    return { exists: false };
  }
  if (!statSync(directory).isDirectory()) throw new UserError(`${directory} is a file; name a new directory`);
  if (readdirSync(directory).length > 0) throw new UserError(`${directory} is not empty; name a new directory`);
  return { exists: true };
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(path.dirname(directory));
}
