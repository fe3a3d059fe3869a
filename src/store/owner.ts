/**
 * Refuses run directories of other users, as git does since CVE-2022-24765: a run.json can name code and servers, and
 * whoever owns it could make this user run them. Also knows where the user's settings file lies.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors.js';

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
