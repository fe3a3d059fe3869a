/** Reads configuration files, and checks that the files and folders that a configuration names exist. */
import path from 'node:path';
import { existsSync } from 'node:fs';
import { messageOf, UserError } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { namedFolders } from '../core/config/reference.js';
import { judgeOverlap, metricFile, parseRewardSpec } from '../core/config/rewardSpec.js';
import { type Config, configSchema } from '../core/config/schema.js';
import { readTextFile } from './files.js';
import {
  beamProblems,
  isObject,
  jobProblems,
  judgePromptKeys,
  pairProblems,
  type NameKey,
  type PartialConfig,
  pathKeys,
  Problems,
  resolvePaths,
  schemaProblems,
} from '../core/config/partial.js';

/** Reads a JSON configuration; its relative paths are relative to its folder. */
export function readConfigFile(file: string): PartialConfig {
  let json: unknown;
  try {
    json = parseJson(readTextFile(file));
  } catch (cause) {
    if (cause instanceof UserError && existsSync(file)) throw cause;
    const what = existsSync(file) ? `is not JSON (${messageOf(cause)})` : 'does not exist';
    throw new UserError(`configuration ${file} ${what}`, { exitCode: 2, cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UserError(`configuration ${file} is not a JSON object`, { exitCode: 2 });
  }
  return resolvePaths(json as PartialConfig, path.dirname(path.resolve(file)));
}

/**
 * Checks a whole configuration.
 *
 * @throws Problems
 */
export function checkConfig(config: PartialConfig, nameKey: NameKey): Config {
  const result = configSchema.safeParse(config);
  const problems = [
    ...schemaProblems(config, nameKey),
    ...missingFiles(config, nameKey),
    ...jobProblems(config, nameKey),
    ...pairProblems(config, nameKey),
    ...beamProblems(config, nameKey),
  ];
  if (result.success && problems.length === 0) return result.data;
  throw new Problems(problems, `${problems.length} settings cannot be used`);
}

/** Problems of named files and folders that do not exist, and of unreadable rewards. */
function missingFiles(config: PartialConfig, nameKey: NameKey): string[] {
  const problems: string[] = [];
  for (const key of pathKeys) {
    const file = config[key];
    if (typeof file === 'string' && !existsSync(file)) problems.push(`${nameKey(key)}: ${file} does not exist`);
  }
  return [...problems, ...namedFileProblems(config, nameKey)];
}

/** Problems of the reward, the reference policy, metrics and second judge that a configuration names. */
export function namedFileProblems(config: PartialConfig, nameKey: NameKey = (key) => key): string[] {
  return [
    ...referenceProblems(config, nameKey),
    ...rewardProblems(config, nameKey),
    ...promptFileProblems(config, nameKey),
    ...evaluationProblems(config, nameKey),
  ];
}

/** Folders of the reference policy that do not exist. The schema reports an unreadable specification. */
function referenceProblems({ dpo }: PartialConfig, nameKey: NameKey): string[] {
  const reference = isObject(dpo) ? dpo.reference : undefined;
  if (typeof reference !== 'string') return [];
  return namedFolders(reference)
    .filter((dir) => !existsSync(dir))
    .map(
      (dir) =>
        `${nameKey('dpo.reference')}: ${dir} does not exist; expected \`round\`, \`base\`, a model folder, or two of them as 0.5*round+0.5*base`,
    );
}

/** Prompt files of judges that do not exist. */
function promptFileProblems(config: PartialConfig, nameKey: NameKey): string[] {
  const judge = isObject(config.rewards) && isObject(config.rewards.judge) ? config.rewards.judge : {};
  return judgePromptKeys.flatMap((key) => {
    const file = judge[key];
    return typeof file === 'string' && !existsSync(file)
      ? [`${nameKey(`rewards.judge.${key}`)}: ${file} does not exist`]
      : [];
  });
}

/** Why the metrics or the second judge cannot be used. */
function evaluationProblems(config: PartialConfig, nameKey: NameKey): string[] {
  if (!isObject(config.evaluation)) return [];
  const { metric, judge } = config.evaluation;
  const files = Array.isArray(metric) ? metric.filter((spec) => typeof spec === 'string').map(metricFile) : [];
  const missing = files
    .filter((file) => !existsSync(file))
    .map((file) => `${nameKey('evaluation.metric')}: ${file} does not exist`);
  if (typeof judge !== 'string' || judge === '') return missing;
  const faults = judgeFaults(judge, typeof config.reward === 'string' ? config.reward : '');
  return [...missing, ...faults.map((fault) => `${nameKey('evaluation.judge')}: ${fault}`)];
}

/** Why a specification cannot be a second judge of a policy that was trained with `reward`. */
export function judgeFaults(judge: string, reward: string): string[] {
  const faults = rewardFaults(judge);
  if (faults.length > 0 || reward === '' || rewardFaults(reward).length > 0) return faults;
  return judgeOverlap(reward, judge) === 'same'
    ? ['it is the training reward, so it is no second opinion; name a judge that training never sees, or none']
    : [];
}

/** Why a configuration's reward cannot be used: unreadable, or its files do not exist. */
function rewardProblems(config: PartialConfig, nameKey: NameKey): string[] {
  if (typeof config.reward !== 'string' || config.reward === '') return [];
  return rewardFaults(config.reward).map((fault) => `${nameKey('reward')}: ${fault}`);
}

/** Likewise for a reward specification alone. */
export function rewardFaults(spec: string): string[] {
  try {
    return parseRewardSpec(spec).flatMap((part) => {
      const file = part.kind === 'hf' ? part.dir : part.kind === 'module' ? part.file : null;
      return file === null || existsSync(file) ? [] : [`${file} does not exist`];
    });
  } catch (error) {
    return [messageOf(error)];
  }
}
