/** Answers to the held-out prompts: sampled, scored, read again, and judged by another policy. */
import { pauseOnly } from '../control.js';
import { responseLogprobs, sum } from '../dpo/logprobs.js';
import { referenceLogps } from '../dpo/reference.js';
import type { Answers } from '../evaluation/evaluate.js';
import { UserError } from '../errors.js';
import { sampleRowSchema, scoreRowSchema } from '../rows.js';
import { deriveSeed } from '../sampling/seed.js';
import { readJsonLines } from '../store/jsonl.js';
import type { WorkContext } from './context.js';
import { roundFiles } from './files.js';
import { heldOutPrompts } from './prompts.js';
import { remoteName } from '../remote/runId.js';
import type { ServerPool } from '../remote/servers/pool.js';
import { type Sampler, sampleInto } from './sampling.js';
import { scoreInto } from './scoring.js';

/**
 * One response to each held-out prompt, with the same seeds in every round: unchanged policies answer alike. A
 * comparison needs every prompt: here only pausing has a meaning.
 */
export async function heldOutAnswers(sampler: Sampler, context: WorkContext): Promise<Answers> {
  const { config, files, round } = context;
  const { rows: samples } = await sampleInto(
    sampler,
    {
      file: files.file(round.id, roundFiles.heldOutSamples),
      prompts: heldOutPrompts(config),
      samples: 1,
      raw: config.sampling.raw,
      settings: { ...config.sampling, temperature: config.evaluation.temperature },
      seed: (promptIndex) => deriveSeed(config.seed, 'held-out', promptIndex),
    },
    { ...context, control: pauseOnly(context.control) },
  );
  await scoreInto(files.file(round.id, roundFiles.heldOutScores), samples, context);
  return readAnswers(context, round.id);
}

/** @throws UserError if a file is damaged: every prompt needs one response and one reward */
export function readAnswers({ files }: WorkContext, round: number): Answers {
  const file = (name: string) => files.file(round, name);
  const samples = readJsonLines(file(roundFiles.heldOutSamples), sampleRowSchema);
  const scores = new Map(
    readJsonLines(file(roundFiles.heldOutScores), scoreRowSchema).map((row) => [row.prompt_index, row.rewards.at(0)]),
  );
  samples.sort((a, b) => a.prompt_index - b.prompt_index);
  const lacking = (name: string, what: string, prompt_index: number) =>
    new UserError(
      `${file(name)} has no ${what} for prompt_index ${prompt_index}; remove its line, and the next start does it again`,
    );
  return {
    responses: samples.map(({ prompt_index, responses }) => {
      const response = responses.at(0);
      if (response === undefined) throw lacking(roundFiles.heldOutSamples, 'response', prompt_index);
      return response;
    }),
    rewards: samples.map(({ prompt_index }) => {
      const reward = scores.get(prompt_index);
      if (reward === undefined) throw lacking(roundFiles.heldOutScores, 'reward', prompt_index);
      return reward;
    }),
  };
}

/** Summed log-probabilities of the policy's held-out responses under another policy, kept like a reference's. */
export async function logpsUnder(context: WorkContext, dir: string): Promise<number[]> {
  const sequences = heldOutSequences(context);
  const model = await context.models.load(dir);
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return referenceLogps(file, model.fingerprint, sequences, async (missing) =>
    (await responseLogprobs(model, missing, { control: pauseOnly(context.control) })).map(sum),
  );
}

/**
 * The same under the policy of a round that the servers hold beside the sampled one.
 *
 * @param adapter its name; null: the base model
 */
export async function logpsOnServers(
  context: WorkContext,
  pool: ServerPool,
  round: number,
  adapter: string | null,
): Promise<number[]> {
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return referenceLogps(
    file,
    `servers ${remoteName(context.files, round)}`,
    heldOutSequences(context),
    async (missing) =>
      (await pool.logprobs(missing, { adapter, control: pauseOnly(context.control) })).map((values) =>
        values.reduce((total, value) => total + value, 0),
      ),
  );
}

function heldOutSequences({ files, round }: WorkContext): { prompt_ids: number[]; response_ids: number[] }[] {
  const samples = readJsonLines(files.file(round.id, roundFiles.heldOutSamples), sampleRowSchema);
  samples.sort((a, b) => a.prompt_index - b.prompt_index);
  return samples.map(({ prompt_ids, responses }) => ({ prompt_ids, response_ids: responses[0].ids }));
}
