/**
 * The folder of a round's reference policy. An interpolation of two models is built once per round, as an ordinary model
 * folder in the round's own; everything that loads a reference then loads it like any other.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { WeightedFolder } from '../../core/config/reference.js';
import { policiesOf } from '../../core/config/rounds.js';
import { parseJson } from '../../core/limits.js';
import { readTextFile } from '../../io/files.js';
import { removeAll, writeNewFile } from '../../io/durable.js';
import { writeInterpolation } from '../../model/interpolate.js';
import { isAdapterFolder, readAdapterConfig } from '../../model/peft.js';
import { ProgressMeter, type WorkContext } from './context.js';

/** In the folder of an interpolation: what it was made from. */
const RECIPE = 'interpolation.json';

const recipeSchema = z.object({
  parts: z.array(
    z.object({
      weight: z.number(),
      dir: z.string(),
      /** Files that decide the weights; a change of size or time means other weights. */
      files: z.array(z.object({ name: z.string(), bytes: z.number(), modified_ms: z.number() })),
    }),
  ),
});
type Recipe = z.infer<typeof recipeSchema>;

/**
 * The policies of a round, with a folder of the reference that exists: builds an interpolation if the round has none yet
 * or one of its models has changed since.
 *
 * @throws UserError if the models cannot be interpolated
 */
export function readyPolicies(context: WorkContext): { start: string; reference: string; same: boolean } {
  const { config, files, round } = context;
  const { start, reference, same, parts } = policiesOf(config, files, round);
  if (parts.length > 1) build(context, reference, parts);
  return { start, reference, same };
}

function build(context: WorkContext, dir: string, parts: readonly WeightedFolder[]): void {
  const recipe: Recipe = { parts: parts.map(({ weight, dir: of }) => ({ weight, dir: of, files: weightFilesOf(of) })) };
  if (isDeepStrictEqual(readRecipe(dir), recipe)) return;
  // The model in memory may be the one whose folder is replaced.
  context.models.forget();
  removeAll([dir]);
  let meter: ProgressMeter | null = null;
  let before = 0;
  writeInterpolation(parts, dir, {
    place: 'run',
    extra: (directory) => writeNewFile(path.join(directory, RECIPE), JSON.stringify(recipe, null, 1) + '\n', 'run'),
    onTensor(done, total) {
      meter ??= new ProgressMeter(context, 'tensors of the reference policy', total);
      meter.add(done - before);
      before = done;
    },
  });
}

/** null if there is no folder or it cannot be read: it is then built again. */
function readRecipe(dir: string): Recipe | null {
  const file = path.join(dir, RECIPE);
  if (!existsSync(file)) return null;
  try {
    return recipeSchema.safeParse(parseJson(readTextFile(file))).data ?? null;
  } catch {
    return null;
  }
}

/** Of the folder and, for an adapter, of its base. A missing folder has none: the interpolation reports it. */
function weightFilesOf(dir: string): Recipe['parts'][number]['files'] {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) return [];
  const folders = isAdapterFolder(dir) ? [dir, readAdapterConfig(dir).base] : [dir];
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.(safetensors|json)$/.test(name))
      .sort()
      .map((name) => {
        const { size, mtimeMs } = statSync(path.join(folder, name));
        return { name, bytes: size, modified_ms: mtimeMs };
      }),
  );
}
