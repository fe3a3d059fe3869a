/** What decoding steps of a cache's rows read, in tensors that stay where they are while the rows are the same. */
import type * as tf from '@tensorflow/tfjs-core';
import { StepInput } from '../tensor/recording.js';
import type { KVCache } from './cache.js';

/** Where a decoding step stands, for all layers. */
export interface DecodeStep {
  /** [B] int32: position of the new token in its sequence, and how many new ones the row has before it. */
  positions: tf.Tensor1D;
  taken: tf.Tensor1D;
  /** [B] and [P] int32. */
  promptOf: tf.Tensor1D;
  promptLengths: tf.Tensor1D;
}

export class DecodeInputs {
  private readonly inputs: Record<keyof DecodeStep | 'ids', StepInput>;

  constructor(private readonly cache: KVCache) {
    const ints = ({ length }: Int32Array) => new StepInput([length], 'int32');
    const { promptOf, promptLengths } = cache;
    this.inputs = {
      ...{ ids: ints(promptOf), positions: ints(promptOf), taken: ints(promptOf) },
      ...{ promptOf: ints(promptOf), promptLengths: ints(promptLengths) },
    };
    this.inputs.promptOf.write(promptOf);
    this.inputs.promptLengths.write(promptLengths);
  }

  /** Before each step: the last token of every row. @throws Error where a row is full */
  write(ids: Int32Array): void {
    const { taken } = this.cache;
    const positions = this.cache.positions();
    this.inputs.ids.write(ids);
    this.inputs.positions.write(positions);
    this.inputs.taken.write(taken);
  }

  get ids(): tf.Tensor1D {
    return this.inputs.ids.tensor;
  }

  get step(): DecodeStep {
    const { positions, taken, promptOf, promptLengths } = this.inputs;
    return {
      ...{ positions: positions.tensor, taken: taken.tensor },
      ...{ promptOf: promptOf.tensor, promptLengths: promptLengths.tensor },
    };
  }

  dispose(): void {
    for (const input of Object.values(this.inputs)) input.dispose();
  }
}
