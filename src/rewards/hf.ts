/** A reward model of the user's: a Hugging Face sequence classifier with one label, read at the last token. */
import * as tf from '@tensorflow/tfjs-core';
import type { RewardOptions } from '../config/schema.js';
import { UserError } from '../errors.js';
import { type LoadedModel, loadModel } from '../model/folder.js';
import { layOut, packs, splitNeighbours } from '../model/packing.js';
import { rows } from '../tensor/ops/rows.js';
import { readValues } from '../tensor/read.js';
import { type Reward, type RewardHooks, type RewardInput, finiteReward, promptExcerpt } from './types.js';

export async function openHfReward(dir: string, options: RewardOptions): Promise<Reward> {
  return new HfReward(await loadModel(dir, { task: 'reward', frozen: true }), options);
}

class HfReward implements Reward {
  readonly spec: string;

  constructor(
    private readonly model: LoadedModel,
    private readonly options: RewardOptions,
  ) {
    this.spec = `hf:${model.dir}`;
  }

  /** Inputs that cannot be scored are told of once the others have been. */
  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const problems: Error[] = [];
    const sequences = inputs.map((input) => {
      try {
        return this.ids(input);
      } catch (error) {
        problems.push(error as Error);
        return [];
      }
    });
    const usable = sequences.flatMap(({ length }, i) => (length > 0 ? [i] : []));
    // Packed, responses to one prompt share its tokens, and come one after the other as they are; padded, like lengths
    // go together.
    const order = packs() ? usable : usable.sort((a, b) => sequences[b].length - sequences[a].length || a - b);
    for (let start = 0; start < order.length; start += this.options.batch_size) {
      const verdict = (await hooks.control?.point()) ?? 'go';
      if (verdict !== 'go') return;
      const batch = order.slice(start, start + this.options.batch_size);
      const rewards = this.rewards(batch.map((index) => sequences[index]));
      batch.forEach((index, i) => hooks.onReward(index, finiteReward(rewards[i], this.spec, inputs[index])));
    }
    if (problems.length > 0) throw problems[0];
  }

  dispose(): void {
    this.model.dispose();
  }

  private rewards(sequences: number[][]): Float32Array {
    const { transformer } = this.model;
    const laid = layOut(splitNeighbours(sequences));
    return readValues(() => {
      const last = sequences.map(({ length }, s) => laid.row(s, length - 1));
      return transformer.rewards(rows(transformer.hiddenOf(laid), tf.tensor1d(last, 'int32')));
    });
  }

  private ids(input: RewardInput): number[] {
    const ids = this.conversation(input) ?? input.ids;
    const { dir, config, tokenizer } = this.model;
    if (ids === undefined || ids.length === 0) {
      const needed =
        tokenizer === null
          ? 'has no tokenizer, so it needs rows with "ids"'
          : 'needs rows with "prompt" and "response", or with "ids"';
      throw new UserError(`reward model ${dir} ${needed}; the row of ${promptExcerpt(input.prompt)} has none`);
    }
    if (ids.length > config.max_positions) {
      throw new UserError(
        `the response to ${promptExcerpt(input.prompt)} makes ${ids.length} tokens and the context of reward model ${dir} is ${config.max_positions}`,
      );
    }
    const bad = ids.find((id) => id >= config.vocab_size);
    if (bad !== undefined)
      throw new UserError(
        `token id ${bad} is outside the vocabulary of reward model ${dir}, which ends at ${config.vocab_size - 1}`,
      );
    return ids;
  }

  /** undefined where there are no texts, or no tokenizer for them. */
  private conversation({ prompt, response }: RewardInput): number[] | undefined {
    if (prompt === undefined || response === undefined) return undefined;
    const before = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;
    return this.model.tokenizer?.conversationIds([...before, { role: 'assistant', content: response }]);
  }
}
