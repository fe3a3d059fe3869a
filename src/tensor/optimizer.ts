/** AdamW over named variables, as torch.optim.AdamW computes it; its state can be saved and restored. */
import * as tf from '@tensorflow/tfjs-core';
import { adamwStep } from './ops/adamw.js';

export interface AdamWSettings {
  beta1: number;
  beta2: number;
  eps: number;
  /** Decoupled: p ← p·(1 - lr·decay), before the step (arXiv 1711.05101). */
  weightDecay: number;
  /** `matrices`: all but norms and biases. */
  decay: 'all' | 'matrices';
}

export interface NamedVariable {
  name: string;
  variable: tf.Variable;
}

/** First and second moments by parameter, in memory's layout. */
export interface AdamWState {
  steps: number;
  moments: Map<string, { m: Float32Array; v: Float32Array }>;
}

export class AdamW {
  private steps = 0;
  private readonly moments = new Map<string, { m: tf.Tensor; v: tf.Tensor }>();

  constructor(private readonly settings: AdamWSettings) {}

  /**
   * Applies one step to every parameter. Memory: two float32 moments per parameter.
   *
   * @param grads by parameter name; each is disposed
   * @param gradScale multiplies all gradients first; used for clipping
   */
  step(parameters: NamedVariable[], grads: Map<string, tf.Tensor>, lr: number, gradScale = 1): void {
    this.steps++;
    const { beta1, beta2, eps, weightDecay, decay } = this.settings;
    const biasCorrection1 = 1 - beta1 ** this.steps;
    const biasCorrection2 = 1 - beta2 ** this.steps;
    for (const { name, variable } of parameters) {
      const grad = grads.get(name);
      if (grad === undefined) throw new Error(`no gradient for ${name}`);
      const old = this.moments.get(name) ?? { m: tf.zerosLike(variable), v: tf.zerosLike(variable) };
      const [next, m, v] = adamwStep(variable, grad, old.m, old.v, {
        lr,
        beta1,
        beta2,
        eps,
        weightDecay: decay === 'all' || variable.rank >= 2 ? weightDecay : 0,
        biasCorrection1,
        biasCorrection2,
        gradScale,
      });
      variable.assign(next);
      tf.dispose([next, grad, old.m, old.v]);
      this.moments.set(name, { m: tf.keep(m), v: tf.keep(v) });
    }
  }

  exportState(): AdamWState {
    const moments = new Map(
      [...this.moments].map(([name, { m, v }]) => [name, { m: m.dataSync<'float32'>(), v: v.dataSync<'float32'>() }]),
    );
    return { steps: this.steps, moments };
  }

  importState(state: AdamWState, parameters: NamedVariable[]): void {
    this.dispose();
    this.steps = state.steps;
    for (const { name, variable } of parameters) {
      const kept = state.moments.get(name);
      if (kept === undefined) throw new Error(`the kept optimizer state lacks ${name}`);
      const [m, v] = [kept.m, kept.v].map((values) => tf.keep(tf.tensor(values, variable.shape)));
      this.moments.set(name, { m, v });
    }
  }

  dispose(): void {
    for (const { m, v } of this.moments.values()) tf.dispose([m, v]);
    this.moments.clear();
  }
}
