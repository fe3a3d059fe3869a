/** Locates the example's files, reads its configuration and prompts, and splits off prompts for validation. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Config, configSchema } from '../../src/core/config/schema.js';
import { deriveSeed, Random } from '../../src/core/seeds.js';
import { resolveRewardSpec } from '../../src/rewards/index.js';
import { readJsonLines } from '../../src/io/jsonl.js';
import type { CheckedPrompt } from '../make-data/check.js';

/** data/, relative to this source file. */
export const dataFolder = fileURLToPath(new URL('../../data/', import.meta.url));

const promptSchema = z.object({ prompt: z.string(), kind: z.string(), answer: z.string() });

/** A configuration file of the example; its paths are relative to it. */
export function readExample(file: string): Config {
  const config = configSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const at = (relative: string) => path.resolve(path.dirname(file), relative);
  return {
    ...config,
    model: at(config.model),
    reward: resolveRewardSpec(config.reward, path.dirname(file)),
    prompts: at(config.prompts),
    held_out: at(config.held_out),
  };
}

export function readPrompts(file: string): CheckedPrompt[] {
  return readJsonLines(file, promptSchema);
}

/** Decides which prompts validate; fixed, so that every selection sees the same ones. */
const SPLIT_SEED = 0;

/** Sets `count` random prompts apart for validation. Both parts keep the order of `prompts`. */
export function splitPrompts<T>(prompts: readonly T[], count: number): { training: T[]; validation: T[] } {
  const order = new Random(deriveSeed(SPLIT_SEED, 'prompts', prompts.length)).shuffle(prompts.map((_, i) => i));
  const chosen = new Set(order.slice(0, count));
  return {
    training: prompts.filter((_, i) => !chosen.has(i)),
    validation: prompts.filter((_, i) => chosen.has(i)),
  };
}
