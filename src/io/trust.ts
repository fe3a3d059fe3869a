/**
 * Permissions of this user for a run, and the owners whose run directories may be opened. A run.json may come from
 * anybody, and some of its settings act with the user's rights: a `module:` reward and shell commands run as the user,
 * and servers get keys from the environment. Each use is allowed once per run; the permission is stored in the user's
 * own state directory, never in the run's. A use that the user names (a flag, the form, a fork) is allowed; one found
 * in a run must be confirmed.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Config } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { metricFile, parseRewardSpec } from '../core/config/rewardSpec.js';
import { appendJsonLines, readJsonLines } from './jsonl.js';
import {
  judgeKeyVariable,
  keyIn,
  machineSettings,
  type MachineConfig,
  type Permission,
  rewardKeyVariable,
  type Sensitive,
  type SensitiveSetting,
  Untrusted,
} from '../core/trust.js';

/** Everything in a configuration that needs the user's permission. Keys count only while their variable is set. */
export function sensitiveSettings(config: Pick<Config, 'reward' | 'evaluation'> & MachineConfig): SensitiveSetting[] {
  const { judge, metric } = config.evaluation;
  const setting = (key: string) => (use: Sensitive) => ({ use, keys: [key] });
  return [
    ...rewardUses(config.reward).map(setting('reward')),
    ...(judge === null ? [] : rewardUses(judge).map(setting('evaluation.judge'))),
    ...metric.flatMap((spec) => moduleUses(metricFile(spec))).map(setting('evaluation.metric')),
    ...machineSettings(config),
  ];
}

function moduleUses(file: string): Sensitive[] {
  return existsSync(file) && !isBundled(file) ? [{ kind: 'module', file: realpathSync(file) }] : [];
}

/** The bundled example's folder; this file is dist/src/io/trust.js. */
const bundled = path.resolve(import.meta.dirname, '../../../data');

/** A module of the bundled example is as trustworthy as Brevity: it was installed with it. */
function isBundled(file: string): boolean {
  return existsSync(bundled) && path.dirname(realpathSync(file)) === realpathSync(bundled);
}

function rewardUses(spec: string): Sensitive[] {
  return parseRewardSpec(spec).flatMap((part): Sensitive[] => {
    if (part.kind === 'module') return moduleUses(part.file);
    if (part.kind === 'hf') return [];
    const variable = part.kind === 'http' ? rewardKeyVariable : judgeKeyVariable;
    return keyIn(variable) === null ? [] : [{ kind: 'key', variable, origin: part.url.origin }];
  });
}

const rowSchema = z.object({
  run: z.string(),
  /** A reward: a module's file, or the origin of a server that gets the reward key. */
  reward: z.string().optional(),
  /** Hash of the module when the user was asked; absent if the user named the module, and so may edit it. */
  sha256: z.string().optional(),
  key: z.object({ variable: z.string(), origin: z.string() }).optional(),
  command: z.object({ key: z.string(), command: z.string() }).optional(),
  service: z.object({ key: z.string(), to: z.string() }).optional(),
});
type Row = z.infer<typeof rowSchema>;

/** The user's own folder for what Brevity keeps between sessions. */
export function stateDirectory(env: Record<string, string | undefined> = process.env): string {
  const base = env['XDG_STATE_HOME'] ?? '';
  return path.join(base === '' ? path.join(homedir(), '.local', 'state') : base, 'brevity');
}

/** The file with the user's permissions. */
export function trustFile(env: Record<string, string | undefined> = process.env): string {
  return path.join(stateDirectory(env), 'trusted.jsonl');
}

/** Uses of these configurations that are not allowed in the run yet, without duplicates. */
export function untrustedUses(run: string, configs: readonly Parameters<typeof sensitiveSettings>[0][]): Sensitive[] {
  return allUses(configs).filter((use) => !isTrusted(run, use));
}

/** Uses of these configurations, without duplicates. */
export function allUses(configs: readonly Parameters<typeof sensitiveSettings>[0][]): Sensitive[] {
  const uses = configs.flatMap(sensitiveSettings).map(({ use }) => use);
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

function isTrusted(run: string, use: Sensitive): boolean {
  const directory = realpathSync(run);
  return readJsonLines(trustFile(), rowSchema, { missing: 'empty' }).some(
    (row) => row.run === directory && allows(row, use),
  );
}

function allows(row: Row, use: Sensitive): boolean {
  switch (use.kind) {
    case 'module':
      return row.reward === use.file && (row.sha256 === undefined || row.sha256 === sha256(use.file));
    case 'key':
      if (use.variable === rewardKeyVariable) return row.reward === use.origin;
      return row.key?.variable === use.variable && row.key.origin === use.origin;
    case 'command':
      return row.command?.key === use.key && row.command.command === use.command;
    case 'service':
      return row.service?.key === use.key && row.service.to === use.to;
  }
}

/** Checks each use in the process that acts, whatever started it. */
export function permissionIn(run: string): Permission {
  return (use) => {
    if (use.kind === 'module' && isBundled(use.file)) return;
    const named: Sensitive = use.kind === 'module' ? { ...use, file: realpathSync(use.file) } : use;
    if (!isTrusted(run, named)) throw new Untrusted(run, [named]);
  };
}

/**
 * @param how `asked`: allows modules in their current state, a changed one is asked about again. `named`: the user gave
 *   them
 */
export function trust(run: string, uses: readonly Sensitive[], how: 'asked' | 'named'): void {
  if (uses.length === 0) return;
  const file = trustFile();
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  const directory = realpathSync(run);
  appendJsonLines(
    file,
    uses.map((use) => ({ run: directory, ...rowOf(use, how), at: new Date().toISOString() })),
  );
}

function rowOf(use: Sensitive, how: 'asked' | 'named'): Omit<Row, 'run'> {
  switch (use.kind) {
    case 'module':
      return { reward: use.file, ...(how === 'asked' ? { sha256: sha256(use.file) } : {}) };
    case 'key': {
      const { variable, origin } = use;
      return variable === rewardKeyVariable ? { reward: origin } : { key: { variable, origin } };
    }
    case 'command':
      return { command: { key: use.key, command: use.command } };
    case 'service':
      return { service: { key: use.key, to: use.to } };
  }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

// Refuses run directories of other users, as git does since CVE-2022-24765: a run.json can name code and servers, and
// its owner could make this user run them.

type Environment = Record<string, string | undefined>;

/** Path of the user's settings file. */
export function settingsFile(env: Environment): string {
  const named = env['BREVITY_SETTINGS'] ?? '';
  if (named !== '') return named;
  const base = env['XDG_CONFIG_HOME'] ?? '';
  return path.join(base === '' ? path.join(homedir(), '.config') : base, 'brevity', 'settings.json');
}

/** @throws UserError if the directory or its run.json belongs to another user and the user has not declared it safe */
export function checkOwner(directory: string, env: Environment = process.env): void {
  const own = ownIds(env);
  if (own === null) return;
  const absolute = path.resolve(directory);
  for (const file of [absolute, path.join(absolute, 'run.json')]) {
    const owner = statSync(file, { throwIfNoEntry: false })?.uid;
    if (owner === undefined || own.includes(owner)) continue;
    if (isSafe(absolute, env)) return;
    throw new UserError(
      `${file} belongs to ${userName(owner)}, and you are ${userName(own[0])}: a run of another user can make you run its code; copy it, or allow it with BREVITY_SAFE_DIRECTORIES=${absolute} or "safe_directories" in ${settingsFile(env)}`,
    );
  }
}

/** User ids that count as this user's; null on systems without them. Under sudo, the caller's own files stay usable. */
function ownIds(env: Environment): number[] | null {
  const id = process.geteuid?.();
  if (id === undefined) return null;
  const caller = env['SUDO_UID'] ?? '';
  return id === 0 && /^\d+$/.test(caller) ? [0, Number(caller)] : [id];
}

/** The rules of git's safe.directory: a directory, everything below one (`DIR/*`), or all (`*`). Links are followed. */
function isSafe(directory: string, env: Environment): boolean {
  const real = realPath(directory);
  return safeDirectories(env).some((entry) => {
    if (entry === '*') return true;
    const above = /^(.*)\/\*$/.exec(entry)?.[1];
    return above === undefined ? realPath(entry) === real : real.startsWith(path.join(realPath(above || '/'), '/'));
  });
}

function realPath(file: string): string {
  return existsSync(file) ? realpathSync(file) : path.resolve(file);
}

/** From the environment and the settings file. A broken settings file allows nothing; cli/preferences.ts reports it. */
function safeDirectories(env: Environment): string[] {
  const listed = (env['BREVITY_SAFE_DIRECTORIES'] ?? '').split(path.delimiter).filter((entry) => entry !== '');
  try {
    const settings = JSON.parse(readFileSync(settingsFile(env), 'utf8')) as { safe_directories?: unknown } | null;
    const more = settings?.safe_directories;
    return Array.isArray(more) ? [...listed, ...more.filter((entry) => typeof entry === 'string')] : listed;
  } catch {
    return listed;
  }
}

function userName(id: number): string {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((entry) => entry.split(':'))
      .find((fields) => Number(fields[2]) === id);
    return line === undefined ? `user ${id}` : `${line[0]} (user ${id})`;
  } catch {
    return `user ${id}`;
  }
}
