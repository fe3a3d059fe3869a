/** Initial values of the form: the bundled example, what a folder holds, a configuration file, flags, or another run to copy. */
import path from 'node:path';
import { mergeConfigs, type PartialConfig } from '../../core/config/partial.js';
import { type Base, type PathContext, absolute, shorten } from '../../core/form/draft.js';
import type { FolderFacts } from '../../core/form/machine.js';
import { freeName } from './runs.js';
import { readConfigFile } from '../../io/configFile.js';

export interface FormStart {
  base: Base;
  /** Proposed run directory, which does not exist yet. */
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

/** The first model, reward model and files of prompts that were found; what was not found stays empty. */
export function folderForm({ models, rewards, prompts, held_out }: FolderFacts, place: PathContext): FormStart {
  const at = (files: readonly string[], prefix = ''): string[] =>
    files.slice(0, 1).map((file) => prefix + path.resolve(place.cwd, file));
  const found = { model: at(models), reward: at(rewards, 'hf:'), prompts: at(prompts), held_out: at(held_out) };
  const config = Object.fromEntries(Object.entries(found).flatMap(([key, [value]]) => (value ? [[key, value]] : [])));
  return {
    base: { config, file: null, name: "this folder's files" },
    directory: freeName(place.cwd, path.basename(found.model[0] ?? place.cwd)),
  };
}

/** @throws UserError if the file cannot be read; the form shows problems of its values */
export function fileForm(typed: string, place: PathContext): FormStart {
  const file = absolute(typed, place);
  const config = readConfigFile(file);
  return {
    base: { config, file: { path: file, config }, name: shorten(file, place) },
    directory: freeName(place.cwd, path.parse(file).name),
  };
}

/** Overrides the form's initial values with flags. */
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
