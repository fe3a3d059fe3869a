/** Reads the small files of a model folder; errors name file and key. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { readTextFile } from '../io/files.js';

/** @throws UserError if `dir` is not a folder or is empty */
export function checkFolder(dir: string): void {
  if (!existsSync(dir))
    throw new UserError(`model folder ${dir} does not exist; give the path of a Hugging Face model folder`);
  if (!statSync(dir).isDirectory())
    throw new UserError(`${dir} is a file; give the path of a Hugging Face model folder`);
  if (readdirSync(dir).length === 0)
    throw new UserError(`model folder ${dir} is empty; expected config.json and model.safetensors`);
}

/** @throws UserError if the file cannot be read, is too large or is not a JSON object */
export function readJsonObject(file: string): Record<string, unknown> {
  const text = readTextFile(file);
  try {
    return z.record(z.string(), z.unknown()).parse(parseJson(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? 'it holds another kind of value' : messageOf(cause);
    throw new UserError(`${file} is not a JSON object (${reason}); download it again`, { cause });
  }
}

/** Most problems that one error lists. */
const SHOWN = 10;

/** @throws UserError that names every key of `file` that the schema refuses */
export function checkKeys<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const problems = issues.slice(0, SHOWN).map((issue) => {
    const key = issue.path.join('.');
    const missing = issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined;
    return missing ? `${key} is missing` : `${key}: ${issue.message}`;
  });
  if (issues.length > SHOWN) problems.push(`and ${issues.length - SHOWN} more`);
  throw new UserError(`${file} cannot be used: ${problems.join('; ')}`);
}

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/**
 * The safetensors files of a folder: one, or the shards of an index.
 *
 * @param name `model` or `adapter_model`
 * @throws UserError if there are none or a shard is missing
 */
export function weightFiles(dir: string, name: string): string[] {
  const single = path.join(dir, `${name}.safetensors`);
  if (existsSync(single)) return [single];
  const index = path.join(dir, `${name}.safetensors.index.json`);
  if (!existsSync(index)) throw noWeights(dir, name);
  const shards = shardNames(index);
  const missing = shards.filter((shard) => !existsSync(path.join(dir, shard)));
  if (missing.length > 0) {
    throw new UserError(
      `${index} names ${missing.join(', ')}, which ${dir} does not hold; download the missing shards`,
    );
  }
  return shards.map((shard) => path.join(dir, shard));
}

function shardNames(index: string): string[] {
  const schema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });
  const shards = [...new Set(Object.values(checkKeys(schema, readJsonObject(index), index).weight_map))].sort();
  const outside = shards.find((shard) => shard !== path.basename(shard) || !shard.endsWith('.safetensors'));
  if (outside !== undefined) {
    throw new UserError(
      `${index} names the shard "${outside}" in weight_map; expected names of .safetensors files in the same folder`,
    );
  }
  return shards;
}

function noWeights(dir: string, name: string): UserError {
  const pickles = readdirSync(dir).filter((file) => /\.(bin|pt|pth|ckpt)$/.test(file));
  return new UserError(
    pickles.length > 0
      ? `${dir} holds its weights as pickles only (${pickles[0]}), which are never read because they can run code; convert them to safetensors`
      : `${dir} holds no ${name}.safetensors and no ${name}.safetensors.index.json`,
  );
}
