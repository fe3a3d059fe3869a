/**
 * Measures each stage briefly on this machine, with the code of the engine's worker: samples a few responses, scores
 * some of them, runs one update step. Writes nothing. Runs in a separate process (taskProcess.ts), so that its memory
 * is what the engine's worker would take and a person can end it at any time.
 */
import type { Config } from '../../core/config/schema.js';
import type { Control } from '../../core/control.js';
import { updatePolicy } from '../../train/update.js';
import type { LoadedModel } from '../../model/folder.js';
import { readPrompts } from '../../io/prompts.js';
import { ModelShelf } from '../stages/models.js';
import { trainingUse } from '../stages/reference.js';
import { type SampledResponse, type PairRow } from '../../core/rows.js';
import { sampleResponses } from '../../model/generate/sample.js';
import { sampleSeed } from '../../core/seeds.js';
import { useBackend } from '../../tensor/backend.js';
import { memoryMegabytes } from '../../tensor/memory.js';
import { meanLength } from '../../core/form/estimate.js';
import type { Measurement } from '../../core/form/facts.js';
import { namedByUser } from '../../core/trust.js';
import { encodePrompts } from '../../model/prompts.js';

/** Seconds for sampling and for scoring; slower stages still run until their first numbers. */
const limits = { sample: 4, score: 2 } as const;
/** Limit on the second update step, in seconds, estimated from the speed of the first. */
const updateLimit = 6;

/**
 * @param part called with the results so far
 * @throws UserError like the failing stage
 */
export async function measure(config: Config, part: (known: Measurement, doing: string) => void): Promise<Measurement> {
  const known: Measurement = {
    ...{ backend: '', backend_note: null, sample: null, score: null, update: null, memory_mb: null },
  };
  const shelf = new ModelShelf(namedByUser);
  const peak = (): number => Math.max(known.memory_mb ?? 0, memoryMegabytes());
  try {
    const { name, note } = await useBackend(config.backend, config.threads, config.precision);
    known.backend = name;
    known.backend_note = note;
    part(known, 'reading the policy');
    const model = await shelf.load(config.model, trainingUse(config));
    part(known, 'sampling');
    const sampled = await measureSampling(model, config);
    known.sample = sampled.speed;
    known.memory_mb = peak();
    part(known, 'scoring');
    known.score = await measureScoring(shelf, model, config, sampled);
    known.memory_mb = peak();
    part(known, 'updating');
    known.update = await measureUpdate(model, config, sampled, known.sample.meanLength);
    known.memory_mb = peak();
    part(known, '');
    return known;
  } finally {
    shelf.dispose();
  }
}

interface Sampled {
  speed: NonNullable<Measurement['sample']>;
  prompts: number[][];
  ended: { job: number; response: SampledResponse }[];
}

async function measureSampling(model: LoadedModel, config: Config): Promise<Sampled> {
  const { samples_per_prompt: K, batch_size, raw } = config.sampling;
  const entries = readPrompts(config.prompts).slice(0, Math.max(1, Math.ceil(batch_size / K)));
  const prompts = encodePrompts(model, entries, { raw });
  const jobs = prompts
    .flatMap((prompt_ids, index) =>
      Array.from({ length: K }, (_, sample) => ({ prompt_ids, seed: sampleSeed(config.seed, 0, index, sample) })),
    )
    .slice(0, batch_size);
  const ended: Sampled['ended'] = [];
  let [tokens, steps] = [0, 0];
  let first = { tokens: 0, seconds: 0 };
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  await sampleResponses(model, jobs, config.sampling, {
    onResponse: (job, response) => ended.push({ job, response }),
    onTokens(count) {
      tokens += count;
      if (++steps === 1) first = { tokens, seconds: seconds() };
    },
    control: until(() => steps < 2 || seconds() < limits.sample),
  });
  const stopped = ended.filter(({ response }) => response.finish_reason === 'stop').length;
  const length = meanLength(stopped, tokens, config.sampling.max_new_tokens);
  // Each response's prompt is read only once, so an interrupted measurement must not spread that time over a few
  // tokens.
  const later = (seconds() - first.seconds) / Math.max(1, tokens - first.tokens);
  return {
    speed: {
      tokensPerSecond: 1 / (later + first.seconds / (jobs.length * length)),
      meanLength: length,
      truncatedShare: ended.length === 0 ? 0 : 1 - stopped / ended.length,
    },
    prompts: jobs.map(({ prompt_ids }) => prompt_ids),
    ended,
  };
}

async function measureScoring(
  shelf: ModelShelf,
  model: LoadedModel,
  config: Config,
  { prompts, ended, speed }: Sampled,
): Promise<Measurement['score']> {
  const entries = readPrompts(config.prompts);
  const K = config.sampling.samples_per_prompt;
  // If no response has ended yet, a placeholder of the same length costs the same.
  const ids = anyTokens(model, prompts[0].length, speed.meanLength, 0);
  const unfinished = { job: 0, response: { ids, text: model.tokenizer?.decode(ids) ?? '' } };
  const inputs = (ended.length > 0 ? ended : [unfinished]).map(({ job, response }) => ({
    prompt: entries[Math.floor(job / K)].prompt,
    response: response.text,
    ids: [...prompts[job], ...response.ids],
    prompt_tokens: prompts[job].length,
  }));
  const reward = await shelf.reward(config);
  let scored = 0;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  await reward.score(inputs, {
    onReward: () => scored++,
    control: until(() => scored === 0 || seconds() < limits.score),
  });
  return { responsesPerSecond: scored / seconds() };
}

/** Runs a step on made-up pairs of the expected length: their content does not change the cost. */
async function measureUpdate(
  model: LoadedModel,
  config: Config,
  { prompts }: Sampled,
  length: number,
): Promise<Measurement['update']> {
  const { update, dpo, seed } = config;
  const pair = (prompt_ids: number[], at: number): PairRow => {
    const ids = (shift: number): number[] => anyTokens(model, prompt_ids.length, length, 17 * at + shift);
    return { prompt_ids, chosen_ids: ids(0), rejected_ids: ids(1), chosen_reward: 1, rejected_reward: 0 };
  };
  const step = async (pairs: PairRow[]): Promise<number> => {
    let speed = 0;
    await updatePolicy(
      model,
      pairs,
      { chosen: pairs.map(() => 0), rejected: pairs.map(() => 0) },
      // Practically no change: after a real step on random tokens, the next loss could be infinite.
      { dpo, update: { ...update, lr: Number.MIN_VALUE, batch_size: pairs.length, steps: 1 }, seed },
      { onStep: ({ tokens_per_second }) => (speed = tokens_per_second) },
    );
    return speed;
  };
  const first = pair(prompts[0], 0);
  const alone = await step([first]);
  const tokens = 2 * (first.prompt_ids.length + first.chosen_ids.length);
  const fits = Math.floor((updateLimit * alone) / tokens);
  const size = Math.min(update.micro_batch, update.batch_size, prompts.length, fits);
  if (size <= 1) return { tokensPerSecond: alone };
  return { tokensPerSecond: await step(prompts.slice(0, size).map(pair)) };
}

/** A made-up response of `length` tokens, or as many as the context allows after a prompt of `prompt` tokens. */
function anyTokens({ config }: LoadedModel, prompt: number, length: number, shift: number): number[] {
  const size = Math.max(1, Math.min(config.max_positions - prompt, Math.round(length)));
  return Array.from({ length: size }, (_, i) => (7 + shift + 31 * i) % config.vocab_size);
}

function until(goes: () => boolean): Control {
  return {
    point: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return goes() ? 'go' : 'stop';
    },
  };
}
