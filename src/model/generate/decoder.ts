/**
 * Decodes a set of rows: each step runs the transformer over the cache and chooses tokens from its logits. The backend
 * records the step if it can (tensor/recording.ts). When rows are dropped, the remaining ones get a new decoder.
 */
import * as tf from '@tensorflow/tfjs-core';
import { DecodeInputs, type KVCache } from './cache.js';
import type { Transformer } from '../transformer.js';
import { recordable, repeated, type Step } from '../../tensor/recording.js';
import { tokenChoice, type Choice, type ChoiceSettings, type Chooser, type TokenChoice } from './choose.js';

export interface DecodedRow extends Chooser {
  /** The row's tokens so far. */
  readonly ids: readonly number[];
  /** Not null once the row has ended: it then does not advance, and its choices are ignored. */
  readonly finish: string | null;
}

export class Decoder {
  private readonly inputs: DecodeInputs;
  private readonly choice: TokenChoice;
  private readonly step: Step;

  /** @param rows those that the cache holds, in the cache's order */
  constructor(
    private readonly transformer: Transformer,
    private readonly cache: KVCache,
    private readonly rows: readonly DecodedRow[],
    settings: ChoiceSettings & { max_new_tokens: number },
  ) {
    const mostSeen = rows.reduce((sum, { seen }) => sum + seen.size + settings.max_new_tokens, 0);
    this.inputs = new DecodeInputs(cache);
    this.choice = tokenChoice(rows.length, mostSeen, settings);
    const compute = () => this.choice.choose(transformer.logits(transformer.decode(this.inputs, cache)));
    this.step = cache.inPlace ? recordable(compute) : repeated(compute);
  }

  /** Reads the prompts into the empty cache and chooses the rows' first tokens. */
  first(prompts: readonly (readonly number[])[]): Choice[] {
    const { transformer, cache, choice } = this;
    this.prepareChoice();
    const chosen = tf.tidy(() => choice.choose(transformer.logits(transformer.prefill(prompts, cache))));
    try {
      return choice.read(chosen);
    } finally {
      tf.dispose(chosen);
    }
  }

  /** Reads each row's last token and chooses the next one. */
  next(): Choice[] {
    const { rows } = this;
    this.inputs.write(Int32Array.from(rows, ({ ids }) => ids[ids.length - 1]));
    this.prepareChoice();
    const choices = this.choice.read(this.step.run());
    this.cache.advance((row) => rows[row].finish !== null);
    return choices;
  }

  dispose(): void {
    this.step.dispose();
    this.inputs.dispose();
    this.choice.dispose();
  }

  private prepareChoice(): void {
    this.choice.prepare(this.rows.map((row) => (row.finish === null ? row : null)));
  }
}
