/**
 * Permissions of this user for a run. A run.json may come from anybody, and some of its settings act with the user's
 * rights: a `module:` reward and shell commands run as the user, and servers get keys from the environment. Each is
 * allowed once per run, in the user's own state directory and never in the run's. Naming one yourself (a flag, the form,
 * a fork) allows it; one found in a run is asked about.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { jobSchema, type Config } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { parseRewardSpec } from '../core/config/rewardSpec.js';
import { plainText } from '../rewards/types.js';
import { appendJsonLines, readJsonLines } from './jsonl.js';

/** A use of the user's rights that a run asks for. */
export type Sensitive =
  /** A reward module is executed. `file`: its real path. */
  | { kind: 'module'; file: string }
  /** The value of an environment variable is sent to a server. */
  | { kind: 'key'; variable: string; origin: string }
  /** A shell command is executed. `key`: the configuration key that holds it. */
  | { kind: 'command'; key: string; command: string };

/** Called before each such use. @throws Untrusted if it is not allowed */
export type Permission = (use: Sensitive) => void;

/** The user named everything in this very command. */
export const namedByUser: Permission = () => {};

/** The variable whose value is sent to reward servers. */
export const rewardKeyVariable = 'BREVITY_REWARD_KEY';

/** The value of an environment variable that holds a key; null if it is unset or empty. */
export function keyIn(variable: string): string | null {
  return process.env[variable] || null;
}

/** The user has to allow something first: commands print the message, the terminal asks. */
export class Untrusted extends UserError {
  constructor(
    run: string,
    readonly uses: readonly Sensitive[],
  ) {
    const flags = [...new Set(uses.map(trustFlag))].join(' ');
    super(`run ${run} ${sentence(uses[0])} pass ${flags}`);
  }
}

function sentence(use: Sensitive): string {
  switch (use.kind) {
    case 'module':
      return `names the reward module ${use.file}, which is code that you have not allowed here; read it, then`;
    case 'key':
      return `would send ${use.variable} to ${use.origin}; if that server may have the key,`;
    case 'command':
      return `would execute the shell command of ${use.key} as you (${plainText(use.command)}); if it may,`;
  }
}

/** The flag that allows a use: `--trust-reward FILE`, `--trust VARIABLE@ORIGIN`, `--trust update.job.command`. */
export function trustFlag(use: Sensitive): string {
  return `${isReward(use) ? '--trust-reward' : '--trust'} ${trustName(use)}`;
}

/** How flags name a use. A command is named by its key: quoting it in a shell invites mistakes. */
export function trustName(use: Sensitive): string {
  switch (use.kind) {
    case 'module':
      return use.file;
    case 'key':
      return use.variable === rewardKeyVariable ? use.origin : `${use.variable}@${use.origin}`;
    case 'command':
      return use.key;
  }
}

function isReward(use: Sensitive): boolean {
  return use.kind === 'module' || (use.kind === 'key' && use.variable === rewardKeyVariable);
}

/** A use, and the configuration keys that it follows from: whoever has set all of them has named it. */
export interface SensitiveSetting {
  use: Sensitive;
  keys: string[];
}

/** Everything in a configuration that needs the user's permission. Keys count only while their variable is set. */
export function sensitiveSettings(config: Pick<Config, 'reward' | 'sampling' | 'update'>): SensitiveSetting[] {
  return [...rewardUses(config.reward).map((use) => ({ use, keys: ['reward'] })), ...machineSettings(config)];
}

/** Those of sampling servers and update jobs. Reads no files. */
export function machineSettings({ sampling, update }: Pick<Config, 'sampling' | 'update'>): SensitiveSetting[] {
  return [...serverUses(sampling.server), ...jobUses(update.job)];
}

function rewardUses(spec: string): Sensitive[] {
  return parseRewardSpec(spec).flatMap((part): Sensitive[] => {
    if (part.kind === 'module') return existsSync(part.file) ? [{ kind: 'module', file: realpathSync(part.file) }] : [];
    return part.kind === 'http' && keyIn(rewardKeyVariable) !== null
      ? [{ kind: 'key', variable: rewardKeyVariable, origin: part.url.origin }]
      : [];
  });
}

function serverUses(server: Config['sampling']['server']): SensitiveSetting[] {
  if (server === null) return [];
  const { key_variable: variable, endpoints, weights, restart } = server;
  const at = (key: string) => `sampling.server.${key}`;
  const uses: SensitiveSetting[] = [];
  if (variable !== null && keyIn(variable) !== null)
    for (const origin of new Set(endpoints.map((url) => new URL(url).origin)))
      uses.push({ use: { kind: 'key', variable, origin }, keys: [at('key_variable'), at('endpoints')] });
  if (weights === 'restart' && restart !== null)
    uses.push({ use: { kind: 'command', key: at('restart'), command: restart }, keys: [at('restart')] });
  return uses;
}

/** Options of sbatch are shell words, and can name files that it overwrites. The default command needs no permission. */
function jobUses(job: Config['update']['job']): SensitiveSetting[] {
  if (job === null) return [];
  const defaults = jobSchema.parse({ launcher: job.launcher });
  const used = {
    command: job.command === defaults.command ? null : job.command,
    setup: lines(job.setup),
    sbatch: job.launcher === 'slurm' ? lines(job.sbatch) : null,
    submit: job.launcher === 'command' ? job.submit : null,
    status: job.launcher === 'command' ? job.status : null,
    cancel: job.launcher === 'command' ? job.cancel : null,
  };
  return Object.entries(used).flatMap(([name, command]): SensitiveSetting[] => {
    const key = `update.job.${name}`;
    return command === null ? [] : [{ use: { kind: 'command', key, command }, keys: [key] }];
  });
}

/** How permission is asked for a list of shell lines; null for an empty one. */
function lines(list: readonly string[]): string | null {
  return list.length === 0 ? null : list.join('\n');
}

const rowSchema = z.object({
  run: z.string(),
  /** A reward: a module's file, or the origin of a server that gets the reward key. */
  reward: z.string().optional(),
  /** Of the module as it was when the user was asked; absent if the user named it, who may then edit it. */
  sha256: z.string().optional(),
  key: z.object({ variable: z.string(), origin: z.string() }).optional(),
  command: z.object({ key: z.string(), command: z.string() }).optional(),
});
type Row = z.infer<typeof rowSchema>;

/** The file that holds what the user allows. */
export function trustFile(env: Record<string, string | undefined> = process.env): string {
  const base = env['XDG_STATE_HOME'] ?? '';
  return path.join(base === '' ? path.join(homedir(), '.local', 'state') : base, 'brevity', 'trusted.jsonl');
}

/** Uses of these configurations that are not allowed in the run yet, each once. */
export function untrustedUses(run: string, configs: readonly Parameters<typeof sensitiveSettings>[0][]): Sensitive[] {
  return allUses(configs).filter((use) => !isTrusted(run, use));
}

/** Uses of these configurations, each once. */
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
  }
}

/** Checks each use in the process that acts, whatever started it. */
export function permissionIn(run: string): Permission {
  return (use) => {
    const named: Sensitive = use.kind === 'module' ? { ...use, file: realpathSync(use.file) } : use;
    if (!isTrusted(run, named)) throw new Untrusted(run, [named]);
  };
}

/**
 * @param how `asked`: modules as they are now, a changed one is asked about again. `named`: the user gave them himself
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
  }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

// Refuses run directories of other users, as git does since CVE-2022-24765: a run.json can name code and servers, and
// whoever owns it could make this user run them. Also knows where the user's settings file lies.

type Environment = Record<string, string | undefined>;

/** Path of the user's settings file. */
export function settingsFile(env: Environment): string {
  const named = env['BREVITY_SETTINGS'] ?? '';
  if (named !== '') return named;
  const base = env['XDG_CONFIG_HOME'] ?? '';
  return path.join(base === '' ? path.join(homedir(), '.config') : base, 'brevity', 'settings.json');
}

/**
 * @throws UserError if the directory or its run.json belongs to another user and the user has not declared it safe
 */
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

/** User ids that count as this user's; null on systems without them. Under sudo the caller's own files stay usable. */
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

/** From the environment and the settings file. A broken settings file allows nothing; ui/settings.ts reports it. */
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
