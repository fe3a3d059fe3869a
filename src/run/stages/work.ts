/**
 * The computing stages of a round. Each reads what earlier stages left in the round's folder, resumes its own earlier
 * attempt, and can be repeated: a crash between a stage's end and its mark in run.json costs nothing.
 */
import { pauseOnly, type Control } from '../../core/control.js';
import { responseLogprobs } from '../../train/logprobs.js';
import { makePairs, withColumns } from '../../core/pairs.js';
import { pairingSeed } from '../../core/pairing.js';
import { saveModel, type LoadedModel } from '../../model/folder.js';
import { jobFile } from '../../remote/jobs/contract.js';
import { hasJob } from '../../remote/jobs/view.js';
import { updateByJob } from '../jobs/watch.js';
import { objectives } from '../../core/objectives/index.js';
import { seedRound } from '../../core/rounds.js';
import { type EvaluationResult, sampleRowSchema } from '../../core/rows.js';
import { deriveSeed, sampleSeed } from '../../core/seeds.js';
import { removeAll, writeFileAtomic } from '../../io/durable.js';
import { readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { removeCheckpoint } from './checkpoint.js';
import type { Work, WorkContext, WorkResults } from './context.js';
import { discardUpdate } from './files.js';
import { measureFirstStep, resumeUpdate, trainingPairs, updateWithFiles } from './update.js';
import { evaluateRound } from './evaluate.js';
import { probeSequences, type PolicyProbes, writePolicyProbes } from './policyProbes.js';
import { Probes, probeStart } from './probes.js';
import { roundPrompts } from './prompts.js';
import { referenceOf, reviewLogps, trainingUse } from './reference.js';
import { reviewRows } from '../../core/review/rows.js';
import { localSampler, sampleInto, type SamplingPlan } from './sample.js';
import { checkRunReward, scoreInto } from './score.js';
import { holdPolicy, serverSampler, withServers } from './servers.js';
import { roundFiles } from '../../core/runFiles.js';

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
    const {
      pairs: plain,
      dropped,
      made,
    } = makePairs(samples, scores, config.pairs, pairingSeed(config.seed, seedRound(round)));
    const rewardsOf = new Map(scores.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
    const pairs = plain.map((pair) => withColumns(pair, config, rewardsOf.get(pair.prompt_index as number) ?? []));
    const review = reviewRows(samples, scores, made);
    writeJsonLines(files.file(round.id, roundFiles.pairs), pairs);
    writeJsonLines(files.file(round.id, roundFiles.review), review);
    // A job may run on another machine, to which this measurement does not apply.
    if (config.update.job === null) await measureFirstStep(context, pairs);
    return { pairs, review, dropped };
  },

  async update(context) {
    const { config, files, round, stopAfter = Infinity } = context;
    const { server } = config.sampling;
    const submitted = config.update.job !== null && hasJob(files, round.id);
    // A job that is resumed or aborted needs no server.
    if (server !== null && !submitted) await probeStart(context, server);
    if (config.update.job !== null) return updateByJob(context, config.update.job);
    let taken = 0;
    const control: Control = {
      async point() {
        const verdict = await context.control.point();
        return verdict === 'go' && taken >= stopAfter ? 'stop' : verdict;
      },
    };
    const start = files.policyDir(round.parent ?? 0);
    const pairs = trainingPairs(context);
    const reference = objectives[config.dpo.objective].reference ? await referenceOf(context, pairs) : null;
    const updateFiles = {
      checkpoint: files.file(round.id, roundFiles.update),
      metrics: files.file(round.id, roundFiles.metrics),
    };
    if (reference === 'aborted') {
      discardUpdate(context);
      return { steps: 0, outcome: 'aborted' };
    }
    const policy = await context.models.load(start, trainingUse(config));
    const resumed = resumeUpdate(updateFiles, config.update.micro_batch);
    for (const metrics of resumed.metrics) context.report({ type: 'step', metrics });
    taken = resumed.state?.step ?? 0;
    // With servers, probes run at the start and, once the servers hold the new policy, at the end.
    const probes = server === null ? new Probes({ ...context, control }, localSampler(policy), taken) : null;
    const proof =
      server === null ? null : await startPolicyProbes(context, policy, probeSequences(pairs, server.probes));
    try {
      const result = await updateWithFiles(
        policy,
        pairs,
        reference,
        {
          dpo: { ...config.dpo, alpha: round.settings.alpha, beta: round.settings.beta },
          update: { ...config.update, lr: round.settings.lr },
          seed: deriveSeed(config.seed, 'update', seedRound(round)),
        },
        updateFiles,
        resumed,
        {
          control,
          onStep(metrics) {
            taken = metrics.step;
            context.report({ type: 'step', metrics });
          },
          between: async (step, total) => probes?.at(step, total),
        },
      );
      if (result.outcome === 'aborted') {
        discardUpdate(context);
        return result;
      }
      if (proof !== null) await endPolicyProbes(context, policy, proof);
      const dir = files.policyDir(round.id);
      // May be left by an attempt that was killed before run.json recorded it.
      removeAll([dir]);
      await saveModel(policy, dir, { dtype: 'float32', place: 'run' });
      return result;
    } finally {
      // Its weights no longer match its folder.
      context.models.forget();
    }
  },

  async evaluate(context) {
    const { files, round } = context;
    // Not at the end of the update: until run.json records the end, the next start resumes from the checkpoint.
    removeCheckpoint(files.file(round.id, roundFiles.update));
    removeCheckpoint(jobFile(files.file(round.id, roundFiles.job), 'checkpoint'));
    const reward_check = await checkRunReward(context);
    const result: EvaluationResult = {
      ...(await evaluateRound(context)),
      ...(reward_check !== null && { reward_check }),
    };
    writeFileAtomic(files.file(round.id, roundFiles.evaluation), JSON.stringify(result, null, 1) + '\n');
    return result;
  },

  logps: reviewLogps,
};

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
