/**
 * Plans of `brevity sweep` and of the queue: from `dpo.alpha=0,0.02` to the rounds that have to be run. Pure: engine/queue.ts
 * runs them, cli/sweep.ts reads arguments and prints.
 */
import { isDeepStrictEqual } from 'node:util';
import { isComparable, isUntouched, settingText } from './controlled.js';
import type { PartialConfig } from './config/partial.js';
import { changedRound, configOf, redoProblems } from './config/rounds.js';
import type { Config } from './config/schema.js';
import { UserError } from './errors.js';
import type { RoundOverrides, RoundState } from './rounds.js';

/** One combination of settings. */
export interface SweepPoint {
  /** Dotted keys and their values, in the order of the flags. */
  settings: Readonly<Record<string, unknown>>;
  /** The same, nested as the configuration is. */
  overrides: RoundOverrides;
  /** The whole configuration that its round has. */
  config: Config;
}

/**
 * Reads `--set KEY=VALUE,VALUE` flags.
 *
 * @param name of the flag in errors; empty for what is typed elsewhere
 * @returns every combination of values, the last key changing fastest
 * @throws UserError that names the flag
 */
export function readSettings(flags: readonly string[], name = '--set '): Record<string, unknown>[] {
  const lists = flags.map((flag): [string, unknown[]] => {
    const [, key = '', text = ''] = /^([a-z_]+(?:\.[a-z_0-9]+)+)=(.*)$/s.exec(flag) ?? [];
    const values = text.split(',').map((value) => value.trim());
    if (key === '' || values.includes(''))
      throw new UserError(`${name}${flag}: expected KEY=VALUE,VALUE such as dpo.alpha=0,0.02,0.05`, { exitCode: 2 });
    const read = values.map(readValue);
    const twice = read.find((value, i) => read.findIndex((other) => other === value) !== i);
    if (twice !== undefined)
      throw new UserError(`${name}${flag}: the value ${String(twice)} is there twice`, { exitCode: 2 });
    return [key, read];
  });
  const twice = lists.find(([key], i) => lists.findIndex(([other]) => other === key) !== i);
  if (twice !== undefined)
    throw new UserError(`${name}${twice[0]} is there twice; give all its values at once`, { exitCode: 2 });
  return lists.reduce<Record<string, unknown>[]>(
    (points, [key, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [key]: value }))),
    [{}],
  );
}

/** A number, true, false or null as such; anything else is a text. */
function readValue(text: string): unknown {
  if (Number.isFinite(Number(text))) return Number(text);
  const words: Record<string, boolean | null> = { true: true, false: false, null: null };
  return Object.hasOwn(words, text) ? words[text] : text;
}

/**
 * The points of a sweep from a round's samples, checked.
 *
 * @param config the run's
 * @param base relative paths among the values are relative to it
 * @param fileProblems io/configFile.ts: namedFileProblems
 * @throws UserError that names every value that cannot be used
 */
export function sweepPoints(
  config: Config,
  source: RoundState,
  all: readonly Readonly<Record<string, unknown>>[],
  base: string,
  fileProblems: (config: PartialConfig) => string[],
): SweepPoint[] {
  const problems = redoProblems(nested(all[0] ?? {}));
  if (problems.length > 0) throw new UserError(problems.join('; '), { exitCode: 2 });
  const wrong: string[] = [];
  const points = all.flatMap((settings): SweepPoint[] => {
    const overrides = nested(settings);
    try {
      const changed = changedRound(config, source, { overrides }, base, fileProblems);
      const resulting = configOf(config, changed);
      return [{ settings, overrides: withResolved(overrides, resulting), config: resulting }];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      wrong.push(error.message);
      return [];
    }
  });
  if (wrong.length > 0) throw new UserError([...new Set(wrong)].join('; '), { exitCode: 2 });
  return points;
}

/** The engine runs elsewhere: paths are sent absolute. */
function withResolved(overrides: RoundOverrides, { dpo }: Config): RoundOverrides {
  if (overrides.dpo?.reference === undefined) return overrides;
  return { ...overrides, dpo: { ...overrides.dpo, reference: dpo.reference } };
}

/** A point's settings as they are queued: paths absolute. */
export function queuedSettings({
  settings,
  overrides,
}: Pick<SweepPoint, 'settings' | 'overrides'>): SweepPoint['settings'] {
  const reference = overrides.dpo?.reference;
  return reference === undefined ? settings : { ...settings, 'dpo.reference': reference };
}

function nested(settings: Readonly<Record<string, unknown>>): RoundOverrides {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const names = key.split('.');
    const last = names.pop() as string;
    const inner = names.reduce((at, name) => (at[name] ??= {}) as Record<string, unknown>, out);
    inner[last] = value;
  }
  return out as RoundOverrides;
}

/**
 * The round that a point already has: the source itself once its update was launched, or one that was done again from it
 * with these settings. A round whose decisions have changed since is another experiment.
 *
 * @param config the run's
 */
export function roundOf(
  config: Config,
  rounds: readonly RoundState[],
  source: RoundState,
  { config: wanted, overrides }: SweepPoint,
): RoundState | null {
  const anew = overrides.pairs !== undefined;
  const fits = (round: RoundState): boolean => {
    if (round.damaged !== undefined || !isDeepStrictEqual(configOf(config, round), wanted)) return false;
    if (round.id === source.id) return round.stage === 'done' && (!anew || isUntouched(round));
    if (round.redo_of !== source.id) return false;
    // Its pairs are still being made.
    if (round.pairs === null) return anew;
    return anew ? isUntouched(round) : isComparable(config, source, round);
  };
  const found = rounds.filter(fits);
  return found.find(({ stage }) => stage === 'done') ?? found.at(0) ?? null;
}

/**
 * The round whose samples a sweep uses unless one is named: the newest in review or done that sampled its own.
 *
 * @throws UserError if there is none
 */
export function defaultSource(rounds: readonly RoundState[]): RoundState {
  const found = rounds
    .filter(
      ({ redo_of, pairs, stage, damaged }) =>
        redo_of === null && pairs !== null && damaged === undefined && (stage === 'review' || stage === 'done'),
    )
    .sort((a, b) => b.id - a.id)
    .at(0);
  if (found === undefined)
    throw new UserError('no round of this run has pairs yet; a sweep starts from a round that is in review or done');
  return found;
}

/** "dpo.alpha=0.02 dpo.beta=0.1". */
export function pointText({ settings }: Pick<SweepPoint, 'settings'>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${settingText('', value)}`)
    .join(' ');
}
