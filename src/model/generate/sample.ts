/**
 * Samples responses from a policy: batched decoding over a key/value cache. On wasm a job's result depends only on its
 * prompt and seed, because a row's arithmetic does not depend on its batch.
 */
import type { SamplingConfig } from '../../core/config/schema.js';
import { type Control, uncontrolled } from '../../core/control.js';
import { UserError } from '../../core/errors.js';
import type { LoadedModel } from '../folder.js';
import type { SampledResponse } from '../../core/rows.js';
import type { Choice } from './choose.js';
import { type DecodedRow, Decoder } from './decoder.js';
import { Random } from '../../core/seeds.js';

export interface SamplingJob {
  prompt_ids: number[];
  seed: number;
}

export type SamplingSettings = Pick<
  SamplingConfig,
  'temperature' | 'top_p' | 'top_k' | 'min_p' | 'repetition_penalty' | 'max_new_tokens' | 'batch_size'
>;

export interface SamplingHooks {
  /** Called as each response ends; `job` is its index. */
  onResponse(job: number, response: SampledResponse): void;
  /** Tokens decoded since the last call. */
  onTokens?(count: number): void;
  control?: Control;
  /** Asked before each token: false drops the job, whether begun or not, without a response. */
  wanted?(job: number): boolean;
}

/** Ended rows are dropped from the batch once they make up this share of it. */
const DROP_SHARE = 0.25;

/**
 * @returns `stopped` or `aborted` if the control said so; unfinished responses are then discarded
 * @throws UserError if a prompt leaves no room in the context
 */
export async function sampleResponses(
  model: LoadedModel,
  jobs: SamplingJob[],
  settings: SamplingSettings,
  hooks: SamplingHooks,
): Promise<'done' | 'stopped' | 'aborted'> {
  const context = model.config.max_positions;
  expectRoom(jobs, context);
  // Prompts of similar length go together to reduce padding in the prefill, jobs of one prompt so that it is read once.
  const keys = jobs.map(({ prompt_ids }) => prompt_ids.join(' '));
  const first = new Map<string, number>();
  keys.forEach((key, index) => first.has(key) || first.set(key, index));
  const order = jobs
    .map((_, index) => index)
    .sort(
      (a, b) =>
        jobs[b].prompt_ids.length - jobs[a].prompt_ids.length ||
        (first.get(keys[a]) as number) - (first.get(keys[b]) as number) ||
        a - b,
    );
  const { wanted = () => true } = hooks;
  for (let start = 0; start < order.length;) {
    const batch: number[] = [];
    for (; start < order.length && batch.length < settings.batch_size; start++)
      if (wanted(order[start])) batch.push(order[start]);
    if (batch.length === 0) break;
    const outcome = await sampleBatch(
      model,
      batch.map((index) => new Row(index, jobs[index], keys[index], settings, context)),
      settings,
      hooks,
    );
    if (outcome !== 'done') return outcome;
  }
  return 'done';
}

/** @throws UserError if a prompt is empty or fills the context */
export function expectRoom(jobs: readonly { prompt_ids: readonly number[] }[], context: number): void {
  for (const [index, { prompt_ids }] of jobs.entries()) {
    if (prompt_ids.length === 0) throw new UserError(`prompt ${index} has no tokens; expected at least one`);
    if (prompt_ids.length >= context) {
      throw new UserError(
        `prompt ${index} has ${prompt_ids.length} tokens and the model's context is ${context}; shorten or remove it`,
      );
    }
  }
}

/** An unfinished response. */
class Row implements DecodedRow {
  readonly ids: number[] = [];
  readonly seen: Set<number>;
  private readonly logprobs: number[] = [];
  private readonly random: Random;
  private readonly limit: number;
  finish: SampledResponse['finish_reason'] | 'dropped' | null = null;

  constructor(
    readonly job: number,
    readonly source: SamplingJob,
    /** Equal for equal prompts. */
    readonly prompt: string,
    private readonly settings: SamplingSettings,
    context: number,
  ) {
    this.random = new Random(source.seed);
    this.seen = new Set(settings.repetition_penalty === 1 ? [] : source.prompt_ids);
    this.limit = Math.min(settings.max_new_tokens, context - source.prompt_ids.length);
  }

  uniform(): number {
    return this.random.uniform();
  }

  take({ token, logp }: Choice, eos: ReadonlySet<number>): void {
    this.ids.push(token);
    this.logprobs.push(logp);
    if (this.settings.repetition_penalty !== 1) this.seen.add(token);
    if (eos.has(token)) this.finish = 'stop';
    else if (this.ids.length >= this.limit) this.finish = 'length';
  }

  response(model: LoadedModel): SampledResponse {
    return {
      ids: this.ids,
      text: model.tokenizer?.decode(this.ids) ?? '',
      logps: this.logprobs.reduce((sum, logp) => sum + logp, 0),
      token_logprobs: this.logprobs,
      finish_reason: this.finish === 'stop' ? 'stop' : 'length',
    };
  }
}

async function sampleBatch(
  model: LoadedModel,
  batch: Row[],
  settings: SamplingSettings,
  hooks: SamplingHooks,
): Promise<'done' | 'stopped' | 'aborted'> {
  const { transformer } = model;
  const control = hooks.control ?? uncontrolled;
  const eos = new Set(model.generation.eosTokenIds);
  const prompts = new Map(batch.map(({ prompt, source }) => [prompt, source.prompt_ids]));
  const places = new Map([...prompts.keys()].map((prompt, p) => [prompt, p]));
  const cache = transformer.newCache({
    promptOf: Int32Array.from(batch, ({ prompt }) => places.get(prompt) as number),
    promptLengths: Int32Array.from(prompts.values(), ({ length }) => length),
    newTokens: settings.max_new_tokens,
  });
  let rows = batch;
  const decoderOfRows = () => new Decoder(transformer, cache, rows, settings);
  let decoder = decoderOfRows();
  let next = () => decoder.first([...prompts.values()]);
  try {
    for (;;) {
      const verdict = await control.point();
      if (verdict !== 'go') return verdict === 'stop' ? 'stopped' : 'aborted';
      for (const row of rows) if (row.finish === null && hooks.wanted?.(row.job) === false) row.finish = 'dropped';
      takeTokens(model, rows, next(), eos, hooks);
      next = () => decoder.next();
      const live = rows.flatMap((row, index) => (row.finish === null ? [index] : []));
      if (live.length === 0) return 'done';
      if (rows.length - live.length >= DROP_SHARE * rows.length) {
        decoder.dispose();
        cache.keep(live);
        rows = live.map((index) => rows[index]);
        decoder = decoderOfRows();
      }
    }
  } finally {
    decoder.dispose();
    cache.dispose();
  }
}

function takeTokens(
  model: LoadedModel,
  rows: Row[],
  choices: Choice[],
  eos: ReadonlySet<number>,
  hooks: SamplingHooks,
): void {
  let taken = 0;
  rows.forEach((row, index) => {
    if (row.finish !== null) return;
    row.take(choices[index], eos);
    taken++;
    if (row.finish !== null) hooks.onResponse(row.job, row.response(model));
  });
  hooks.onTokens?.(taken);
}
