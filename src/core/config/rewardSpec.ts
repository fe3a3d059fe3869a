/** Reads reward specifications: hf:DIR, module:FILE, http:URL, judge:URL#MODEL, and weighted sums of them. */
import path from 'node:path';
import { UserError } from '../errors.js';
import type { RewardScale } from '../objectives/sppo.js';

export type RewardPart = { weight: number } & (
  | { kind: 'hf'; dir: string }
  | { kind: 'module'; file: string }
  | { kind: 'http'; url: URL }
  /** `url`: the base of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1. */
  | { kind: 'judge'; url: URL; model: string }
);

const forms = 'hf:DIR, module:FILE, http:URL, judge:URL#MODEL, or a weighted sum such as 0.7*hf:DIR+0.3*module:FILE';

/**
 * @param spec parts joined by `+`, each with an optional `weight*` in front. A `+` inside a path or URL is kept unless
 *   a part seems to follow. Schemes are case-insensitive, as in URLs.
 * @throws UserError that names the unreadable part
 */
export function parseRewardSpec(spec: string): RewardPart[] {
  return spec.split(betweenParts).map((piece) => parsePart(piece, spec));
}

const betweenParts = /\s*\+\s*(?=(?:-?[\d.]+(?:e-?\d+)?\s*\*\s*)?(?:hf|module|http|https|judge):)/i;

function parsePart(piece: string, spec: string): RewardPart {
  const match = /^(?:(-?[\d.]+(?:e-?\d+)?)\s*\*\s*)?(hf|module|http|https|judge):(.+)$/i.exec(piece.trim());
  const shown = withoutSecrets(spec);
  if (match === null)
    throw new UserError(
      `reward "${shown}" has the part "${withoutSecrets(piece)}", which cannot be read; expected ${forms}`,
      {
        exitCode: 2,
      },
    );
  const [, weightText, typedScheme, rest] = match;
  const scheme = typedScheme.toLowerCase();
  const weight = weightText === undefined ? 1 : Number(weightText);
  if (!Number.isFinite(weight))
    throw new UserError(`reward "${shown}" has the weight "${weightText}"; expected a number`, { exitCode: 2 });
  if (scheme === 'hf') return { weight, kind: 'hf', dir: rest };
  if (scheme === 'module') return { weight, kind: 'module', file: rest };
  if (scheme === 'judge') return { weight, kind: 'judge', ...judgeOf(rest, shown) };
  // Both http:http://host/path and the bare http://host/path are accepted.
  const text = /^https?:\/\//i.test(rest) ? rest : `${scheme}:${rest}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && url.hostname !== '') {
    refuseSecrets(url, urlParameters, 'BREVITY_REWARD_KEY');
    url.hash = '';
    return { weight, kind: 'http', url };
  }
  throw new UserError(
    `reward "${shown}" has the URL "${withoutSecrets(text)}", which cannot be read; expected one like http://127.0.0.1:8000/classify`,
    { exitCode: 2 },
  );
}

/** Names of models as servers use them: `meta-llama/Llama-3.3-70B-Instruct`, `gpt-oss:20b`, `/models/judge`. */
const modelName = /^[\p{L}\p{N} ._:/@+~-]+$/u;

/** @param text of `judge:URL#MODEL`, what follows the scheme */
function judgeOf(text: string, shown: string): { url: URL; model: string } {
  const example = 'expected judge:URL#MODEL, such as judge:http://127.0.0.1:8000/v1#my-model';
  const [address, ...fragment] = text.split('#');
  const url = /^https?:\/\//i.test(address) && URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.hostname === '')
    throw new UserError(
      `reward "${shown}" has the judge URL "${withoutSecrets(address)}", which cannot be read; ${example}`,
      {
        exitCode: 2,
      },
    );
  refuseSecrets(url, [], 'BREVITY_JUDGE_KEY');
  const model = decoded(fragment.join('#')).trim();
  if (!modelName.test(model))
    throw new UserError(
      `reward "${shown}" ${model === '' ? 'names no model' : 'has a model name with other signs than letters, digits, spaces and . _ : / @ + ~ -'}; ${example}`,
      { exitCode: 2 },
    );
  return { url, model };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The modules that a specification names; empty if it is unreadable. */
export function moduleFiles(spec: string): string[] {
  return readableParts(spec).flatMap((part) => (part.kind === 'module' ? [part.file] : []));
}

/** The parts of a specification; empty if it is unreadable, which whoever checks it reports. */
function readableParts(spec: string): RewardPart[] {
  try {
    return parseRewardSpec(spec);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** The file of a metric, `metric:FILE` or a path alone. */
export function metricFile(spec: string): string {
  return spec.replace(/^metric:/i, '');
}

/**
 * Whether a second judge shares parts with the training reward, weights aside: `same` if both consist of the same
 * parts.
 *
 * @throws UserError if one of them cannot be read
 */
export function judgeOverlap(reward: string, judge: string): 'none' | 'some' | 'same' {
  const names = (spec: string) => new Set(parseRewardSpec(spec).map((part) => JSON.stringify({ ...part, weight: 1 })));
  const [trained, judging] = [names(reward), names(judge)];
  const shared = [...judging].filter((name) => trained.has(name)).length;
  if (shared === 0) return 'none';
  return shared === judging.size && shared === trained.size ? 'same' : 'some';
}

const urlParameters = ['model', 'tokenizer'];

/** run.json, reports and model cards repeat the specification, so it must not hold secrets. */
function refuseSecrets(url: URL, parameters: readonly string[], variable: string): void {
  const instead = `put a key into the environment variable ${variable}, which is sent as a bearer token`;
  if (url.username !== '' || url.password !== '')
    throw new UserError(`the reward URL ${shownUrl(url)} holds a user name or password; leave it out and ${instead}`, {
      exitCode: 2,
    });
  const strange = [...url.searchParams.keys()].find((name) => !parameters.includes(name));
  if (strange !== undefined)
    throw new UserError(
      `the reward URL ${shownUrl(url)} has the parameter "${strange}"; expected ${parameters.length === 0 ? 'none' : parameters.join(' or ')}; ${instead}`,
      { exitCode: 2 },
    );
}

/** A URL for display: without user name, password, query and fragment. */
export function shownUrl({ origin, pathname }: URL): string {
  return origin + pathname;
}

/**
 * A specification for display, readable or not: URLs lose user name, password, query and fragment, but for the name of a
 * judge's model.
 */
export function withoutSecrets(spec: string): string {
  return spec
    .replace(/(https?:\/*)[^\s/?#+]*@/gi, '$1')
    .replace(
      /(judge:)?(https?:[^\s?#+]*)([?#].*?)(?=\s*\+\s*(?:-?[\d.e-]+\s*\*\s*)?(?:hf|module|https?|judge):|$)/gi,
      (_all, judge: string | undefined, url: string, rest: string) => {
        const model = judge === undefined ? undefined : /#([^?&=#]+)$/.exec(rest)?.[1];
        return `${judge ?? ''}${url}${model === undefined ? '' : `#${model}`}`;
      },
    );
}

/** A specification for reports and model cards, which are published: no secrets, and names instead of local paths. */
export function publishedReward(spec: string): string {
  return withoutSecrets(spec)
    .split(betweenParts)
    .map((piece) => piece.replace(/(?<=^[^:]*\b(?:hf|module):).*$/is, (file) => path.basename(file.trim())))
    .map((piece) => piece.replace(/(?<=^[^:]*\bjudge:[^#]*#)\/.*$/is, (folder) => path.basename(folder.trim())))
    .join('+');
}

/** A part of a weighted sum, for display. */
export interface NamedPart {
  name: string;
  weight: number;
}

/**
 * The parts of a weighted sum with the names that reports use, in the order of the specification; equal names are
 * numbered.
 *
 * @returns empty for a single reward, whose value is the whole, and for an unreadable specification
 */
export function namedParts(spec: string): NamedPart[] {
  const parts = readableParts(spec);
  if (parts.length < 2) return [];
  const pieces = withoutSecrets(spec).split(betweenParts);
  const names = pieces.map((piece) => publishedReward(piece.trim().replace(/^-?[\d.]+(?:e-?\d+)?\s*\*\s*/i, '')));
  return parts.map(({ weight }, p) => {
    const before = names.slice(0, p).filter((name) => name === names[p]).length;
    const isOnly = names.indexOf(names[p]) === names.lastIndexOf(names[p]);
    return { name: isOnly ? names[p] : `${names[p]} (${before + 1})`, weight };
  });
}

/** What the rewards of a configuration are: probabilities if a judge's tournament is all of the reward. */
export function rewardScale({
  reward,
  rewards,
}: {
  reward: string;
  rewards: { judge: { mode: 'tournament' | 'pointwise' } };
}): RewardScale {
  const parts = readableParts(reward);
  const isJudge = parts.length === 1 && parts[0].kind === 'judge' && parts[0].weight === 1;
  return isJudge && rewards.judge.mode === 'tournament' ? 'win-probabilities' : 'scores';
}

/** Makes the folders and files of a specification absolute, relative to `base`, including a server's `?tokenizer=`. */
export function resolveRewardSpec(spec: string, base: string): string {
  return parseRewardSpec(spec)
    .map((part) => {
      const factor = part.weight === 1 ? '' : `${part.weight}*`;
      switch (part.kind) {
        case 'hf':
          return `${factor}hf:${path.resolve(base, part.dir)}`;
        case 'module':
          return `${factor}module:${path.resolve(base, part.file)}`;
        case 'http': {
          const tokenizer = part.url.searchParams.get('tokenizer');
          if (tokenizer !== null) part.url.searchParams.set('tokenizer', path.resolve(base, tokenizer));
          return `${factor}http:${part.url.href}`;
        }
        case 'judge':
          return `${factor}judge:${part.url.href}#${part.model}`;
      }
    })
    .join('+');
}
