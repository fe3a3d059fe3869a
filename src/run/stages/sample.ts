/** Samples responses to prompts into a file, one row per prompt; rows already in the file are not sampled again. */
import type { LoadedModel } from '../../model/folder.js';
import type { PolicyFiles } from '../../model/policyFiles.js';
import { sampleRowSchema, type SampledResponse, type SampleRow } from '../../core/rows.js';
import {
  sampleResponses,
  type SamplingHooks,
  type SamplingJob,
  type SamplingSettings,
} from '../../model/generate/sample.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { ProgressMeter, type WorkContext } from './context.js';
import type { RoundPrompt } from './prompts.js';
import { promptText } from '../../core/prompts.js';
import { encodePrompts } from '../../model/prompts.js';

/** A policy that can be sampled, on this machine or on servers. */
export interface Sampler {
  policy: Pick<PolicyFiles, 'dir' | 'config' | 'tokenizer'>;
  /** Like sampleResponses. `nameJob`: how errors name a job. */
  sample(
    jobs: SamplingJob[],
    settings: SamplingSettings,
    hooks: SamplingHooks,
    nameJob?: (job: number) => string,
  ): Promise<'done' | 'stopped' | 'aborted'>;
}

export function localSampler(model: LoadedModel): Sampler {
  return { policy: model, sample: (jobs, settings, hooks) => sampleResponses(model, jobs, settings, hooks) };
}

export interface SamplingPlan {
  file: string;
  prompts: RoundPrompt[];
  /** Responses per prompt. */
  samples: number;
  /** Current number of responses that are enough, if it changes while sampling; never more than `samples`. */
  enough?(): number;
  raw: boolean;
  settings: SamplingSettings;
  seed(promptIndex: number, sample: number): number;
}

/**
 * If fewer samples become enough, an unfinished prompt keeps the first ones in sampling order, not the ones that ended
 * first: short responses end sooner, and the selection must not depend on length.
 *
 * @returns all rows of the file, by prompt_index; fewer than planned if the control stopped it
 */
export async function sampleInto(
  sampler: Sampler,
  plan: SamplingPlan,
  context: WorkContext,
): Promise<{ rows: SampleRow[]; stopped: boolean }> {
  const { file, samples, seed } = plan;
  const known = readJsonLines(file, sampleRowSchema, { missing: 'empty' });
  const there = new Set(known.map((row) => row.prompt_index));
  const ids = encodePrompts(sampler.policy, plan.prompts, { raw: plan.raw });
  const missing = plan.prompts
    .map((prompt, i) => ({ prompt, ids: ids[i] }))
    .filter(({ prompt }) => !there.has(prompt.index));
  const jobs = missing.flatMap(({ prompt, ids: prompt_ids }) =>
    Array.from({ length: samples }, (_, sample) => ({ prompt_ids, seed: seed(prompt.index, sample) })),
  );
  const finished = missing.map(() => new Map<number, SampledResponse>());
  const written = new Set<number>();
  let enough = plan.enough?.() ?? samples;
  let kept = known.reduce((sum, { responses }) => sum + responses.length, 0);
  const meter = new ProgressMeter(context, 'responses', kept + missing.length * enough, kept);
  const write = (at: number) => {
    const responses = [...finished[at]].sort(([a], [b]) => a - b).map(([, response]) => response);
    const { prompt, ids: prompt_ids } = missing[at];
    appendJsonLines(file, [
      { prompt_index: prompt.index, prompt: prompt.prompt, prompt_ids, responses } satisfies SampleRow,
    ]);
    written.add(at);
    kept += responses.length;
  };
  const writeFinished = (at: number) => finished[at].size === enough && !written.has(at) && write(at);
  const lower = (to: number) => {
    enough = to;
    finished.forEach((responses, at) => {
      if (written.has(at)) return;
      for (const sample of responses.keys()) if (sample >= enough) responses.delete(sample);
      writeFinished(at);
    });
    const open = finished.flatMap((responses, at) => (written.has(at) ? [] : [responses.size]));
    const done = kept + open.reduce((sum, size) => sum + size, 0);
    meter.expect(kept + open.length * enough, done);
  };
  const hooks: SamplingHooks = {
    control: context.control,
    wanted(job) {
      const now = plan.enough?.() ?? samples;
      if (now < enough) lower(now);
      return job % samples < enough;
    },
    onTokens: (count) => meter.add(0, count),
    onResponse: (job, response) => {
      const [at, sample] = [Math.floor(job / samples), job % samples];
      finished[at].set(sample, response);
      writeFinished(at);
      meter.add(1);
      const { prompt } = missing[at];
      context.report({ type: 'response', prompt_index: prompt.index, sample, prompt: promptText(prompt), response });
    },
  };
  const nameJob = (job: number) =>
    `the response ${(job % samples) + 1} to ${missing[Math.floor(job / samples)].prompt.where}`;
  const outcome = await sampler.sample(jobs, plan.settings, hooks, nameJob);
  // Stopped early: keep prompts with two responses, enough for a pair.
  if (outcome === 'stopped') finished.forEach((responses, at) => responses.size >= 2 && !written.has(at) && write(at));
  const rows = readJsonLines(file, sampleRowSchema, { missing: 'empty' });
  rows.sort((a, b) => a.prompt_index - b.prompt_index);
  return { rows, stopped: outcome === 'stopped' };
}
