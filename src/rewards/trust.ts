/**
 * Which rewards of a run this user allows. A `module:` reward is code that runs as the user, and a server gets the user's
 * key; a run.json may come from anybody. So each is allowed once per run, in the user's own state directory and never in
 * the run's. Naming a reward yourself (`--reward`, the form, a fork) allows it; one found in a run is asked about.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { appendJsonLines, readJsonLines } from '../store/jsonl.js';
import { parseRewardSpec } from './spec.js';

/** Called with a module's file or a server's origin before it is used. @throws UserError if it is not allowed */
export type Permission = (reward: string) => void;

/** The user named the reward in this very command. */
export const namedByUser: Permission = () => {};

/** Rewards of a run that the user has not allowed; commands print the message, the terminal asks. */
export class UntrustedReward extends UserError {
  constructor(
    run: string,
    readonly rewards: string[],
  ) {
    const [first] = rewards;
    const flags = rewards.map((reward) => `--trust-reward ${reward}`).join(' ');
    super(
      isServer(first)
        ? `run ${run} would send BREVITY_REWARD_KEY to ${first}; if that server may have the key, pass ${flags}`
        : `run ${run} names the reward module ${first}, which is code that you have not allowed here; read it, then pass ${flags}`,
    );
  }
}

/** sha256: the file as it was when the user was asked; without it the user named the file and may edit it. */
const rowSchema = z.object({ run: z.string(), reward: z.string(), sha256: z.string().optional() });

/** What the user allows lies here. */
export function trustFile(env: Record<string, string | undefined> = process.env): string {
  const base = env['XDG_STATE_HOME'] ?? '';
  return path.join(base === '' ? path.join(homedir(), '.local', 'state') : base, 'brevity', 'trusted.jsonl');
}

/** The key that is sent to reward servers; null if the user has set none. */
export function rewardKey(): string | null {
  return process.env['BREVITY_REWARD_KEY'] || null;
}

const isServer = (reward: string): boolean => /^https?:\/\//.test(reward);

/** What of a specification needs the user's permission: modules, and servers if there is a key to send. */
export function sensitiveParts(spec: string): string[] {
  return parseRewardSpec(spec).flatMap((part) => {
    if (part.kind === 'module') return existsSync(part.file) ? [realpathSync(part.file)] : [];
    return part.kind === 'http' && rewardKey() !== null ? [part.url.origin] : [];
  });
}

/** Rewards of these specifications that are not allowed in the run yet. */
export function untrustedRewards(run: string, specs: readonly string[]): string[] {
  const wanted = [...new Set(specs.flatMap(sensitiveParts))];
  return wanted.filter((reward) => !isTrusted(run, reward));
}

function isTrusted(run: string, reward: string): boolean {
  const directory = realpathSync(run);
  return readJsonLines(trustFile(), rowSchema, { missing: 'empty' }).some(
    (row) =>
      row.run === directory && row.reward === reward && (row.sha256 === undefined || row.sha256 === sha256(reward)),
  );
}

/** Checks each use in the process that runs the code, whatever started it. */
export function permissionIn(run: string): Permission {
  return (reward) => {
    const named = isServer(reward) ? reward : realpathSync(reward);
    if (!isTrusted(run, named)) throw new UntrustedReward(run, [named]);
  };
}

/**
 * @param how `asked`: the files as they are now, a changed one is asked about again. `named`: the user gave them himself
 */
export function trustRewards(run: string, rewards: readonly string[], how: 'asked' | 'named'): void {
  if (rewards.length === 0) return;
  const file = trustFile();
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  const directory = realpathSync(run);
  appendJsonLines(
    file,
    rewards.map((reward) => ({
      run: directory,
      reward,
      ...(how === 'asked' && !isServer(reward) ? { sha256: sha256(reward) } : {}),
      at: new Date().toISOString(),
    })),
  );
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
