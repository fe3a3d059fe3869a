/** A reward from a user's JavaScript module: `export function score({prompt, response})` or `scoreBatch(rows)`. */
import type { RewardOptions } from '../core/config/schema.js';
import type { Permission } from '../core/trust.js';
import { ModuleThread } from './moduleThread.js';
import { finiteReward, type Reward, type RewardHooks, type RewardInput } from './types.js';

export async function openModuleReward(file: string, options: RewardOptions, permission: Permission): Promise<Reward> {
  const thread = await ModuleThread.start(file, {
    what: 'reward module',
    timeoutSeconds: options.timeout_seconds,
    timeoutKey: 'rewards.timeout_seconds',
    permission,
  });
  return new ModuleReward(file, thread, thread.takesBatches ? options.batch_size : 1);
}

class ModuleReward implements Reward {
  readonly spec: string;

  constructor(
    file: string,
    private readonly thread: ModuleThread,
    private readonly batch: number,
  ) {
    this.spec = `module:${file}`;
  }

  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    for (let start = 0; start < inputs.length; start += this.batch) {
      const verdict = (await hooks.control?.point()) ?? 'go';
      if (verdict !== 'go') return;
      const rows = inputs.slice(start, start + this.batch);
      const values = await this.thread.valuesOf(rows);
      rows.forEach((row, i) => hooks.onReward(start + i, finiteReward(values[i], this.spec, row)));
    }
  }

  dispose(): void {
    this.thread.dispose();
  }
}
