/** A round's and its opponents' responses to the held-out prompts, computed on this machine or on sampling servers. */
import { namedParts } from '../../core/config/rewardSpec.js';
import type { ServerConfig } from '../../core/config/schema.js';
import { pauseOnly } from '../../core/control.js';
import type { Answers, Opponent } from '../../core/evaluation.js';
import { ContextFull, type ServerPool } from '../../remote/servers/pool.js';
import type { WorkContext } from './context.js';
import { Probes } from './probes.js';
import { localSampler, sampleInto, type Sampler } from './sample.js';
import { holdPolicy, serverSampler, withServers } from './servers.js';
import { responseLogprobs, sum } from '../../train/logprobs.js';
import { referenceLogps } from '../../train/referenceLogps.js';
import { UserError } from '../../core/errors.js';
import { sampleRowSchema, scoreRowSchema } from '../../core/rows.js';
import { deriveSeed } from '../../core/seeds.js';
import { readJsonLines } from '../../io/jsonl.js';
import { heldOutPrompts } from './prompts.js';
import { remoteName } from '../../remote/names.js';
import { scoreInto } from './score.js';
import { roundFiles } from '../../core/runFiles.js';

/** @throws UserError if a policy cannot be loaded, or the servers cannot be used */
export async function answersOf(context: WorkContext): Promise<{ answers: Answers; opponents: Opponent[] }> {
  const { server } = context.config.sampling;
  const { answers, logps } =
    server === null
      ? await answersHere(context)
      : await withServers(context, server, (pool) => answersThere(context, pool, server));
  const opponents = opponentsOf(context).map(({ against, id }, i): Opponent => ({
    against,
    ...readAnswers(context, id),
    logps: logps[i],
  }));
  return { answers, opponents };
}

/** The policies that a round is compared with. */
function opponentsOf({ round: { id, parent } }: WorkContext): { against: string; id: number }[] {
  if (id === 0) return [];
  return [
    { against: 'round-start', id: parent ?? 0 },
    { against: 'base', id: 0 },
  ];
}

/** `logps`: of the responses, under each opponent. */
interface Evaluated {
  answers: Answers;
  logps: Opponent['logps'][];
}

async function answersHere(context: WorkContext): Promise<Evaluated> {
  const { files, round } = context;
  const model = await context.models.load(files.policyDir(round.id));
  const answers = await heldOutAnswers(localSampler(model), context);
  const logps: number[][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await logpsUnder(context, files.policyDir(id)));
  return { answers, logps };
}

/** Also samples the update's last probes: this is the first time that the servers hold its policy. */
async function answersThere(context: WorkContext, pool: ServerPool, server: ServerConfig): Promise<Evaluated> {
  const { round } = context;
  await holdPolicy(context, pool, server, round.id, [round.parent ?? 0]);
  if (round.id > 0 && round.steps !== null) {
    const control = pauseOnly(context.control);
    const probes = new Probes({ ...context, control }, serverSampler(pool), round.steps, false);
    await probes.at(round.steps, round.steps);
  }
  const answers = await heldOutAnswers(serverSampler(pool), context);
  const logps: Opponent['logps'][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await opponentLogps(context, pool, server, id));
  return { answers, logps };
}

/** Known only if the servers can hold the opponent beside the round's policy. */
async function opponentLogps(
  context: WorkContext,
  pool: ServerPool,
  server: ServerConfig,
  opponent: number,
): Promise<Opponent['logps']> {
  if (server.weights !== 'adapter')
    return { unknown: `the servers hold one policy at a time (sampling.server.weights is ${server.weights})` };
  await holdPolicy(context, pool, server, opponent, [context.round.id]);
  try {
    return await logpsOnServers(context, pool, opponent, pool.weights?.adapter ?? null);
  } catch (error) {
    if (!(error instanceof ContextFull)) throw error;
    return { unknown: error.message };
  }
}

// Responses to the held-out prompts: sampling and scoring them, reading them back, and their log-probabilities under
// another policy.

/**
 * Samples one response per held-out prompt, with the same seeds in every round, so that unchanged policies respond
 * identically. A comparison needs every prompt, so this can only be paused.
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
  await scoreInto(files.file(round.id, roundFiles.heldOutScores), samples, context, { absolute: true });
  return readAnswers(context, round.id);
}

/** @throws UserError if a file is damaged: every prompt needs one response and one reward */
export function readAnswers({ files, config }: WorkContext, round: number): Answers {
  const file = (name: string) => files.file(round, name);
  const samples = readJsonLines(file(roundFiles.heldOutSamples), sampleRowSchema);
  const scored = readJsonLines(file(roundFiles.heldOutScores), scoreRowSchema);
  const scores = new Map(scored.map((row) => [row.prompt_index, row.rewards.at(0)]));
  // Rows of earlier versions have no parts, and another round may have been scored with another reward.
  const named = namedParts(config.reward);
  const values = scored.flatMap(({ parts }) => (parts?.[0]?.length === named.length ? [parts[0]] : []));
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
    ...(named.length > 0 && values.length === scored.length && values.length > 0 && { parts: { named, values } }),
  };
}

/** Summed log-probabilities of the policy's held-out responses under another policy, stored like a reference's. */
export async function logpsUnder(context: WorkContext, dir: string): Promise<number[]> {
  const sequences = heldOutSequences(context);
  const model = await context.models.load(dir);
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return referenceLogps(file, model.fingerprint, sequences, async (missing) =>
    (await responseLogprobs(model, missing, { control: pauseOnly(context.control) })).map(sum),
  );
}

/**
 * Likewise under the policy of a round that the servers hold beside the sampled one.
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
