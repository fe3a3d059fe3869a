/**
 * The command that the person started this program with, for messages that say what to type next: `brevity` if it is
 * linked, `npm start --` in a clone, `npx brevity`, or `node dist/src/cli.js`.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { commandVariable, shellQuote } from '../core/shell.js';

/**
 * Called once, by cli.ts. Never taken from an inherited environment: this process may have been started differently.
 */
export function recordInvocation(argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string): void {
  process.env[commandVariable] = invocationOf(argv[1] ?? 'brevity', env, cwd);
}

/**
 * @param script the started file as Node names it: absolute, symbolic links kept
 * @param env npm_lifecycle_event, npm_lifecycle_script, npm_config_user_agent and PATH are read
 */
export function invocationOf(script: string, env: NodeJS.ProcessEnv, cwd: string): string {
  const { npm_lifecycle_event: event, npm_lifecycle_script: line = '', npm_config_user_agent: agent = '' } = env;
  const manager = /^(npm|pnpm|yarn|bun)\//.exec(agent)?.[1] ?? 'npm';
  const name = path.basename(script);
  // Every descendant of a package script inherits these variables, so the script must be the one that starts this file.
  const startsThis = line.split(/[\s"']+/).some((word) => path.basename(word) === name);
  if (event === 'npx' && startsThis) return `npx ${name}`;
  if (event !== undefined && startsThis) {
    const run = event === 'start' && manager !== 'bun' ? 'start' : `run ${event}`;
    return manager === 'npm' ? `npm ${run} --` : `${manager} ${run}`;
  }
  const onPath = (env.PATH ?? '').split(path.delimiter).some((folder) => same(path.join(folder, name), script));
  if (name === 'brevity' && onPath) return name;
  const file = shortest(script, cwd);
  // A linked command that is not on the PATH is started by its path; a JavaScript file needs Node.
  return name === 'brevity' ? shellQuote(file.includes('/') ? file : `./${file}`) : `node ${shellQuote(file)}`;
}

/** Relative to the working directory if the file is inside it. */
function shortest(file: string, cwd: string): string {
  const inside = path.relative(cwd, file);
  return inside === '' || inside.startsWith('..') || path.isAbsolute(inside) ? file : inside;
}

function same(a: string, b: string): boolean {
  try {
    return a === b || realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
