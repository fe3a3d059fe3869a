/** Reads reward specifications: hf:DIR, module:FILE, http:URL, and weighted sums of them. */
import path from 'node:path';
import { UserError } from '../errors.js';

export type RewardPart = { weight: number } & (
  { kind: 'hf'; dir: string } | { kind: 'module'; file: string } | { kind: 'http'; url: URL }
);

const forms = 'hf:DIR, module:FILE, http:URL, or a weighted sum such as 0.7*hf:DIR+0.3*module:FILE';

/**
 * @param spec parts joined by `+`, each with an optional `weight*` before it; a `+` inside a path or URL is kept, unless
 *   what follows it looks like a part
 * @throws UserError that names the piece that cannot be read
 */
export function parseRewardSpec(spec: string): RewardPart[] {
  const pieces = spec.split(/\s*\+\s*(?=(?:-?[\d.]+(?:e-?\d+)?\s*\*\s*)?(?:hf|module|http|https):)/);
  return pieces.map((piece) => parsePart(piece, spec));
}

function parsePart(piece: string, spec: string): RewardPart {
  const match = /^(?:(-?[\d.]+(?:e-?\d+)?)\s*\*\s*)?(hf|module|http|https):(.+)$/.exec(piece.trim());
  if (match === null)
    throw new UserError(`reward "${spec}" has the part "${piece}", which cannot be read; expected ${forms}`, {
      exitCode: 2,
    });
  const [, weightText, scheme, rest] = match;
  const weight = weightText === undefined ? 1 : Number(weightText);
  if (!Number.isFinite(weight))
    throw new UserError(`reward "${spec}" has the weight "${weightText}"; expected a number`, { exitCode: 2 });
  if (scheme === 'hf') return { weight, kind: 'hf', dir: rest };
  if (scheme === 'module') return { weight, kind: 'module', file: rest };
  // Both http:http://host/path and the bare http://host/path are understood.
  const text = /^https?:\/\//.test(rest) ? rest : `${scheme}:${rest}`;
  try {
    const url = new URL(text);
    if (url.hostname !== '') return { weight, kind: 'http', url };
  } catch {
    // Reported below, as an URL without a host is.
  }
  throw new UserError(
    `reward "${spec}" has the URL "${text}", which cannot be read; expected one like http://127.0.0.1:8000/classify`,
    { exitCode: 2 },
  );
}

/** The same specification with its folders and files, a server's `?tokenizer=` too, made absolute from `base`. */
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
      }
    })
    .join('+');
}
