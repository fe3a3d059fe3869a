/** The next token of every row of a batch: by the backend's kernel where it has one, else row by row (choose.ts). */
import type * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../tensor/fused.js';
import { StepInput } from '../tensor/recording.js';
import { type Choice, type ChoiceSettings, chooseToken } from './choose.js';

export interface Chooser {
  /** Tokens of the prompt and the response so far, for the repetition penalty. */
  readonly seen: ReadonlySet<number>;
  /** The row's next random number, in [0, 1). */
  uniform(): number;
}

/** How the tokens of a batch are chosen, again and again: `prepare`, `choose`, `read`. */
export interface TokenChoice {
  /** @param rows null for a row that nobody reads: its choice means nothing */
  prepare(rows: readonly (Chooser | null)[]): void;
  /** Of logits [B, V] to what `read` takes: ops alone, for a step that is recorded. */
  choose(logits: tf.Tensor2D): tf.Tensor[];
  read(chosen: tf.Tensor[]): Choice[];
  dispose(): void;
}

/**
 * @param B rows of the batch
 * @param mostSeen most tokens that all rows together have seen whenever a choice is made
 */
export function tokenChoice(B: number, mostSeen: number, settings: ChoiceSettings): TokenChoice {
  return hasKernel('SampleTokens') ? new ChoiceByKernel(B, mostSeen, settings) : new ChoiceByRow(settings);
}

class ChoiceByKernel implements TokenChoice {
  /** [2·B]: float64, which TensorFlow.js has no tensors of. */
  private readonly uniforms: StepInput;
  /** Where there is a penalty: all rows' tokens one after the other, and where each row's begin [B + 1]. */
  private readonly seen: { tokens: StepInput; starts: StepInput } | null = null;

  constructor(
    B: number,
    mostSeen: number,
    private readonly settings: ChoiceSettings,
  ) {
    this.uniforms = new StepInput([2 * B], 'float32');
    if (settings.repetition_penalty !== 1)
      this.seen = { tokens: new StepInput([mostSeen], 'int32'), starts: new StepInput([B + 1], 'int32') };
  }

  prepare(rows: readonly (Chooser | null)[]): void {
    const uniforms = Float64Array.from(rows, (row) => row?.uniform() ?? 0);
    this.uniforms.write(new Float32Array(uniforms.buffer));
    if (this.seen === null) return;
    const starts = new Int32Array(rows.length + 1);
    rows.forEach((row, b) => (starts[b + 1] = starts[b] + (row?.seen.size ?? 0)));
    this.seen.tokens.write(Int32Array.from(rows.flatMap((row) => [...(row?.seen ?? [])])));
    this.seen.starts.write(starts);
  }

  choose(logits: tf.Tensor2D): tf.Tensor[] {
    const { temperature, top_p, top_k, min_p, repetition_penalty } = this.settings;
    const attrs = { temperature, topP: top_p, topK: top_k, minP: min_p, repetitionPenalty: repetition_penalty };
    const inputs: Record<string, tf.Tensor> = { logits, uniforms: this.uniforms.tensor };
    if (this.seen !== null)
      Object.assign(inputs, { seen: this.seen.tokens.tensor, seenStart: this.seen.starts.tensor });
    return runKernel('SampleTokens', inputs, attrs);
  }

  read([tokens, logps]: tf.Tensor[]): Choice[] {
    const values = logps.dataSync<'float32'>();
    return Array.from(tokens.dataSync<'int32'>(), (token, b) => ({ token, logp: values[b] }));
  }

  dispose(): void {
    this.uniforms.dispose();
    this.seen?.tokens.dispose();
    this.seen?.starts.dispose();
  }
}

class ChoiceByRow implements TokenChoice {
  private rows: readonly (Chooser | null)[] = [];

  constructor(private readonly settings: ChoiceSettings) {}

  prepare(rows: readonly (Chooser | null)[]): void {
    this.rows = rows;
  }

  choose(logits: tf.Tensor2D): tf.Tensor[] {
    return [logits];
  }

  read([logits]: tf.Tensor[]): Choice[] {
    const values = logits.dataSync<'float32'>();
    const V = logits.shape[1] as number;
    return this.rows.map((row, b) =>
      row === null
        ? { token: 0, logp: 0 }
        : chooseToken(values.subarray(b * V, (b + 1) * V), this.settings, row.seen, row.uniform()),
    );
  }

  dispose(): void {}
}
