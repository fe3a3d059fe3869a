/** Opens the rewards that a specification names. */
import type { RewardOptions } from '../core/config/schema.js';
import { openHttpReward } from './http.js';
import type { CacheFile } from './judge/cache.js';
import { openJudge } from './judge/index.js';
import { openModuleReward } from './module.js';
import { type RewardPart, parseRewardSpec } from '../core/config/rewardSpec.js';
import { type Reward, type RewardHooks, type RewardInput, finiteReward } from './types.js';
import type { Permission } from '../core/trust.js';

export type { Reward, RewardHooks, RewardInput } from './types.js';
export type { CacheFile } from './judge/cache.js';
export { parseRewardSpec, resolveRewardSpec } from '../core/config/rewardSpec.js';
export { permissionIn } from '../io/trust.js';
export { type Permission, namedByUser } from '../core/trust.js';

/**
 * @param permission asked before a module's code runs or a server receives a key
 * @param judgeCache file of judges' earlier answers; null: only those of this process
 * @throws UserError if a part cannot be read or opened, or is not permitted; a part `hf:` needs a backend in use
 */
export async function openReward(
  spec: string,
  options: RewardOptions,
  permission: Permission,
  judgeCache: CacheFile | null = null,
): Promise<Reward> {
  const parts = parseRewardSpec(spec);
  const opened: Reward[] = [];
  try {
    for (const part of parts) opened.push(await openPart(part, options, permission, judgeCache));
  } catch (error) {
    for (const reward of opened) reward.dispose();
    throw error;
  }
  if (parts.length === 1 && parts[0].weight === 1) return opened[0];
  return new WeightedSum(
    spec,
    opened.map((reward, p) => ({ spec: reward.spec, weight: parts[p].weight, reward })),
  );
}

async function openPart(
  part: RewardPart,
  options: RewardOptions,
  permission: Permission,
  judgeCache: CacheFile | null,
): Promise<Reward> {
  switch (part.kind) {
    case 'module':
      return openModuleReward(part.file, options, permission);
    case 'http':
      return openHttpReward(part.url, options, permission);
    case 'judge':
      return openJudge(part.url, part.model, options, permission, judgeCache);
    case 'hf': {
      // Imported only when needed, because other rewards use no tensors.
      const { openHfReward } = await import('./hf.js');
      return openHfReward(part.dir, options);
    }
  }
}

class WeightedSum implements Reward {
  constructor(
    readonly spec: string,
    readonly parts: readonly { spec: string; weight: number; reward: Reward }[],
  ) {}

  /** Runs the parts one after the other; reports a response's reward once all its parts are known. */
  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const values = inputs.map(() => new Array<number>(this.parts.length));
    const totals = new Float64Array(inputs.length);
    const known = new Uint32Array(inputs.length);
    for (const [p, { reward: part, weight }] of this.parts.entries()) {
      await part.score(inputs, {
        control: hooks.control,
        absolute: hooks.absolute,
        onReward: (index, reward) => {
          values[index][p] = reward;
          totals[index] += weight * reward;
          known[index]++;
          // Finite parts can add up to infinity.
          if (known[index] === this.parts.length)
            hooks.onReward(index, finiteReward(totals[index], this.spec, inputs[index]), values[index]);
        },
      });
    }
  }

  remarks(): string[] {
    return this.parts.flatMap(({ reward }) => reward.remarks?.() ?? []);
  }

  dispose(): void {
    for (const { reward } of this.parts) reward.dispose();
  }
}
