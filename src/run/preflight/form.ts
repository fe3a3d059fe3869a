/** What the form begins with: the bundled example, a configuration file, flags, or a run that another is to be like. */
import path from 'node:path';
import { mergeConfigs, type PartialConfig } from '../../core/config/partial.js';
import { type Base, type PathContext, absolute, shorten } from '../../core/form/draft.js';
import { freeName } from './runs.js';
import { readConfigFile } from '../../io/configFile.js';

export interface FormStart {
  base: Base;
  /** Proposed run directory: nothing is there. */
  directory: string;
}

/** @param file the example's configuration file */
export function exampleForm(file: string, place: PathContext): FormStart {
  const config = readConfigFile(file);
  return {
    base: { config, file: { path: file, config }, name: 'the bundled example' },
    directory: freeName(place.cwd, 'example'),
  };
}

/** @throws UserError where the file cannot be read; what is wrong with its values is the form's to show */
export function fileForm(typed: string, place: PathContext): FormStart {
  const file = absolute(typed, place);
  const config = readConfigFile(file);
  return {
    base: { config, file: { path: file, config }, name: shorten(file, place) },
    directory: freeName(place.cwd, path.parse(file).name),
  };
}

/** Flags laid over where the form would begin without them. */
export function withFlags({ base, directory }: FormStart, flags: PartialConfig): FormStart {
  return { base: { ...base, config: mergeConfigs(base.config, flags) }, directory };
}

/** @param config of the run */
export function runForm(directory: string, config: PartialConfig, place: PathContext): FormStart {
  const name = path.basename(directory).replace(/-\d+$/, '');
  return {
    base: { config, file: null, name: shorten(directory, place) },
    directory: freeName(place.cwd, name),
  };
}
