/** A user's reward model: a Hugging Face sequence classifier with one label, read at the last token. */
import * as tf from '@tensorflow/tfjs-core';
import type { RewardOptions } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { type LoadedModel, loadModel } from '../model/folder.js';
import { type SplitSequence, layOut, packs } from '../model/packing.js';
import type { Prompt } from '../core/rows.js';
import { rows } from '../tensor/ops/rows.js';
import { readValues } from '../tensor/memory.js';
import { type Reward, type RewardHooks, type RewardInput, finiteReward, promptExcerpt } from './types.js';

export async function openHfReward(dir: string, options: RewardOptions): Promise<Reward> {
  return new HfReward(await loadModel(dir, { task: 'reward', frozen: true }), options);
}

class HfReward implements Reward {
  readonly spec: string;
  /** Cached because responses to one prompt are scored one after the other. */
  private lastPrompt: { prompt: RewardInput['prompt']; ids: number[] } | null = null;

  constructor(
    private readonly model: LoadedModel,
    private readonly options: RewardOptions,
  ) {
    this.spec = `hf:${model.dir}`;
  }

  /**
   * Reports inputs that cannot be scored after all others have been scored.
   *
   * A reward has the same bits whatever is scored with it, so that a run that was killed continues identically: a
   * sequence is split by its own prompt and response only, never by its neighbours in the batch.
   */
  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const problems: Error[] = [];
    const sequences = inputs.map((input): SplitSequence => {
      try {
        return this.sequence(input);
      } catch (error) {
        problems.push(error as Error);
        return { prefix: [], own: [] };
      }
    });
    const length = (index: number) => sequences[index].prefix.length + sequences[index].own.length;
    const usable = inputs.map((_, index) => index).filter((index) => length(index) > 0);
    for (const batch of batches(usable, sequences, this.options.batch_size)) {
      const verdict = (await hooks.control?.point()) ?? 'go';
      if (verdict !== 'go') return;
      const rewards = this.rewards(batch.map((index) => sequences[index]));
      batch.forEach((index, i) => hooks.onReward(index, finiteReward(rewards[i], this.spec, inputs[index])));
    }
    if (problems.length > 0) throw problems[0];
  }

  dispose(): void {
    this.model.dispose();
  }

  private rewards(sequences: SplitSequence[]): Float32Array {
    const { transformer } = this.model;
    const laid = layOut(sequences);
    return readValues(() => {
      const last = sequences.map(({ prefix, own }, s) => laid.row(s, prefix.length + own.length - 1));
      return transformer.rewards(rows(transformer.hiddenOf(laid), tf.tensor1d(last, 'int32')));
    });
  }

  /** Splits a sequence between prompt and response. @throws UserError if it does not fit the model */
  private sequence(input: RewardInput): SplitSequence {
    const conversation = this.conversation(input);
    const ids = this.checkedIds(conversation ?? input.ids, input);
    const shared = conversation === undefined ? (input.prompt_tokens ?? 0) : this.promptLength(input, ids);
    return { prefix: ids.slice(0, shared), own: ids.slice(shared) };
  }

  /**
   * Number of the conversation's tokens that belong to its prompt. A response may change the prompt's last tokens (BPE
   * merges).
   */
  private promptLength({ prompt }: RewardInput, ids: number[]): number {
    const { tokenizer } = this.model;
    if (tokenizer === null || prompt === undefined) return 0;
    if (this.lastPrompt?.prompt !== prompt) {
      const alone = tokenizer.hasChatTemplate
        ? tokenizer.promptIds(prompt, { raw: false })
        : tokenizer.conversationIds(messagesOf(prompt));
      this.lastPrompt = { prompt, ids: alone };
    }
    const before = this.lastPrompt.ids;
    let n = 0;
    while (n < before.length && ids[n] === before[n]) n++;
    return n;
  }

  private checkedIds(ids: number[] | undefined, input: RewardInput): number[] {
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

  /** undefined if there are no texts, or no tokenizer for them. */
  private conversation({ prompt, response }: RewardInput): number[] | undefined {
    if (prompt === undefined || response === undefined) return undefined;
    return this.model.tokenizer?.conversationIds([...messagesOf(prompt), { role: 'assistant', content: response }]);
  }
}

/**
 * Indices of sequences to compute at once. When packed, the responses to one prompt stay together, so that the prompt
 * is computed once; when padded, sequences of similar length go together.
 */
function batches(usable: number[], sequences: readonly SplitSequence[], size: number): number[][] {
  const length = (index: number) => sequences[index].prefix.length + sequences[index].own.length;
  const result: number[][] = [];
  const append = (indices: number[]) => {
    for (let start = 0; start < indices.length; start += size) result.push(indices.slice(start, start + size));
  };
  if (!packs()) {
    append([...usable].sort((a, b) => length(b) - length(a) || a - b));
    return result;
  }
  for (let start = 0; start < usable.length;) {
    let end = start + 1;
    const { prefix } = sequences[usable[start]];
    while (end < usable.length && isSame(prefix, sequences[usable[end]].prefix)) end++;
    const prompt = usable.slice(start, end);
    const last = result.at(-1);
    if (last !== undefined && last.length + prompt.length <= size) last.push(...prompt);
    else append(prompt);
    start = end;
  }
  return result;
}

const messagesOf = (prompt: Prompt) => (typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt);

const isSame = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((id, i) => id === b[i]);
