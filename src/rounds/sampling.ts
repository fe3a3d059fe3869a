/** Samples responses to prompts into a file, a row a prompt; what the file already holds is not sampled again. */
import type { LoadedModel } from '../model/folder.js';
import { encodePrompts } from '../prompts.js';
import { type SampleRow, type SampledResponse, sampleRowSchema } from '../rows.js';
import { type SamplingSettings, sampleResponses } from '../sampling/sample.js';
import { appendJsonLines, readJsonLines } from '../store/jsonl.js';
import type { WorkContext } from './context.js';
import { ProgressMeter } from './progress.js';
import { type RoundPrompt, promptText } from './prompts.js';

export interface SamplingPlan {
  file: string;
  prompts: RoundPrompt[];
  /** Responses to each prompt. */
  samples: number;
  raw: boolean;
  settings: SamplingSettings;
  seed(promptIndex: number, sample: number): number;
}

/** @returns all rows of the file, by prompt_index; fewer than asked for where the control stopped it */
export async function sampleInto(model: LoadedModel, plan: SamplingPlan, context: WorkContext): Promise<SampleRow[]> {
  const known = new Set(readJsonLines(plan.file, sampleRowSchema, { missing: 'empty' }).map((row) => row.prompt_index));
  const ids = encodePrompts(model, plan.prompts, { raw: plan.raw });
  const missing = plan.prompts
    .map((prompt, i) => ({ prompt, ids: ids[i] }))
    .filter(({ prompt }) => !known.has(prompt.index));
  const meter = new ProgressMeter(context, 'responses', plan.prompts.length * plan.samples, known.size * plan.samples);
  const jobs = missing.flatMap(({ prompt, ids: prompt_ids }) =>
    Array.from({ length: plan.samples }, (_, sample) => ({ prompt_ids, seed: plan.seed(prompt.index, sample) })),
  );
  const finished = missing.map(() => new Map<number, SampledResponse>());
  const write = (at: number) => {
    const responses = [...finished[at]].sort(([a], [b]) => a - b).map(([, response]) => response);
    const { prompt, ids: prompt_ids } = missing[at];
    appendJsonLines(plan.file, [
      { prompt_index: prompt.index, prompt: prompt.prompt, prompt_ids, responses } satisfies SampleRow,
    ]);
  };
  const outcome = await sampleResponses(model, jobs, plan.settings, {
    control: context.control,
    onTokens: (count) => meter.add(0, count),
    onResponse: (job, response) => {
      const [at, sample] = [Math.floor(job / plan.samples), job % plan.samples];
      finished[at].set(sample, response);
      if (finished[at].size === plan.samples) write(at);
      meter.add(1);
      const { prompt } = missing[at];
      context.report({ type: 'response', prompt_index: prompt.index, sample, prompt: promptText(prompt), response });
    },
  });
  // Stopped early: two responses make a pair.
  if (outcome === 'stopped')
    finished.forEach((responses, at) => responses.size >= 2 && responses.size < plan.samples && write(at));
  return readJsonLines(plan.file, sampleRowSchema, { missing: 'empty' }).sort(
    (a, b) => a.prompt_index - b.prompt_index,
  );
}
