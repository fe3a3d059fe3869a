/** Reads the user's own keys: `keys.json` beside the settings file, or the file that BREVITY_KEYS names. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Bindings, bindingProblems } from '../../components/app/bindings.js';
import { definitions } from '../../components/screens/index.js';
import { isObject, nearest } from '../core/config/partial.js';
import { UserError, messageOf } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { readTextFile } from '../io/files.js';
import { settingsFile } from '../io/trust.js';

type Environment = Record<string, string | undefined>;

export function keyFile(env: Environment): string {
  const named = env['BREVITY_KEYS'] ?? '';
  return named === '' ? path.join(path.dirname(settingsFile(env)), 'keys.json') : named;
}

/** @throws UserError with every problem of the file, each with its line, exit code 2 */
export function readBindings(env: Environment): Bindings {
  const file = keyFile(env);
  const isNamed = (env['BREVITY_KEYS'] ?? '') !== '';
  if (!isNamed && !existsSync(file)) return {};
  const text = readTextFile(file, 2 ** 20);
  const { bindings, problems } = parseBindings(text);
  if (problems.length === 0) return bindings;
  const lines = problems.map(({ line, text: told }) => `${file}${line === null ? '' : `, line ${line}`}: ${told}`);
  throw new UserError(
    lines.length === 1 ? lines[0] : `these keys cannot be used:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      exitCode: 2,
    },
  );
}

interface Problem {
  /** From 1; null: the whole file. */
  line: number | null;
  text: string;
}

/** `{"exclude": ["X", "ctrl+x"], "note": "N", "pin": []}`: keys by the ids of actions; one key needs no list. */
export function parseBindings(text: string): { bindings: Bindings; problems: Problem[] } {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    return { bindings: {}, problems: [{ line: null, text: `is not JSON (${messageOf(error)})` }] };
  }
  if (!isObject(json))
    return { bindings: {}, problems: [{ line: null, text: 'is no JSON object; expected {"action": ["key", …]}' }] };
  const lineOf = (id: string): number | null => {
    const at = text.indexOf(`${JSON.stringify(id)}`);
    return at < 0 ? null : text.slice(0, at).split('\n').length;
  };
  const entries = Object.entries(json).map(([id, value]) => [id, typeof value === 'string' ? [value] : value] as const);
  const wrong = entries.filter(([, keys]) => !Array.isArray(keys) || keys.some((key) => typeof key !== 'string'));
  if (wrong.length > 0) {
    const told = (id: string) => `${id}: expected a key such as "x", or a list of keys such as ["x", "ctrl+x"]`;
    return { bindings: {}, problems: wrong.map(([id]) => ({ line: lineOf(id), text: told(id) })) };
  }
  const bindings = Object.fromEntries(entries) as Bindings;
  const problems = bindingProblems(definitions, bindings, nearest);
  return { bindings, problems: problems.map(({ id, text: told }) => ({ line: lineOf(id), text: told })) };
}
