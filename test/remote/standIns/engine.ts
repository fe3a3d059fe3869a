/** The policy behind a stand-in server: our own engine, one computation at a time, with weights that can be replaced. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { responseLogprobs } from '../../../src/train/logprobs.js';
import { type LoadedModel, loadModel } from '../../../src/model/folder.js';
import { readJsonObject } from '../../../src/model/files.js';
import type { SampledResponse } from '../../../src/core/rows.js';
import { type BeamSettings, beamSearch } from '../../../src/model/generate/beam.js';
import { sampleResponses } from '../../../src/model/generate/sample.js';
import type { Faults } from './faults.js';

export interface SamplingFields {
  temperature: number;
  top_p: number;
  top_k: number;
  min_p: number;
  repetition_penalty: number;
  max_new_tokens: number;
  seed: number;
}

export class LoadFailure extends Error {}

export class StandInEngine {
  /** Behind the load balancer of a stand-in with a stale replica there are two. */
  private readonly replicas: LoadedModel[] = [];
  readonly adapters = new Map<string, { folder: string; model: LoadedModel }>();
  private turn = 0;
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly folder: string,
    readonly faults: Faults,
  ) {}

  static async open(folder: string, faults: Faults): Promise<StandInEngine> {
    const engine = new StandInEngine(folder, faults);
    for (let i = 0; i < (faults.staleReplica === true ? 2 : 1); i++) engine.replicas.push(await load(folder));
    return engine;
  }

  /** Its tokenizer and configuration. */
  get model(): LoadedModel {
    return this.replicas[0];
  }

  /** Replaces the weights of the first replica; a stale server says so and does not. */
  async reload(folder: string): Promise<void> {
    if (!existsSync(path.join(folder, 'config.json'))) throw new LoadFailure(`No such file or directory: '${folder}'`);
    if (this.faults.staleWeights === true) return;
    await this.alone(async () => {
      const model = await load(folder);
      this.replicas[0].dispose();
      this.replicas[0] = model;
    });
  }

  async loadAdapter(name: string, folder: string, maxRank: number): Promise<void> {
    const file = path.join(folder, 'adapter_config.json');
    if (!existsSync(file)) throw new LoadFailure(`Loading lora ${name} failed: No adapter found for ${folder}`);
    const rank = Number(readJsonObject(file).r);
    if (rank > maxRank) throw new LoadFailure(`LoRA rank ${rank} is greater than max_lora_rank ${maxRank}.`);
    await this.alone(async () => {
      // A stale adapter answers as the base model.
      const model = await load(this.faults.staleWeights === true ? this.folder : folder);
      this.adapters.set(name, { folder, model });
    });
  }

  unloadAdapter(name: string): boolean {
    this.adapters.get(name)?.model.dispose();
    return this.adapters.delete(name);
  }

  sample(prompt_ids: number[], fields: SamplingFields, adapter: string | null): Promise<SampledResponse> {
    const { seed, ...settings } = fields;
    return this.alone(async () => {
      const responses: SampledResponse[] = [];
      await sampleResponses(
        this.modelOf(adapter),
        [{ prompt_ids, seed }],
        { ...settings, batch_size: 1 },
        { onResponse: (_, response) => responses.push(response) },
      );
      return responses[0];
    });
  }

  /** Our own beam search: vLLM's differs in its score, not in the form of its answers. */
  beam(
    prompt_ids: number[],
    settings: Omit<BeamSettings, 'batch_size'>,
    adapter: string | null,
  ): Promise<SampledResponse> {
    return this.alone(async () => {
      const responses: SampledResponse[] = [];
      const onResponse = (_: number, response: SampledResponse) => void responses.push(response);
      await beamSearch(this.modelOf(adapter), [prompt_ids], { ...settings, batch_size: 1 }, { onResponse });
      return responses[0];
    });
  }

  /** log π of every id but the first. */
  score(ids: number[], adapter: string | null): Promise<number[]> {
    return this.alone(async () => {
      const [values] = await responseLogprobs(this.modelOf(adapter), [
        { prompt_ids: ids.slice(0, 1), response_ids: ids.slice(1) },
      ]);
      return [...values];
    });
  }

  /** Once nothing is computed any more: a client that has left does not end its request. */
  dispose(): void {
    void this.alone(async () => {
      for (const model of this.replicas) model.dispose();
      for (const { model } of this.adapters.values()) model.dispose();
    });
  }

  private modelOf(adapter: string | null): LoadedModel {
    if (adapter !== null) return (this.adapters.get(adapter) as { model: LoadedModel }).model;
    return this.replicas[this.turn++ % this.replicas.length];
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => {});
    return done;
  }
}

const load = (folder: string): Promise<LoadedModel> => loadModel(folder, { task: 'causal-lm' });
