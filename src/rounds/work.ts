/**
 * The computing stages of a round. Each reads what earlier stages left in the round's folder, goes on where an earlier
 * attempt stopped, and is done again without harm: a crash between a stage's end and its mark in run.json costs nothing.
 */
import type { ServerConfig } from '../config/schema.js';
import { type Control, pauseOnly } from '../control.js';
import { responseLogprobs } from '../dpo/logprobs.js';
import { makePairs } from '../dpo/pairs.js';
import { updatePolicy } from '../dpo/update.js';
import { UserError } from '../errors.js';
import { type Answers, type Opponent, evaluatePolicy } from '../evaluation/evaluate.js';
import { type LoadedModel, saveModel } from '../model/folder.js';
import { log } from '../print.js';
import { ContextFull, type ServerPool } from '../remote/servers/pool.js';
import { type MetricsRow, sampleRowSchema } from '../rows.js';
import { deriveSeed, sampleSeed } from '../sampling/seed.js';
import { removeAll, writeFileAtomic } from '../store/durable.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../store/jsonl.js';
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Work, WorkContext, WorkResults } from './context.js';
import { discardUpdate } from './discard.js';
import { roundFiles } from './files.js';
import { measureFirstStep } from './firstStep.js';
import { heldOutAnswers, logpsOnServers, logpsUnder, readAnswers } from './heldOut.js';
import { metricsSchema } from './metrics.js';
import { type PolicyProbes, probeSequences, writePolicyProbes } from './policyProbes.js';
import { probeRowSchema } from './probeRows.js';
import { Probes } from './probes.js';
import { roundPrompts } from './prompts.js';
import { referenceOf, reviewLogps, trainingUse } from './reference.js';
import { reviewRows } from './reviewRows.js';
import { type Sampler, type SamplingPlan, localSampler, sampleInto } from './sampling.js';
import { scoreInto } from './scoring.js';
import { holdPolicy, policyFiles, serverSampler, withServers } from './servers.js';
import { trainingPairs } from './training.js';

export const work: { [S in Work]: (context: WorkContext) => Promise<WorkResults[S]> } = {
  async sample(context) {
    const { config, files, round } = context;
    const prompts = roundPrompts(config, context.promptCounts);
    const plan: SamplingPlan = {
      file: files.file(round.id, roundFiles.samples),
      prompts,
      samples: config.sampling.samples_per_prompt,
      enough: context.enough,
      raw: config.sampling.raw,
      settings: config.sampling,
      seed: (promptIndex, sample) => sampleSeed(config.seed, round.id, promptIndex, sample),
    };
    const { server } = config.sampling;
    const start = round.parent ?? 0;
    const { rows, stopped } =
      server === null
        ? await sampleInto(localSampler(await context.models.load(files.policyDir(start))), plan, context)
        : await withServers(context, server, async (pool) => {
            await holdPolicy(context, pool, server, start);
            return sampleInto(serverSampler(pool), plan, context);
          });
    return {
      responses: rows.reduce((sum, { responses }) => sum + responses.length, 0),
      sampled: { prompts: rows.length, planned: prompts.length, stopped_early: stopped },
    };
  },

  async score(context) {
    const { config, files, round } = context;
    const samples = readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema, { missing: 'empty' });
    const scores = await scoreInto(files.file(round.id, roundFiles.scores), samples, context);
    const { pairs, dropped, made } = makePairs(
      samples,
      scores,
      config.pairs,
      deriveSeed(config.seed, 'pairs', round.id),
    );
    const review = reviewRows(samples, scores, made);
    writeJsonLines(files.file(round.id, roundFiles.pairs), pairs);
    writeJsonLines(files.file(round.id, roundFiles.review), review);
    if (config.update.job === null) await measureFirstStep(context, pairs);
    return { pairs, review, dropped };
  },

  async update(context) {
    const { config, files, round, stopAfter = Infinity } = context;
    let taken = 0;
    const control: Control = {
      async point() {
        const verdict = await context.control.point();
        return verdict === 'go' && taken >= stopAfter ? 'stop' : verdict;
      },
    };
    const start = files.policyDir(round.parent ?? 0);
    const pairs = trainingPairs(context);
    const reference = await referenceOf(context, pairs);
    const state = files.file(round.id, roundFiles.update);
    const metricsFile = files.file(round.id, roundFiles.metrics);
    if (reference === null) {
      discardUpdate(context);
      return { steps: 0, outcome: 'aborted' };
    }
    const policy = await context.models.load(start, trainingUse(config));
    const resume = readCheckpoint(state, config.update.micro_batch) ?? undefined;
    for (const metrics of keepMetrics(metricsFile, resume?.step ?? 0)) context.report({ type: 'step', metrics });
    taken = resume?.step ?? 0;
    const { server } = config.sampling;
    const probes = server === null ? new Probes({ ...context, control }, localSampler(policy), taken) : null;
    if (server !== null) await probeStart(context, server);
    const proof =
      server === null ? null : await startPolicyProbes(context, policy, probeSequences(pairs, server.probes));
    let kept = performance.now();
    try {
      const result = await updatePolicy(
        policy,
        pairs,
        reference,
        {
          dpo: { ...config.dpo, alpha: round.settings.alpha, beta: round.settings.beta },
          update: { ...config.update, lr: round.settings.lr },
          seed: deriveSeed(config.seed, 'update', round.id),
        },
        {
          control,
          resume,
          onStep(metrics, capture) {
            appendJsonLines(metricsFile, [metrics]);
            taken = metrics.step;
            if (performance.now() - kept >= config.update.checkpoint_seconds * 1000) {
              writeCheckpoint(state, capture());
              kept = performance.now();
            }
            context.report({ type: 'step', metrics });
          },
          between: async (step, total) => probes?.at(step, total),
          onSuspend: (unfinished) => writeCheckpoint(state, unfinished),
        },
      );
      if (result.outcome === 'aborted') {
        discardUpdate(context);
        return result;
      }
      if (proof !== null) await endPolicyProbes(context, policy, proof);
      const dir = files.policyDir(round.id);
      // Saved by an attempt that was killed before run.json said so.
      removeAll([dir]);
      await saveModel(policy, dir, { dtype: 'float32', place: 'run' });
      return result;
    } finally {
      // Its weights are no longer those of its folder.
      context.models.forget();
    }
  },

  async evaluate(context) {
    const { files, round } = context;
    // Not at the end of the update: until run.json says that it has ended, the next start resumes from the checkpoint.
    removeCheckpoint(files.file(round.id, roundFiles.update));
    const { server } = context.config.sampling;
    const { answers, logps } =
      server === null
        ? await evaluatedHere(context)
        : await withServers(context, server, (pool) => evaluatedThere(context, pool, server));
    const opponents = opponentsOf(round).map(({ against, id }, i): Opponent => ({
      against,
      ...readAnswers(context, id),
      logps: logps[i],
    }));
    const result = evaluatePolicy(round.id, answers, opponents);
    writeFileAtomic(files.file(round.id, roundFiles.evaluation), JSON.stringify(result, null, 1) + '\n');
    return result;
  },

  logps: reviewLogps,
};

/** The policies that a round is compared with. */
function opponentsOf({ id, parent }: WorkContext['round']): { against: string; id: number }[] {
  if (id === 0) return [];
  return [
    { against: 'round-start', id: parent ?? 0 },
    { against: 'base', id: 0 },
  ];
}

/** `logps`: of the answers, under each opponent. */
interface Evaluated {
  answers: Answers;
  logps: Opponent['logps'][];
}

async function evaluatedHere(context: WorkContext): Promise<Evaluated> {
  const { files, round } = context;
  const model = await context.models.load(files.policyDir(round.id));
  const answers = await heldOutAnswers(localSampler(model), context);
  const logps: number[][] = [];
  for (const { id } of opponentsOf(round)) logps.push(await logpsUnder(context, files.policyDir(id)));
  return { answers, logps };
}

/** The update's last probes are answered here, where its policy is first on the servers. */
async function evaluatedThere(context: WorkContext, pool: ServerPool, server: ServerConfig): Promise<Evaluated> {
  const { files, round } = context;
  const start = round.parent ?? 0;
  await holdPolicy(context, pool, server, round.id, [start]);
  if (round.id > 0 && round.steps !== null) {
    const control = pauseOnly(context.control);
    await new Probes({ ...context, control }, serverSampler(pool), round.steps).at(round.steps, round.steps);
  }
  const answers = await heldOutAnswers(serverSampler(pool), context);
  const logps: Opponent['logps'][] = [];
  for (const { id } of opponentsOf(round)) {
    const known = await opponentLogps(context, pool, server, id);
    logps.push(known);
  }
  return { answers, logps };
}

/** Known only if the servers hold the opponent beside the round's policy. */
async function opponentLogps(
  context: WorkContext,
  pool: ServerPool,
  server: ServerConfig,
  opponent: number,
): Promise<Opponent['logps']> {
  const { files, round } = context;
  if (server.weights !== 'adapter')
    return { unknown: `the servers hold one policy at a time (sampling.server.weights is ${server.weights})` };
  await holdPolicy(context, pool, server, opponent, [round.id]);
  try {
    return await logpsOnServers(context, pool, opponent, pool.weights?.adapter ?? null);
  } catch (error) {
    if (!(error instanceof ContextFull)) throw error;
    return { unknown: error.message };
  }
}

/** The greedy answers before an update are shown while it runs. Without them it runs as well. */
async function probeStart(context: WorkContext, server: ServerConfig): Promise<void> {
  const { files, round } = context;
  const known = readJsonLines(files.file(round.id, roundFiles.probes), probeRowSchema, { missing: 'empty' });
  try {
    if (context.config.evaluation.probes === 0) return;
    const sampler: Sampler = { policy: policyFiles(context), sample: async () => 'done' };
    // Reports the answers of an earlier attempt.
    const before = new Probes(context, sampler, 0);
    if (known.some(({ step }) => step === 0)) return;
    await withServers(context, server, async (pool) => {
      await holdPolicy(context, pool, server, round.parent ?? 0);
      await before.from(serverSampler(pool)).at(0, Infinity);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log(`no probe answers before the update of round ${round.id}: ${error.message}`);
  }
}

type StartProbes = Omit<PolicyProbes, 'end'>;

/** @param policy before its first step */
async function startPolicyProbes(
  context: WorkContext,
  policy: LoadedModel,
  sequences: PolicyProbes['sequences'],
): Promise<StartProbes> {
  const { round } = context;
  const start = await probeLogprobs(context, policy, sequences);
  return { round: round.id, parent: round.parent ?? 0, by: 'trainer', sequences, start };
}

async function endPolicyProbes(context: WorkContext, policy: LoadedModel, proof: StartProbes): Promise<void> {
  writePolicyProbes(context.files, { ...proof, end: await probeLogprobs(context, policy, proof.sequences) });
}

async function probeLogprobs({ control }: WorkContext, policy: LoadedModel, sequences: PolicyProbes['sequences']) {
  const values = await responseLogprobs(policy, sequences, { control: pauseOnly(control) });
  return values.map((row) => [...row]);
}

/** Drops the rows of steps that an interrupted update took after its last checkpoint: they are taken again. */
function keepMetrics(file: string, steps: number): MetricsRow[] {
  const rows = readJsonLines(file, metricsSchema, { missing: 'empty' }).filter(({ step }) => step <= steps);
  writeJsonLines(file, rows);
  return rows;
}
