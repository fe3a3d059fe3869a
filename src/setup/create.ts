/** Makes a run directory, and looks at one before it is made. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type PartialConfig, checkConfig } from '../config/load.js';
import { UserError } from '../errors.js';
import { readModelConfig } from '../model/config.js';
import { isAdapterFolder } from '../model/peft.js';
import { readPrompts } from '../prompts.js';
import { Run, isRun } from '../store/run.js';
import type { DirectoryFacts } from './facts.js';

/** This file is dist/src/setup/create.js; the bundled data lies beside dist/. */
export const exampleConfig = path.resolve(import.meta.dirname, '../../../data/example.json');

/**
 * Makes a run of a configuration, its paths absolute. What a first look can tell is told now, not by the engine later.
 *
 * @param where what errors call the configuration
 * @throws UserError with every problem of it, or that the directory holds something else
 */
export function createRun(directory: string, config: PartialConfig, where: string): Run {
  const checked = checkConfig(config, where);
  if (!isAdapterFolder(checked.model)) readModelConfig(checked.model);
  readPrompts(checked.prompts);
  readPrompts(checked.held_out);
  return Run.create(directory, checked);
}

/** @throws UserError where no new run can be made there */
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
