/**
 * Answers prompts: one sampled or greedy response each, the best of N by a reward, or beam search. Every candidate is
 * reported as soon as it is known, so that the caller can keep it on disk and an interrupted work can continue.
 *
 * Memory holds one response per prompt, the best so far, beside the candidates that are being sampled.
 */
import { z } from 'zod';
import type { Control } from '../core/control.js';
import { type Prompt, responseSchema, rewardSchema, type SampledResponse } from '../core/rows.js';
import { type BeamSettings, beamSearch } from '../model/generate/beam.js';
import type { SamplingSettings } from '../model/generate/sample.js';
import type { LoadedModel } from '../model/folder.js';
import type { Reward } from '../rewards/types.js';
import type { Sampler } from './stages/sample.js';

export interface AnswerPrompt {
  /** `FILE:LINE`, for errors. */
  where: string;
  prompt?: Prompt;
  ids: number[];
}

/** One candidate, as it is kept on disk. */
export const candidateSchema = z.object({
  /** Index among the prompts. */
  prompt_index: z.int().min(0),
  sample: z.int().min(0),
  /** null without a reward. */
  reward: rewardSchema.nullable(),
  /** Unweighted values of a weighted sum's parts. */
  parts: z.array(rewardSchema).optional(),
  /** In tokens. */
  length: z.int().min(0),
  finish_reason: z.enum(['stop', 'length']),
  /** Left out unless the candidate was the best so far, or all are kept. `score`: of beam search. */
  response: responseSchema.extend({ score: z.number().optional() }).optional(),
});
export type Candidate = z.infer<typeof candidateSchema>;

export interface Answer {
  response: SampledResponse & { score?: number };
  /** Which sample it is. */
  index: number;
  /** All candidates, by sample. */
  candidates: Candidate[];
}

/** The candidates so far, and the best one of each prompt. */
export class Answers {
  private readonly rows: Candidate[][];
  private readonly best: (Candidate | null)[];

  /** @param candidates per prompt */
  constructor(
    readonly prompts: number,
    readonly candidates: number,
    private readonly keepAll: boolean,
  ) {
    this.rows = Array.from({ length: prompts }, () => new Array<Candidate>());
    this.best = new Array<Candidate | null>(prompts).fill(null);
  }

  /**
   * Of equal rewards the first sample wins, whatever the order in which they become known.
   *
   * @returns the candidate as it is kept: without its response, unless that may be needed
   */
  add(candidate: Candidate): Candidate {
    const { prompt_index, sample } = candidate;
    const before = this.best[prompt_index];
    const better =
      before === null ||
      (candidate.reward ?? 0) > (before.reward ?? 0) ||
      (candidate.reward === before.reward && sample < before.sample);
    const bare: Candidate = { ...candidate };
    delete bare.response;
    const kept = this.keepAll ? candidate : bare;
    this.rows[prompt_index][sample] = kept;
    if (better) this.best[prompt_index] = candidate;
    return better ? candidate : kept;
  }

  has(prompt: number, sample: number): boolean {
    return this.rows[prompt].at(sample) !== undefined;
  }

  get count(): number {
    return this.rows.reduce((sum, row) => sum + Object.keys(row).length, 0);
  }

  /** Null until all candidates of the prompt are known. */
  answer(prompt: number): Answer | null {
    const rows = this.rows[prompt];
    const best = this.best[prompt];
    if (Object.keys(rows).length < this.candidates || best?.response === undefined) return null;
    return { response: best.response, index: best.sample, candidates: rows };
  }
}

export interface AnswerHooks {
  /** Called with candidates as soon as they are in `answers`, each as it must be kept. */
  onCandidates(rows: Candidate[]): void;
  /** Tokens decoded since the last call. */
  onTokens?(count: number): void;
  control?: Control;
}

type Outcome = 'done' | 'stopped' | 'aborted';

/** Candidates that are sampled before they are scored: on servers enough to keep them busy. */
export const candidatesTogether = {
  here: ({ batch_size }: Pick<SamplingSettings, 'batch_size'>): number => 2 * batch_size,
  onServers: 1024,
};

export interface SamplePlan {
  settings: SamplingSettings;
  /** Candidates that are sampled before they are scored and reported. */
  together: number;
  seed(prompt: number, sample: number): number;
}

/**
 * Samples the missing candidates of every prompt and scores them.
 *
 * @param reward null for a single candidate per prompt
 * @throws UserError if a prompt cannot be answered or scored; candidates reported before remain valid
 */
export async function sampleAnswers(
  sampler: Sampler,
  reward: Reward | null,
  prompts: readonly AnswerPrompt[],
  answers: Answers,
  plan: SamplePlan,
  hooks: AnswerHooks,
): Promise<Outcome> {
  const missing = prompts.flatMap((_, prompt) =>
    Array.from({ length: answers.candidates }, (_unused, sample) => ({ prompt, sample })).filter(
      (it) => !answers.has(it.prompt, it.sample),
    ),
  );
  // Prompts of similar length share a batch.
  missing.sort(
    (a, b) => prompts[b.prompt].ids.length - prompts[a.prompt].ids.length || a.prompt - b.prompt || a.sample - b.sample,
  );
  for (let start = 0; start < missing.length; start += plan.together) {
    const chunk = missing.slice(start, start + plan.together);
    const outcome = await sampleChunk(sampler, reward, prompts, answers, plan, hooks, chunk);
    if (outcome !== 'done') return outcome;
  }
  return 'done';
}

async function sampleChunk(
  sampler: Sampler,
  reward: Reward | null,
  prompts: readonly AnswerPrompt[],
  answers: Answers,
  { settings, seed }: SamplePlan,
  { onCandidates, onTokens, control }: AnswerHooks,
  chunk: { prompt: number; sample: number }[],
): Promise<Outcome> {
  const isMixed = (reward?.parts?.length ?? 0) > 1;
  const take = (
    job: number,
    response: SampledResponse,
    value: number | null,
    parts: readonly number[] | undefined,
  ): void => {
    const { prompt, sample } = chunk[job];
    const { ids, finish_reason } = response;
    onCandidates([
      answers.add({
        prompt_index: prompt,
        sample,
        reward: value,
        ...(isMixed && parts !== undefined && { parts: [...parts] }),
        length: ids.length,
        finish_reason,
        response,
      }),
    ]);
  };
  const sampled: { job: number; response: SampledResponse }[] = [];
  const outcome = await sampler.sample(
    chunk.map(({ prompt, sample }) => ({ prompt_ids: prompts[prompt].ids, seed: seed(prompt, sample) })),
    settings,
    {
      onTokens,
      control,
      onResponse: (job, response) => {
        if (reward === null) take(job, response, null, undefined);
        else sampled.push({ job, response });
      },
    },
    (job) => `response ${chunk[job].sample + 1} to ${prompts[chunk[job].prompt].where}`,
  );
  // Also after an interruption: what was sampled is then not lost.
  if (reward === null || outcome === 'aborted') return outcome;
  const inputs = sampled.map(({ job, response }) => {
    const { prompt, ids } = prompts[chunk[job].prompt];
    return { prompt, response: response.text, ids: [...ids, ...response.ids], prompt_tokens: ids.length };
  });
  await reward.score(inputs, {
    // A prompt's candidates come in several calls.
    absolute: true,
    control,
    onReward: (index, value, parts) => take(sampled[index].job, sampled[index].response, value, parts),
  });
  return outcome;
}

/** A beam search for all prompts, on this machine or on servers. `nameJob`: how errors name a prompt's index. */
export type BeamSearcher = (
  prompts: number[][],
  settings: BeamSettings,
  hooks: {
    onResponse(job: number, response: SampledResponse): void;
    onTokens?(count: number): void;
    control?: Control;
  },
  nameJob: (job: number) => string,
) => Promise<Outcome>;

export const localBeams =
  (model: LoadedModel): BeamSearcher =>
  (prompts, settings, hooks) =>
    beamSearch(model, prompts, settings, hooks);

/** Answers the missing prompts by beam search. @throws UserError if a prompt leaves no room */
export async function beamAnswers(
  search: BeamSearcher,
  prompts: readonly AnswerPrompt[],
  answers: Answers,
  settings: BeamSettings,
  { onCandidates, onTokens, control }: AnswerHooks,
): Promise<Outcome> {
  const missing = prompts.map((_, prompt) => prompt).filter((prompt) => !answers.has(prompt, 0));
  return search(
    missing.map((prompt) => prompts[prompt].ids),
    settings,
    {
      onTokens,
      control,
      onResponse: (job, response) => {
        const { ids, logps, finish_reason } = response;
        const score = logps / ids.length ** settings.length_penalty;
        onCandidates([
          answers.add({
            prompt_index: missing[job],
            sample: 0,
            reward: null,
            length: ids.length,
            finish_reason,
            response: { ...response, score },
          }),
        ]);
      },
    },
    (job) => `the response to ${prompts[missing[job]].where}`,
  );
}
