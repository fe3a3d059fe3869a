/** Reads the terminal's settings: flags override the environment, which overrides the settings file. */
import { existsSync } from 'node:fs';
import type { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { settingsFile } from '../io/trust.js';
import { themeNames } from '../../components/parts/theme.js';
import { readTextFile } from '../io/files.js';
import {
  notifyWays,
  type SettingKey,
  settingKeys,
  type Settings,
  settingsSchema,
  variableOf,
} from '../../components/app/preferences.js';

type Environment = Record<string, string | undefined>;

/**
 * @param flags of the command line; undefined means not given
 * @throws UserError with every problem of file and environment, exit code 2
 */
export function readSettings(flags: Partial<Record<SettingKey, unknown>>, env: Environment): Settings {
  const problems: string[] = [];
  const file = settingsFile(env);
  const layers: [string, Record<string, unknown>][] = [
    [file, readFile(file, (env['BREVITY_SETTINGS'] ?? '') !== '', problems)],
    ['the environment', fromEnvironment(env, problems)],
    ['the command line', Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))],
  ];
  const settings = layers.reduce<Record<string, unknown>>((under, [where, layer]) => {
    const checked = settingsSchema.safeParse(layer);
    if (!checked.success) problems.push(...checked.error.issues.map((issue) => describe(issue, where, layer)));
    return { ...under, ...layer };
  }, {});
  const {
    safe_directories: _owner,
    notify_command: _command,
    ...terminal
  } = settingsSchema.safeParse(settings).data ?? settingsSchema.parse({});
  if (problems.length === 0) return terminal;
  throw new UserError(`the terminal's settings cannot be used:\n${problems.map((line) => `  ${line}`).join('\n')}`, {
    exitCode: 2,
  });
}

function readFile(file: string, named: boolean, problems: string[]): Record<string, unknown> {
  if (!named && !existsSync(file)) return {};
  try {
    const json: unknown = parseJson(readTextFile(file, 2 ** 20));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
    problems.push(`${file}: is no JSON object; expected keys among ${settingKeys.join(', ')}`);
  } catch (error) {
    problems.push(`${file}: ${existsSync(file) ? `is not JSON (${messageOf(error)})` : 'does not exist'}`);
  }
  return {};
}

const words: Record<string, boolean> = { '1': true, true: true, yes: true, '0': false, false: false, no: false };

function fromEnvironment(env: Environment, problems: string[]): Record<string, unknown> {
  const layer: Record<string, unknown> = {};
  for (const name of settingKeys) {
    const text = env[variableOf(name)] ?? '';
    // A list of paths, which io/trust.ts reads, and a command, which engine/notify.ts reads.
    if (text === '' || name === 'safe_directories' || name === 'notify_command') continue;
    if (name === 'theme' || name === 'notify') layer[name] = text;
    else if (text.toLowerCase() in words) layer[name] = words[text.toLowerCase()];
    else problems.push(`${variableOf(name)}: expected 1 or 0, got ${JSON.stringify(text)}`);
  }
  // Ink's own variable.
  if (env['INK_SCREEN_READER'] === 'true') layer.screen_reader ??= true;
  return layer;
}

export function describe(issue: z.core.$ZodIssue, where: string, layer: Record<string, unknown>): string {
  if (issue.code === 'unrecognized_keys') {
    return `${where}: unknown setting ${issue.keys.join(', ')}; expected ${settingKeys.join(', ')}`;
  }
  const name = String(issue.path[0]) as SettingKey;
  const special: Partial<Record<SettingKey, string>> = {
    theme: `one of ${themeNames.join(', ')}`,
    notify: `one of ${notifyWays.join(', ')}`,
    notify_command: 'a shell command',
    safe_directories: 'a list of directories',
  };
  const expected = special[name] ?? 'true or false';
  const at = where === 'the environment' ? variableOf(name) : `${where}: ${name}`;
  return `${at}: expected ${expected}, got ${JSON.stringify(layer[name])}`;
}
