/** The models in memory: one policy and one reward at a time, since two policies may not fit. */
import type { Config } from '../config/schema.js';
import { type LoadedModel, loadModel } from '../model/folder.js';
import { type Reward, openReward } from '../rewards/index.js';

export class ModelShelf {
  private policy: { dir: string; lora: 'merge' | 'keep'; model: LoadedModel } | null = null;
  private opened: { key: string; reward: Reward } | null = null;

  /** The policy of a folder. `keep` leaves an adapter as it is, to train on. */
  async load(dir: string, lora: 'merge' | 'keep' = 'merge'): Promise<LoadedModel> {
    if (this.policy?.dir === dir && this.policy.lora === lora) return this.policy.model;
    this.forget();
    const model = await loadModel(dir, { task: 'causal-lm', lora });
    this.policy = { dir, lora, model };
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
      this.opened = { key, reward: await openReward(spec, options) };
    }
    return this.opened.reward;
  }

  /** After a failure a reward may be unusable (its thread was ended): the next use opens it anew. */
  closeReward(): void {
    this.opened?.reward.dispose();
    this.opened = null;
  }

  dispose(): void {
    this.forget();
    this.closeReward();
  }
}
