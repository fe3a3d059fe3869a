/** The models in memory: one policy and one reward at a time, since two policies may not fit. */
import type { Config } from '../../core/config/schema.js';
import { type LoadedModel, loadModel } from '../../model/folder.js';
import { type Permission, type Reward, openReward } from '../../rewards/index.js';
import { parseRewardSpec } from '../../core/config/rewardSpec.js';

/**
 * The purpose of loading a policy. `read`: adapters merged, nothing is trained. `train`: adapters merged, all weights
 * are trained. `adapt`: adapters are or will be trained on frozen weights.
 */
export type PolicyUse = 'read' | 'train' | 'adapt';

/** Loading options of each use. */
export const optionsOf = {
  read: { lora: 'merge', frozen: true },
  train: { lora: 'merge', frozen: false },
  adapt: { lora: 'keep', frozen: true },
} as const;

export class ModelShelf {
  private policy: { dir: string; use: PolicyUse; model: LoadedModel } | null = null;
  private opened: { key: string; reward: Reward } | null = null;

  /**
   * @param permission asked before a reward's code runs or a key is sent
   * @param prepare loads the tensor backend; called before a model is loaded
   */
  constructor(
    readonly permission: Permission,
    private readonly prepare: () => Promise<void> = () => Promise.resolve(),
  ) {}

  /** The policy of a folder. */
  async load(dir: string, use: PolicyUse = 'read'): Promise<LoadedModel> {
    if (this.policy?.dir === dir && serves(this.policy, use)) return this.policy.model;
    this.forget();
    await this.prepare();
    const model = await loadModel(dir, { task: 'causal-lm', ...optionsOf[use] });
    this.policy = { dir, use, model };
    return model;
  }

  /** Frees the policy: its weights were trained on, or its folder is about to change. */
  forget(): void {
    this.policy?.model.dispose();
    this.policy = null;
  }

  async reward({ reward: spec, rewards: options }: Pick<Config, 'reward' | 'rewards'>): Promise<Reward> {
    const key = JSON.stringify([spec, options]);
    if (this.opened?.key !== key) {
      this.closeReward();
      if (parseRewardSpec(spec).some(({ kind }) => kind === 'hf')) await this.prepare();
      this.opened = { key, reward: await openReward(spec, options, this.permission) };
    }
    return this.opened.reward;
  }

  /** After a failure a reward may be unusable (its thread was ended): the next use opens it again. */
  closeReward(): void {
    this.opened?.reward.dispose();
    this.opened = null;
  }

  dispose(): void {
    this.forget();
    this.closeReward();
  }
}

function serves(loaded: { use: PolicyUse; model: LoadedModel }, use: PolicyUse): boolean {
  return loaded.use === use || (use !== 'adapt' && loaded.use !== 'adapt' && !loaded.model.frozen);
}
