/**
 * Reads reference policies: `round` (the policy that a round starts from), `base` (the run's first policy), a model
 * folder, or an interpolation of two of them, such as `0.5*round+0.5*base`: every weight of the reference policy is the
 * weighted mean of both models' weights.
 */
import path from 'node:path';
import { UserError } from '../errors.js';

/** One model of a reference policy. */
export interface ReferencePart {
  /** From 0 to 1, 0 excluded; the weights of all parts sum to 1. */
  weight: number;
  /** `round`, `base` or a folder. */
  model: string;
}

/** A part with the folder that holds its model. */
export interface WeightedFolder {
  weight: number;
  dir: string;
}

/** How far a sum of typed decimals may be from 1. */
const TOLERANCE = 1e-9;
const expectedForm = 'expected `round`, `base`, a model folder, or two of them as 0.5*round+0.5*base';

const weighted = /^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*\*\s*(.+?)\s*$/is;
/** A `+` inside a path is kept unless a weight follows. */
const betweenParts = /\s*\+\s*(?=[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*\*)/i;

/**
 * The models of a reference policy: one, or two of an interpolation. Parts of weight 0 are left out and parts that name
 * the same model are added up, so that `1*round` is `round`.
 *
 * @throws UserError that names the part or the sum that is wrong
 */
export function parseReference(spec: string): ReferencePart[] {
  if (!weighted.test(spec)) return [{ weight: 1, model: spec }];
  const pieces = spec.split(betweenParts);
  const parts = pieces.map((piece): ReferencePart => {
    const [, weight = '', model = ''] = weighted.exec(piece) ?? [];
    if (!(Number(weight) >= 0 && Number(weight) <= 1))
      throw new UserError(`"${spec}" has the weight ${weight}; expected weights from 0 to 1`, { exitCode: 2 });
    return { weight: Number(weight), model };
  });
  if (parts.length > 2) throw new UserError(`"${spec}" names ${parts.length} models; ${expectedForm}`, { exitCode: 2 });
  const sum = parts.reduce((total, { weight }) => total + weight, 0);
  if (Math.abs(sum - 1) > TOLERANCE)
    throw new UserError(`"${spec}" has weights that sum to ${Number(sum.toPrecision(12))}; expected a sum of 1`, {
      exitCode: 2,
    });
  return added(parts, ({ model }) => model);
}

/** Adds up parts of the same model and leaves out those of weight 0. */
function added<T extends { weight: number }>(parts: readonly T[], modelOf: (part: T) => string): T[] {
  const sums = new Map<string, T>();
  for (const part of parts.filter(({ weight }) => weight > 0)) {
    const before = sums.get(modelOf(part));
    sums.set(modelOf(part), before === undefined ? part : { ...before, weight: 1 });
  }
  return [...sums.values()];
}

/** The parts with their folders; parts that turn out to be the same folder are added up. */
export function referenceFolders(spec: string, folderOf: (model: string) => string): WeightedFolder[] {
  const folders = parseReference(spec).map(({ weight, model }) => ({ weight, dir: folderOf(model) }));
  return added(folders, ({ dir }) => path.resolve(dir));
}

/** The folders that a specification names, `round` and `base` left out; empty if it is unreadable. */
export function namedFolders(spec: string): string[] {
  try {
    return parseReference(spec).flatMap(({ model }) => (isWord(model) ? [] : [model]));
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** Makes the folders absolute, relative to `base`; an unreadable specification is returned unchanged. */
export function resolveReference(spec: string, base: string): string {
  return mapped(spec, (model) => (isWord(model) ? model : path.resolve(base, model))) ?? spec;
}

/** A specification for reports and model cards, which are published: names instead of local paths. */
export function publishedReference(spec: string): string {
  return mapped(spec, (model) => (isWord(model) ? model : path.basename(model))) ?? path.basename(spec);
}

/**
 * In words: "base policy", "half round start, half base policy", "0.7 base policy + 0.3 /models/a".
 *
 * @param start describes the policy that the round starts from
 */
export function referenceInWords(spec: string, start: string): string {
  const name = (model: string) => (model === 'round' ? start : model === 'base' ? 'base policy' : model);
  const parts = readable(spec);
  if (parts === null) return spec;
  if (parts.length === 1) return name(parts[0].model);
  return parts.map(({ weight, model }) => `${weight} ${name(model)}`).join(' + ');
}

const isWord = (model: string): boolean => model === 'round' || model === 'base';

function mapped(spec: string, change: (model: string) => string): string | null {
  const parts = readable(spec);
  if (parts === null) return null;
  if (parts.length === 1) return change(parts[0].model);
  return parts.map(({ weight, model }) => `${weight}*${change(model)}`).join('+');
}

function readable(spec: string): ReferencePart[] | null {
  try {
    return parseReference(spec);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** Why a specification cannot be used; null if it can. */
export function referenceProblem(spec: string): string | null {
  try {
    parseReference(spec);
    return null;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
