/** A run's configuration as it applies to one round: with the overrides of its branch. */
import path from 'node:path';
import { isObject, mergeConfigs, pairProblems, type PartialConfig, resolvePaths, schemaProblems } from './partial.js';
import { type Config, type DpoConfig, type PairsConfig, configSchema } from './schema.js';
import {
  neutral,
  objectiveNames,
  objectives,
  unusedSettings,
  usualSettings,
  type ObjectiveName,
} from '../objectives/index.js';
import { UserError } from '../errors.js';
import { referenceFolders, type WeightedFolder } from './reference.js';
import { overriddenKeys, type RoundOverrides, type RoundSettings, type RoundState } from '../rounds.js';
import { roundFiles, type RunFiles } from '../runFiles.js';

/**
 * Groups that a branch may override. The model, prompts and seed belong to the run: otherwise rounds could not be
 * compared.
 */
const groups = ['reward', 'sampling', 'pairs', 'dpo', 'update', 'evaluation'] as const;

/** The run's configuration as it applies to a round; α, β and the learning rate come from the round's settings. */
export function configOf(config: Config, { overrides, settings }: Pick<RoundState, 'overrides' | 'settings'>): Config {
  return configSchema.parse(mergeConfigs(mergeConfigs(config, overrides as PartialConfig), asConfig(settings)));
}

/**
 * Every configuration that a run uses: its own, and those of rounds with overrides. Damaged rounds are skipped, as they
 * do not run.
 */
export function allConfigs({ config, rounds }: { config: Config; rounds: readonly RoundState[] }): Config[] {
  const own = rounds.filter(({ overrides, damaged }) => damaged === undefined && Object.keys(overrides).length > 0);
  return [config, ...own.map((round) => configOf(config, round))];
}

/** The reward of each of these rounds, by id, and of the base policy, which is round 0. @param config the run's */
export function rewardSpecs(
  config: Config,
  branch: Pick<RoundState, 'id' | 'overrides' | 'settings'>[],
): Map<number, string> {
  return new Map([[0, config.reward], ...branch.map((round) => [round.id, configOf(config, round).reward] as const)]);
}

/** prompts_per_round of each of these rounds. @param config the run's */
export function promptCounts(config: Config, branch: Pick<RoundState, 'overrides' | 'settings'>[]): number[] {
  return branch.map((round) => configOf(config, round).sampling.prompts_per_round);
}

/**
 * Settings and overrides of a new round: changes over the inherited ones. α, β and the learning rate may also be given
 * among the overrides; relative paths are relative to `base`.
 *
 * @param fileProblems of the reward and the reference policy that the changes name (io/configFile.ts)
 * @throws UserError that names every invalid value
 */
export function changedRound(
  config: Config,
  inherited: { settings: RoundSettings; overrides: RoundOverrides },
  changes: { settings?: Partial<RoundSettings>; overrides?: RoundOverrides },
  base: string,
  fileProblems: (config: PartialConfig) => string[],
): { settings: RoundSettings; overrides: RoundOverrides } {
  const given: PartialConfig = resolvePaths({ ...changes.overrides }, base);
  const strange = Object.keys(given).filter((key) => !(groups as readonly string[]).includes(key));
  const problems = strange.map((key) => `${key}: cannot differ between rounds; expected ${groups.join(', ')}`);
  const wrongSettings = Object.keys(changes.settings ?? {}).filter((name) => !['alpha', 'beta', 'lr'].includes(name));
  problems.push(...wrongSettings.map((name) => `unknown setting ${name}; expected alpha, beta or lr`));
  problems.push(...decodingChanges(config, given.evaluation));
  const under = mergeConfigs(
    mergeConfigs(config, inherited.overrides as PartialConfig),
    asConfig(inherited.settings),
  ) as Config;
  const named = Object.fromEntries(Object.entries(given).filter(([key]) => !strange.includes(key)));
  const known = mergeConfigs(
    { ...resetByObjective(under.dpo, named.dpo), ...resetByStrategy(under.pairs, named.pairs) },
    named,
  );
  const merged = mergeConfigs(mergeConfigs(under, known), asConfig(changes.settings ?? {}));
  problems.push(...schemaProblems(merged));
  const asksPairs = isObject(known.pairs) && known.pairs.per_prompt !== undefined;
  if (asksPairs || known.sampling !== undefined) problems.push(...pairProblems(merged, (key) => key));
  problems.push(...fileProblems(known));
  if (problems.length > 0) throw new UserError(problems.join('; '));
  const { dpo, update } = configSchema.parse(merged);
  const overrides = mergeConfigs(inherited.overrides as PartialConfig, known);
  return {
    settings: { alpha: dpo.alpha, beta: dpo.beta, lr: update.lr },
    overrides: withoutSettings(overrides) as RoundOverrides,
  };
}

/** Held-out responses of all rounds are compared with each other, so all are decoded alike. */
function decodingChanges({ evaluation }: Config, given: unknown): string[] {
  if (!isObject(given)) return [];
  return (['best_of', 'beam', 'length_penalty'] as const)
    .filter((key) => given[key] !== undefined && given[key] !== evaluation[key])
    .map(
      (key) =>
        `evaluation.${key}: cannot differ between rounds, whose held-out responses are compared; it is ${evaluation[key]} in this run`,
    );
}

/** Groups that a round done again may override: neither its samples nor its scores depend on them. */
const redoGroups: readonly string[] = ['pairs', 'dpo', 'update'];

/** One sentence for each override that a round done again, from the same samples and scores, cannot have. */
export function redoProblems(overrides: RoundOverrides = {}): string[] {
  return overriddenKeys({ overrides })
    .filter((key) => !redoGroups.includes(key.split('.')[0]))
    .map(
      (key) =>
        `${key}: cannot change where a round's samples and scores are used again; expected a setting of ${redoGroups.join(', ')}, or fork to sample anew`,
    );
}

/**
 * What another objective does not inherit: β and α mean something else in it, and settings that it does not use would be
 * refused.
 */
function resetByObjective(before: DpoConfig, changes: unknown): PartialConfig {
  const name = isObject(changes) ? changes.objective : undefined;
  if (!objectiveNames.some((known) => known === name) || name === before.objective) return {};
  return { dpo: resetSettings(before, name as ObjectiveName) };
}

/** λ of another strategy would be refused. */
function resetByStrategy({ length_penalty: before }: PairsConfig, changes: unknown): PartialConfig {
  const strategy = isObject(changes) ? changes.strategy : undefined;
  return strategy === undefined || strategy === 'length-penalized' || before === 0
    ? {}
    : { pairs: { length_penalty: 0 } };
}

/** The settings of the loss that change with the objective where nothing else is given. */
export function resetSettings(before: DpoConfig, objective: ObjectiveName): Partial<DpoConfig> {
  const unused = unusedSettings({ ...before, objective }).map((key) => [key, neutral[key]] as const);
  return {
    ...Object.fromEntries(unused),
    ...usualSettings(objective),
    ...(!objectives[objective].reference && before.reference !== 'round' && { reference: 'round' }),
  };
}

function asConfig({ alpha, beta, lr }: Partial<RoundSettings>): PartialConfig {
  return { dpo: { alpha, beta }, update: { lr } };
}

function withoutSettings(overrides: PartialConfig): PartialConfig {
  const { alpha: _alpha, beta: _beta, ...dpo } = (overrides.dpo ?? {}) as PartialConfig;
  const { lr: _lr, ...update } = (overrides.update ?? {}) as PartialConfig;
  const all: PartialConfig = { ...overrides, dpo, update };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => typeof value !== 'object' || Object.keys(value ?? {}).length > 0),
  );
}

/**
 * Folders of the policy that a round starts from and of its reference policy. An interpolation has a folder in the
 * round's own, which run/stages/referencePolicy.ts builds from `parts`.
 */
export function policiesOf(
  { dpo }: Config,
  files: Pick<RunFiles, 'policyDir' | 'file'>,
  { id, parent }: Pick<RoundState, 'id' | 'parent'>,
): { start: string; reference: string; same: boolean; parts: WeightedFolder[] } {
  const start = files.policyDir(parent ?? 0);
  const parts = referenceFolders(dpo.reference, (model) =>
    model === 'round' ? start : model === 'base' ? files.policyDir(0) : model,
  );
  if (parts.length > 1) return { start, reference: files.file(id, roundFiles.referencePolicy), same: false, parts };
  const [{ dir }] = parts;
  const same = path.resolve(dir) === path.resolve(start);
  return { start, reference: same ? start : dir, same, parts };
}
