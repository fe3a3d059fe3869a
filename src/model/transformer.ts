/**
 * One transformer for all families: embeddings, blocks (blocks.ts), final norm, head. It computes hidden states of
 * whole sequences with gradients, prefills and decodes over a cache without gradients, and maps hidden states to
 * log-probabilities, logits or rewards.
 *
 * Leaves out reading and writing checkpoints (folder.ts) and choosing tokens (generate/).
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LoraConfig } from '../core/config/schema.js';
import { localGrads } from '../tensor/gradients.js';
import { fused } from '../tensor/fused.js';
import { residual, view } from '../tensor/ops/elementwise.js';
import { linear } from '../tensor/ops/linear.js';
import { rows } from '../tensor/ops/rows.js';
import { logSumSquaredProbs, tokenLogProbs, type Head } from '../tensor/ops/tokenLogProbs.js';
import { block, norm, type Attend, type BlockContext } from './blocks.js';
import { KVCache, type CacheSizes, type DecodeInputs } from './generate/cache.js';
import { createLora } from './lora.js';
import { RotaryTable } from './rotary.js';
import { attend, paddedBatch, type Batch } from './packing.js';
import type { Lora, ModelConfig, Parameter } from './types.js';
import { largest } from '../core/limits.js';

/** Each family's names of the parameters outside its blocks. */
const names = {
  llama: { embedding: 'model.embed_tokens.weight', positions: null, norm: 'model.norm', head: 'lm_head.weight' },
  gpt2: {
    embedding: 'transformer.wte.weight',
    positions: 'transformer.wpe.weight',
    norm: 'transformer.ln_f',
    head: 'lm_head.weight',
  },
  gpt_neox: {
    embedding: 'gpt_neox.embed_in.weight',
    positions: null,
    norm: 'gpt_neox.final_layer_norm',
    head: 'embed_out.weight',
  },
} as const;

export class Transformer {
  private readonly names: (typeof names)[keyof typeof names];
  private readonly rotary: RotaryTable | null;
  constructor(
    readonly config: ModelConfig,
    readonly parameters: Map<string, Parameter>,
    public lora: Lora | null = null,
  ) {
    this.names = config.family === 'gpt2' || config.family === 'gpt_neox' ? names[config.family] : names.llama;
    this.rotary = config.rope === null ? null : new RotaryTable(config.rope);
  }

  /** The variables that an update changes: all weights, or only the adapters. Names are transformers' and PEFT's. */
  trainable(): { name: string; variable: tf.Variable }[] {
    if (this.lora === null)
      return [...this.parameters.values()].map(({ spec, variable }) => ({ name: spec.name, variable }));
    return [...this.lora.adapters.values()].flatMap(({ target, a, b }) => {
      const module = target.replace(/\.weight$/, '');
      return [
        { name: `${module}.lora_A.weight`, variable: a },
        { name: `${module}.lora_B.weight`, variable: b },
      ];
    });
  }

  /** Adds adapters that change nothing yet (B is zero); from here on only they are trained. */
  addLora(options: LoraConfig, seed: number): void {
    this.lora = createLora(this.parameters, options, seed);
  }

  /**
   * Hidden states after the final norm.
   *
   * @param ids B·T token ids, rows right-padded with any id: padding never influences earlier positions
   * @param options.checkpointing keep only each block's input and recompute the block in the backward pass
   * @returns [B·T, D]
   */
  hidden(ids: Int32Array, shape: [B: number, T: number], options: { checkpointing?: boolean } = {}): tf.Tensor2D {
    return this.hiddenOf(paddedBatch(ids, shape), options);
  }

  /** The same for a batch in any layout. @returns [N, D] */
  hiddenOf({ ids, positions, layout }: Omit<Batch, 'row'>, options: { checkpointing?: boolean } = {}): tf.Tensor2D {
    const attended: Attend = (layer, q, k, v) => attend(q, k, v, layer, this.config, layout);
    return this.run(ints(ids), ints(positions), longestOf(positions), attended, options.checkpointing ?? false);
  }

  /** log π(target | its row's prefix) for rows [N, D] of hidden states → [N]. */
  tokenLogProbs(hidden: tf.Tensor2D, targets: Int32Array): tf.Tensor1D {
    return tokenLogProbs(hidden, this.head(), ints(targets));
  }

  /** log Σ_v π(v)² at rows [N, D] of hidden states → [N], without gradient. */
  logSumSquaredProbs(hidden: tf.Tensor2D): tf.Tensor1D {
    return logSumSquaredProbs(hidden, this.head());
  }

  /** Logits [N, V] of rows of hidden states. Not for training, which uses tokenLogProbs. */
  logits(hidden: tf.Tensor2D): tf.Tensor2D {
    const { weight, tied } = this.head();
    return tf.matMul(hidden, weight, false, tied);
  }

  /** Rewards [N] of rows of hidden states, if the model is a sequence classifier. */
  rewards(hidden: tf.Tensor2D): tf.Tensor1D {
    return view<tf.Tensor1D>(linear(hidden, this.parameter('score.weight') as tf.Tensor2D, null), [-1]);
  }

  newCache(sizes: CacheSizes): KVCache {
    return new KVCache(this.config, sizes);
  }

  /**
   * Reads prompts of at least one token each into an empty cache.
   *
   * @returns hidden states [B, D] of the last position of each row's prompt
   */
  prefill(prompts: readonly (readonly number[])[], cache: KVCache): tf.Tensor2D {
    const T = largest(prompts.map(({ length }) => length));
    const ids = new Int32Array(prompts.length * T);
    prompts.forEach((prompt, p) => ids.set(prompt, p * T));
    const { positions, layout, row } = paddedBatch(ids, [prompts.length, T]);
    const attended: Attend = (layer, q, k, v) => {
      cache.fill(layer, k, v, T);
      return attend(q, k, v, layer, this.config, layout);
    };
    return tf.tidy(() => {
      // Builds the rotary table for all later positions too, because decoding must not create tensors from numbers.
      const all = this.run(ints(ids), ints(positions), cache.longest, attended, false);
      const last = Int32Array.from(prompts, ({ length }, p) => row(p, length - 1));
      return cache.spread(rows(all, ints(last)));
    });
  }

  /**
   * Reads one more token per row, each at its row's own position, as written to `inputs`. The step can be recorded if
   * the cache is in place. The caller then advances the cache.
   *
   * @returns hidden states [B, D]
   */
  decode(inputs: DecodeInputs, cache: KVCache): tf.Tensor2D {
    const { ids, step } = inputs;
    const attended: Attend = (layer, q, k, v) => cache.attend(layer, q, k, v, step);
    return this.run(ids, step.positions, cache.longest, attended, false);
  }

  dispose(): void {
    for (const { variable } of this.parameters.values()) variable.dispose();
    for (const { a, b } of this.lora?.adapters.values() ?? []) tf.dispose([a, b]);
    this.rotary?.dispose();
  }

  private run(
    ids: tf.Tensor1D,
    positions: tf.Tensor1D,
    longest: number,
    attend: Attend,
    checkpointing: boolean,
  ): tf.Tensor2D {
    let x = rows(this.parameter(this.names.embedding) as tf.Tensor2D, ids);
    if (this.names.positions !== null)
      x = residual(x, rows(this.parameter(this.names.positions) as tf.Tensor2D, positions));
    const { config, parameters, lora } = this;
    const context: BlockContext = {
      config,
      parameters,
      lora,
      positions,
      rotary: this.rotary?.upTo(longest) ?? null,
      attend,
    };
    for (let layer = 0; layer < config.layers; layer++) {
      const input = x;
      x = tf.tidy(() => (checkpointing ? this.checkpointed(input, layer, context) : block(input, layer, context)));
    }
    return norm(x, this.names.norm, this);
  }

  /** Activation checkpointing (arXiv 1604.06174): the tape keeps only the block's input. */
  private checkpointed(x: tf.Tensor2D, layer: number, context: BlockContext): tf.Tensor2D {
    const trained = this.trainable().filter(({ name }) => name.includes(`.${layer}.`));
    const inputs: Record<string, tf.Tensor> = { x };
    for (const { name, variable } of trained) inputs[name] = variable;
    // The context's tensors are freed with the forward pass's scope, so the backward pass needs its own references.
    return fused(
      inputs,
      (save) => {
        save([x, context.positions]);
        return block(x, layer, context);
      },
      (dy, [input, positions]) => {
        const again = { ...context, positions: positions as tf.Tensor1D };
        const gradients = localGrads(() => block(input as tf.Tensor2D, layer, again), dy, [
          input,
          ...trained.map((t) => t.variable),
        ]);
        return Object.fromEntries(Object.keys(inputs).map((name, i) => [name, () => gradients[i] as tf.Tensor]));
      },
    ) as tf.Tensor2D;
  }

  private head(): Head {
    const untied = this.parameters.get(this.names.head)?.variable as tf.Tensor | undefined;
    const weight = (untied ?? this.parameter(this.names.embedding)) as tf.Tensor2D;
    return { weight, tied: untied === undefined, trained: this.lora === null };
  }

  private parameter(name: string): tf.Tensor {
    const parameter = this.parameters.get(name);
    if (parameter === undefined) throw new Error(`the model has no tensor ${name}`);
    return parameter.variable;
  }
}

const ints = (values: Int32Array) => tf.tensor1d(values, 'int32');

/** Number of positions that the rotary table must have. */
const longestOf = (positions: Int32Array) => positions.reduce((most, position) => Math.max(most, position), 0) + 1;
