/**
 * Settings of a run that act with the user's rights (reward modules, shell commands, keys from the environment), and
 * their names in messages and flags. io/trust.ts stores the permissions.
 */
import { type Config, jobSchema } from './config/schema.js';
import { UserError } from './errors.js';
import { plainText } from './sanitize.js';

/** A use of the user's rights that a run asks for. */
export type Sensitive =
  /** A reward or metric module is executed. `file`: its real path. */
  | { kind: 'module'; file: string }
  /** The value of an environment variable is sent to a server. */
  | { kind: 'key'; variable: string; origin: string }
  /** A shell command is executed. `key`: the configuration key that holds it. */
  | { kind: 'command'; key: string; command: string }
  /** The run's figures and settings are sent to a service, with the user's login. `key`: the configuration key. */
  | { kind: 'service'; key: string; to: string };

/** Called before each such use. @throws Untrusted if it is not allowed */
export type Permission = (use: Sensitive) => void;

/** The user named every use in this very command. */
export const namedByUser: Permission = () => {};

/** The variable whose value is sent to reward servers. */
export const rewardKeyVariable = 'BREVITY_REWARD_KEY';

/** The variable whose value is sent to judges: they are often somebody else's service, unlike reward servers. */
export const judgeKeyVariable = 'BREVITY_JUDGE_KEY';

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
      return `names the module ${use.file}, which is code that you have not allowed here; read it, then`;
    case 'key':
      return `would send ${use.variable} to ${use.origin}; if that server may have the key,`;
    case 'command':
      return `would execute the shell command of ${use.key} as you (${plainText(use.command)}); if it may,`;
    case 'service':
      return `would send its figures and settings to ${plainText(use.to)} with your login; if it may,`;
  }
}

/** The flag that allows a use: `--trust-reward FILE`, `--trust VARIABLE@ORIGIN`, `--trust update.job.command`. */
export function trustFlag(use: Sensitive): string {
  return `${isReward(use) ? '--trust-reward' : '--trust'} ${trustName(use)}`;
}

/** The name of a use in flags. A command is named by its key: quoting it in a shell is error-prone. */
export function trustName(use: Sensitive): string {
  switch (use.kind) {
    case 'module':
      return use.file;
    case 'key':
      return use.variable === rewardKeyVariable ? use.origin : `${use.variable}@${use.origin}`;
    case 'command':
    case 'service':
      return use.key;
  }
}

function isReward(use: Sensitive): boolean {
  return use.kind === 'module' || (use.kind === 'key' && use.variable === rewardKeyVariable);
}

/** A use, and the configuration keys that cause it: whoever has set all of them has named it. */
export interface SensitiveSetting {
  use: Sensitive;
  keys: string[];
}

/** Settings with what needs permission. Parts of a configuration without trackers have none. */
export type MachineConfig = Pick<Config, 'sampling' | 'update'> & Partial<Pick<Config, 'trackers'>>;

/** Sensitive settings of sampling servers, update jobs and trackers. Reads no files. */
export function machineSettings({ sampling, update, trackers }: MachineConfig): SensitiveSetting[] {
  return [...serverUses(sampling.server), ...jobUses(update.job), ...trackerUses(trackers)];
}

/** TensorBoard and trackio stay on this machine. */
function trackerUses(trackers: Config['trackers'] | undefined): SensitiveSetting[] {
  if (trackers === undefined || trackers.wandb === null) return [];
  const { project, entity } = trackers.wandb;
  const to = `the W&B project ${entity === null ? project : `${entity}/${project}`}`;
  return [{ use: { kind: 'service', key: 'trackers.wandb', to }, keys: ['trackers.wandb.project'] }];
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

/**
 * Options of sbatch are shell words, and can name files that it overwrites. The default command needs no permission.
 */
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

/** A list of shell lines as shown when asking for permission; null if it is empty. */
function lines(list: readonly string[]): string | null {
  return list.length === 0 ? null : list.join('\n');
}
