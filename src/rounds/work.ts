/**
 * The computing stages of a round. Each reads what earlier stages left in the round's folder, goes on where an earlier
 * attempt stopped, and is done again without harm: a crash between a stage's end and its mark in run.json costs nothing.
 */
import type { Control } from '../control.js';
import { makePairs } from '../dpo/pairs.js';
import { type Opponent, evaluatePolicy } from '../evaluation/evaluate.js';
import { saveModel } from '../model/folder.js';
import { jobFile } from '../remote/jobs/contract.js';
import { updateByJob } from '../remote/jobs/watch.js';
import { sampleRowSchema } from '../rows.js';
import { deriveSeed, sampleSeed } from '../sampling/seed.js';
import { removeAll, writeFileAtomic } from '../store/durable.js';
import { readJsonLines, writeJsonLines } from '../store/jsonl.js';
import { removeCheckpoint } from './checkpoint.js';
import type { Work, WorkContext, WorkResults } from './context.js';
import { discardUpdate } from './discard.js';
import { roundFiles } from './files.js';
import { measureFirstStep } from './firstStep.js';
import { heldOutAnswers, logpsUnder, readAnswers } from './heldOut.js';
import { Probes } from './probes.js';
import { roundPrompts } from './prompts.js';
import { referenceOf, reviewLogps, trainingUse } from './reference.js';
import { reviewRows } from './reviewRows.js';
import { sampleInto } from './sampling.js';
import { scoreInto } from './scoring.js';
import { trainingPairs } from './training.js';
import { resumeUpdate, updateWithFiles } from './updateFiles.js';

export const work: { [S in Work]: (context: WorkContext) => Promise<WorkResults[S]> } = {
  async sample(context) {
    const { config, files, round } = context;
    const model = await context.models.load(files.policyDir(round.parent ?? 0));
    const prompts = roundPrompts(config, context.promptCounts);
    const { rows, stopped } = await sampleInto(
      model,
      {
        file: files.file(round.id, roundFiles.samples),
        prompts,
        samples: config.sampling.samples_per_prompt,
        enough: context.enough,
        raw: config.sampling.raw,
        settings: config.sampling,
        seed: (promptIndex, sample) => sampleSeed(config.seed, round.id, promptIndex, sample),
      },
      context,
    );
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
    // A job may run where nothing that is measured here holds.
    if (config.update.job === null) await measureFirstStep(context, pairs);
    return { pairs, review, dropped };
  },

  async update(context) {
    const { config, files, round, stopAfter = Infinity } = context;
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
    const reference = await referenceOf(context, pairs);
    const updateFiles = {
      checkpoint: files.file(round.id, roundFiles.update),
      metrics: files.file(round.id, roundFiles.metrics),
    };
    if (reference === null) {
      discardUpdate(context);
      return { steps: 0, outcome: 'aborted' };
    }
    const policy = await context.models.load(start, trainingUse(config));
    const resumed = resumeUpdate(updateFiles, config.update.micro_batch);
    for (const metrics of resumed.metrics) context.report({ type: 'step', metrics });
    taken = resumed.state?.step ?? 0;
    const probes = new Probes({ ...context, control }, policy, taken);
    try {
      const result = await updateWithFiles(
        policy,
        pairs,
        reference,
        {
          dpo: { ...config.dpo, alpha: round.settings.alpha, beta: round.settings.beta },
          update: { ...config.update, lr: round.settings.lr },
          seed: deriveSeed(config.seed, 'update', round.id),
        },
        updateFiles,
        resumed,
        {
          control,
          onStep(metrics) {
            taken = metrics.step;
            context.report({ type: 'step', metrics });
          },
          between: (step, total) => probes.at(step, total),
        },
      );
      if (result.outcome === 'aborted') {
        discardUpdate(context);
        return result;
      }
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
    removeCheckpoint(jobFile(files.file(round.id, roundFiles.job), 'checkpoint'));
    const model = await context.models.load(files.policyDir(round.id));
    const answers = await heldOutAnswers(model, context);
    const opponents: Opponent[] = [];
    if (round.id > 0) {
      for (const [against, id] of [
        ['round-start', round.parent ?? 0],
        ['base', 0],
      ] as const) {
        const dir = files.policyDir(id);
        opponents.push({ against, ...readAnswers(context, id), logps: await logpsUnder(context, dir) });
      }
    }
    const result = evaluatePolicy(round.id, answers, opponents);
    writeFileAtomic(files.file(round.id, roundFiles.evaluation), JSON.stringify(result, null, 1) + '\n');
    return result;
  },

  logps: reviewLogps,
};
