/** A round's and its opponents' responses to the held-out prompts, computed on this machine or on sampling servers. */
import type { ServerConfig } from '../../core/config/schema.js';
import { judgeOverlap, namedParts } from '../../core/config/rewardSpec.js';
import { pauseOnly } from '../../core/control.js';
import { type Answers, evaluatePolicy, type Opponent } from '../../core/evaluation.js';
import { UserError } from '../../core/errors.js';
import { decodingNote, decodingOf, whyNoKl } from '../../core/heldOutDecoding.js';
import { roundFiles } from '../../core/runFiles.js';
import { type EvaluationResult, type SampleRow, sampleRowSchema, scoreRowSchema } from '../../core/rows.js';
import { readJsonLines } from '../../io/jsonl.js';
import { remoteName } from '../../remote/names.js';
import { ContextFull, type ServerPool } from '../../remote/servers/pool.js';
import { responseLogprobs, sum } from '../../train/logprobs.js';
import { referenceLogps } from '../../train/referenceLogps.js';
import type { WorkContext } from './context.js';
import { type HeldOutSamples, heldOutMetrics, judgedBy, kindsOf } from './opinions.js';
import { Probes } from './probes.js';
import { heldOutPrompts } from './prompts.js';
import { checkSameDecoding, heldOutAnswers, heldOutHere, heldOutOnServers } from './heldOut.js';
import { scoreInto } from './score.js';
import { holdPolicy, serverSampler, withServers } from './servers.js';

/**
 * Samples and scores the round's responses, has them judged and measured, and compares them with its opponents'.
 *
 * @throws UserError if a policy cannot be loaded, the servers cannot be used, or a judge or metric fails; everything that
 *   was finished before is on disk, and the next attempt continues from there
 */
export async function evaluateRound(context: WorkContext): Promise<EvaluationResult> {
  const { config, round } = context;
  const { server } = config.sampling;
  const opponents = opponentsOf(context);
  const otherRewards = checkSameDecoding(
    context,
    opponents.map(({ id }) => id),
  );
  const logps =
    server === null
      ? await answersHere(context)
      : await withServers(context, server, (pool) => answersThere(context, pool, server));
  const samples = new Map(
    [round.id, ...opponents.map(({ id }) => id)].map((id): [number, HeldOutSamples] => [
      id,
      { round: id, rows: readSamples(context, id) },
    ]),
  );
  const own = samples.get(round.id) as HeldOutSamples;
  checkSamePrompts(context, own, [...samples.values()]);
  const decoding = decodingOf(config.evaluation);
  const prompts = heldOutPrompts(config, { rows: true });
  const metrics = await heldOutMetrics(context, prompts, [...samples.values()]);
  const judge =
    config.evaluation.judge === null ? null : await judgedBy(config.evaluation.judge, context, own, samples);
  const rescored = await scoreOpponents(context, [...samples.values()]);
  const answersOf = (id: number): Answers => ({
    ...readAnswers(context, id, rescored.get(id)),
    metrics: metrics.get(id),
    ...(judge !== null && { judged: judge.scores.get(id) }),
  });
  const known = logps.map((of, i) => ({ ...opponents[i], logps: of }));
  // Round 1 starts from the base: one comparison serves both.
  const distinct = known.filter(({ id }, i) => known.findIndex((other) => other.id === id) === i);
  const result = evaluatePolicy(
    round.id,
    answersOf(round.id),
    distinct.map(({ id, against, logps: of }): Opponent => {
      return { against, ...answersOf(id), logps: of, preferences: judge?.preferences.get(id) };
    }),
    {
      kinds: kindsOf(prompts, own.rows),
      ...(judge !== null && { judge: { spec: judge.spec, remarks: judge.remarks } }),
      ...(decoding !== null && { decoding }),
      notes: [
        ...(decoding === null ? [] : [decodingNote(decoding)]),
        ...otherRewards,
        ...(rescored.size === 0
          ? []
          : ["This branch changed the reward: its opponents' responses were scored again by this round's."]),
        ...(judge === null ? [] : judgeNotes(config.reward, judge.spec)),
      ],
    },
  );
  const comparisons = opponents.map(({ against, id }) => ({
    ...result.comparisons[distinct.findIndex((other) => other.id === id)],
    against,
  }));
  return { ...result, comparisons };
}

/**
 * Rewards of different reward models must not be compared: where a branch has changed the reward, its opponents'
 * responses are scored again by the round's.
 *
 * @returns the files of those scores, by opponent
 */
async function scoreOpponents(context: WorkContext, samples: readonly HeldOutSamples[]): Promise<Map<number, string>> {
  const { config, files, round, rewardSpecs } = context;
  const found = new Map<number, string>();
  for (const { round: id, rows } of samples) {
    if (id === round.id || (rewardSpecs?.get(id) ?? config.reward) === config.reward) continue;
    const file = files.file(round.id, roundFiles.opponentScores(id));
    await scoreInto(file, rows, context, { absolute: true, quiet: true });
    found.set(id, file);
  }
  return found;
}

/** A run.json that was edited may name the training reward as its second judge; new runs are refused. */
function judgeNotes(reward: string, judge: string): string[] {
  const overlap = judgeOverlap(reward, judge);
  if (overlap === 'none') return [];
  const what = overlap === 'same' ? 'is the training reward' : 'shares a part with the training reward';
  return [`The second judge ${what}, so it is no second opinion.`];
}

/** @throws UserError if an opponent answered other prompts: the held-out file or evaluation.max_prompts has changed */
function checkSamePrompts({ files, config }: WorkContext, own: HeldOutSamples, all: readonly HeldOutSamples[]): void {
  const indices = own.rows.map(({ prompt_index }) => prompt_index).join();
  const other = all.find(({ rows }) => rows.map(({ prompt_index }) => prompt_index).join() !== indices);
  if (other === undefined) return;
  const name = files.file(other.round, roundFiles.heldOutSamples);
  throw new UserError(
    `${name} has responses to ${other.rows.length} held-out prompts and round ${own.round} has them to ${own.rows.length}: only responses to the same prompts can be compared; restore ${config.held_out} and evaluation.max_prompts as they were when round ${other.round} was evaluated`,
  );
}

/** The policies that a round is compared with. */
function opponentsOf({ round: { id, parent } }: WorkContext): { against: string; id: number }[] {
  if (id === 0) return [];
  return [
    { against: 'round-start', id: parent ?? 0 },
    { against: 'base', id: 0 },
  ];
}

/** Responses that are not samples of the policy tell nothing of the KL. @returns null: it is estimated */
function noLogps(context: WorkContext): Opponent['logps'][] | null {
  const decoding = decodingOf(context.config.evaluation);
  return decoding === null ? null : opponentsOf(context).map(() => ({ unknown: whyNoKl(decoding) }));
}

/** Samples and scores the responses. @returns their log-probabilities under each opponent */
async function answersHere(context: WorkContext): Promise<Opponent['logps'][]> {
  const { files, round } = context;
  const model = await context.models.load(files.policyDir(round.id));
  await heldOutAnswers(heldOutHere(model), context);
  const unknown = noLogps(context);
  if (unknown !== null) return unknown;
  const logps: number[][][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await logpsUnder(context, files.policyDir(id)));
  return logps;
}

/** Also samples the update's last probes: this is the first time that the servers hold its policy. */
async function answersThere(
  context: WorkContext,
  pool: ServerPool,
  server: ServerConfig,
): Promise<Opponent['logps'][]> {
  const { round } = context;
  // Before anything is sampled.
  if (context.config.evaluation.beam > 1) pool.expectBeams();
  await holdPolicy(context, pool, server, round.id, [round.parent ?? 0]);
  if (round.id > 0 && round.steps !== null) {
    const control = pauseOnly(context.control);
    const probes = new Probes({ ...context, control }, serverSampler(pool), round.steps, false);
    await probes.at(round.steps, round.steps);
  }
  await heldOutAnswers(heldOutOnServers(pool), context);
  const unknown = noLogps(context);
  if (unknown !== null) return unknown;
  const logps: Opponent['logps'][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await opponentLogps(context, pool, server, id));
  return logps;
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

// Reads responses to the held-out prompts back, and computes their log-probabilities under another policy.

/** A round's held-out samples, by prompt_index. */
function readSamples({ files }: WorkContext, round: number): SampleRow[] {
  const samples = readJsonLines(files.file(round, roundFiles.heldOutSamples), sampleRowSchema);
  return samples.sort((a, b) => a.prompt_index - b.prompt_index);
}

/**
 * @param scoresFile where the rewards are if not among the round's own files
 * @throws UserError if a file is damaged: every prompt needs a response, and every response a reward
 */
export function readAnswers(
  context: WorkContext,
  round: number,
  scoresFile = context.files.file(round, roundFiles.heldOutScores),
): Answers {
  const samples = readSamples(context, round);
  const scored = new Map(readJsonLines(scoresFile, scoreRowSchema).map((row) => [row.prompt_index, row]));
  // Rows of earlier versions have no parts, and another round may have been scored with another reward.
  const named = namedParts(context.config.reward);
  const parts = samples.map(({ prompt_index }) => scored.get(prompt_index)?.parts ?? []);
  const isComplete =
    samples.length > 0 && parts.every((of) => of.length > 0 && of.every(({ length }) => length === named.length));
  const lacking = (file: string, what: string, prompt_index: number) =>
    new UserError(
      `${file} has no ${what} for prompt_index ${prompt_index}; remove its line, and the next start does it again`,
    );
  return {
    responses: samples.map(({ prompt_index, responses }) => {
      if (responses.length === 0)
        throw lacking(context.files.file(round, roundFiles.heldOutSamples), 'response', prompt_index);
      return responses;
    }),
    rewards: samples.map(({ prompt_index, responses }) => {
      const rewards = scored.get(prompt_index)?.rewards;
      if (rewards?.length !== responses.length) throw lacking(scoresFile, 'reward', prompt_index);
      return rewards;
    }),
    ...(named.length > 0 && isComplete && { parts: { named, values: parts } }),
  };
}

/** Summed log-probabilities of the policy's held-out responses under another policy, stored like a reference's. */
async function logpsUnder(context: WorkContext, dir: string): Promise<number[][]> {
  const { sequences, grouped } = heldOutSequences(context);
  const model = await context.models.load(dir);
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return grouped(
    await referenceLogps(file, model.fingerprint, sequences, async (missing) =>
      (await responseLogprobs(model, missing, { control: pauseOnly(context.control) })).map(sum),
    ),
  );
}

/**
 * Likewise under the policy of a round that the servers hold beside the sampled one.
 *
 * @param adapter its name; null: the base model
 */
async function logpsOnServers(
  context: WorkContext,
  pool: ServerPool,
  round: number,
  adapter: string | null,
): Promise<number[][]> {
  const { sequences, grouped } = heldOutSequences(context);
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return grouped(
    await referenceLogps(file, `servers ${remoteName(context.files, round)}`, sequences, async (missing) =>
      (await pool.logprobs(missing, { adapter, control: pauseOnly(context.control) })).map((values) =>
        values.reduce((total, value) => total + value, 0),
      ),
    ),
  );
}

/** The round's held-out responses one after the other, and how values of them are grouped by prompt. */
function heldOutSequences(context: WorkContext) {
  const rows = readSamples(context, context.round.id);
  return {
    sequences: rows.flatMap(({ prompt_ids, responses }) =>
      responses.map(({ ids }) => ({ prompt_ids, response_ids: ids })),
    ),
    grouped(values: readonly number[]): number[][] {
      let start = 0;
      return rows.map(({ responses }) => values.slice(start, (start += responses.length)));
    },
  };
}
