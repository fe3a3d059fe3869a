/**
 * The computing stages of a round. Each reads what earlier stages left in the round's folder, goes on where an earlier
 * attempt stopped, and is done again without harm: a crash between a stage's end and its mark in run.json costs nothing.
 */
import { writeFileAtomic } from '../store/atomic.js';
import { makePairs } from '../dpo/pairs.js';
import type { Control } from '../control.js';
import { Interrupted, responseLogprobs, sum } from '../dpo/logprobs.js';
import { type ReferenceLogps, bySide, pairSides } from '../dpo/step.js';
import { referenceLogps } from '../dpo/reference.js';
import { updatePolicy } from '../dpo/update.js';
import { UserError } from '../errors.js';
import { type Answers, type Opponent, evaluatePolicy } from '../evaluation/evaluate.js';
import { type LoadedModel, saveModel } from '../model/folder.js';
import { type MetricsRow, type PairRow, pairRowSchema, sampleRowSchema, scoreRowSchema } from '../rows.js';
import { deriveSeed, sampleSeed } from '../sampling/seed.js';
import { appendJsonLines, readJsonLines } from '../store/jsonl.js';
import { metricsSchema } from './metrics.js';
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { WorkContext, WorkResults, WorkStage } from './context.js';
import { discardUpdate } from './discard.js';
import { roundFiles } from './files.js';
import { ProgressMeter } from './progress.js';
import { heldOutPrompts, roundPrompts } from './prompts.js';
import { sampleInto } from './sampling.js';
import { scoreInto } from './scoring.js';

export const work: { [S in WorkStage]: (context: WorkContext) => Promise<WorkResults[S]> } = {
  async sample(context) {
    const { config, files, round } = context;
    const model = await context.models.load(files.policyDir(round.parent ?? 0));
    const rows = await sampleInto(
      model,
      {
        file: files.file(round.id, roundFiles.samples),
        prompts: roundPrompts(config, round.id),
        samples: config.sampling.samples_per_prompt,
        raw: config.sampling.raw,
        settings: config.sampling,
        seed: (promptIndex, sample) => sampleSeed(config.seed, round.id, promptIndex, sample),
      },
      context,
    );
    return { prompts: rows.length };
  },

  async score(context) {
    const { config, files, round } = context;
    const samples = readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema, { missing: 'empty' });
    const scores = await scoreInto(files.file(round.id, roundFiles.scores), samples, context);
    const { pairs, dropped } = makePairs(samples, scores, config.pairs, deriveSeed(config.seed, 'pairs', round.id));
    writeFileAtomic(files.file(round.id, roundFiles.pairs), pairs.map((pair) => JSON.stringify(pair) + '\n').join(''));
    return { pairs, dropped };
  },

  async update(context) {
    const { config, files, round, control } = context;
    const start = files.policyDir(round.parent ?? 0);
    const pairs = readJsonLines(files.file(round.id, roundFiles.pairs), pairRowSchema);
    if (pairs.length === 0)
      throw new UserError(
        `round ${round.id} has no pairs to train on: every prompt's responses were tied, identical or below the gap`,
      );
    const reference = await referenceOf(context, start, pairs);
    const state = files.file(round.id, roundFiles.update);
    const metricsFile = files.file(round.id, roundFiles.metrics);
    if (reference === null) {
      discardUpdate(context);
      return { steps: 0, outcome: 'aborted' };
    }
    const policy = await context.models.load(start, adapterUse(config));
    const resume = readCheckpoint(state) ?? undefined;
    for (const metrics of keepMetrics(metricsFile, resume?.step ?? 0)) context.report({ type: 'step', metrics });
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
            if (performance.now() - kept >= config.update.checkpoint_seconds * 1000) {
              writeCheckpoint(state, capture());
              kept = performance.now();
            }
            context.report({ type: 'step', metrics });
          },
        },
      );
      if (result.outcome === 'aborted') discardUpdate(context);
      else await saveModel(policy, files.policyDir(round.id), { dtype: 'float32' });
      removeCheckpoint(state);
      return result;
    } finally {
      // Its weights are no longer those of its folder.
      context.models.forget();
    }
  },

  async evaluate(context) {
    const { files, round } = context;
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
};

/** The reference policy's folder: `round` (the round's start), `base`, or a folder. */
function referenceDir({ config, files }: WorkContext, start: string): string {
  if (config.dpo.reference === 'round') return start;
  return config.dpo.reference === 'base' ? files.policyDir(0) : config.dpo.reference;
}

/** A start that is an adapter is trained on as one where LoRA is asked for, and merged for full fine-tuning. */
function adapterUse({ update }: WorkContext['config']): 'merge' | 'keep' {
  return update.lora === null ? 'merge' : 'keep';
}

/** null where it was aborted. */
async function referenceOf(context: WorkContext, start: string, pairs: PairRow[]): Promise<ReferenceLogps | null> {
  const dir = referenceDir(context, start);
  // Of an adapter in training the reference is computed in the same form, so that the first logit is exactly α·Δ|y|.
  const model = await context.models.load(dir, dir === start ? adapterUse(context.config) : 'merge');
  const sides = pairSides(pairs);
  const file = context.files.file(context.round.id, roundFiles.reference);
  const { control } = context;
  const meter = new ProgressMeter(context, 'reference log-probabilities', sides.length);
  let logps: number[];
  try {
    logps = await referenceLogps(file, model.fingerprint, sides, async (missing) => {
      let done = 0;
      const values = await responseLogprobs(model, missing, {
        // Half of a reference is of no use: stopping waits for it.
        control: { point: async () => ((await control.point()) === 'abort' ? 'abort' : 'go') },
        name: (i) => `pair ${Math.floor(i / 2)}`,
        onProgress(count) {
          meter.add(count - done);
          done = count;
        },
      });
      return values.map(sum);
    });
  } catch (error) {
    if (error instanceof Interrupted) return null;
    throw error;
  }
  return bySide(logps);
}

/** Drops the rows of steps that an interrupted update took after its last checkpoint: they are taken again. */
function keepMetrics(file: string, steps: number): MetricsRow[] {
  const rows = readJsonLines(file, metricsSchema, { missing: 'empty' }).filter(({ step }) => step <= steps);
  writeFileAtomic(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
  return rows;
}

/** One response to each held-out prompt, with the same seeds in every round: unchanged policies answer alike. */
async function heldOutAnswers(model: LoadedModel, context: WorkContext): Promise<Answers> {
  const { config, files, round } = context;
  const samples = await sampleInto(
    model,
    {
      file: files.file(round.id, roundFiles.heldOutSamples),
      prompts: heldOutPrompts(config),
      samples: 1,
      raw: config.sampling.raw,
      settings: { ...config.sampling, temperature: config.evaluation.temperature },
      seed: (promptIndex) => deriveSeed(config.seed, 'held-out', promptIndex),
    },
    { ...context, control: pausable(context) },
  );
  await scoreInto(files.file(round.id, roundFiles.heldOutScores), samples, context);
  return readAnswers(context, round.id);
}

/** A comparison needs every prompt: only pausing has a meaning here. */
function pausable({ control }: WorkContext): Control {
  return { point: async () => (await control.point(), 'go') };
}

function readAnswers({ files }: WorkContext, round: number): Answers {
  const samples = readJsonLines(files.file(round, roundFiles.heldOutSamples), sampleRowSchema);
  const scores = new Map(
    readJsonLines(files.file(round, roundFiles.heldOutScores), scoreRowSchema).map((row) => [
      row.prompt_index,
      row.rewards[0],
    ]),
  );
  samples.sort((a, b) => a.prompt_index - b.prompt_index);
  return {
    responses: samples.map(({ responses }) => responses[0]),
    rewards: samples.map(({ prompt_index }) => scores.get(prompt_index) as number),
  };
}

/** Summed log-probabilities of the policy's held-out responses under another policy, kept like a reference's. */
async function logpsUnder(context: WorkContext, dir: string): Promise<number[]> {
  const samples = readJsonLines(context.files.file(context.round.id, roundFiles.heldOutSamples), sampleRowSchema);
  samples.sort((a, b) => a.prompt_index - b.prompt_index);
  const sequences = samples.map(({ prompt_ids, responses }) => ({ prompt_ids, response_ids: responses[0].ids }));
  const model = await context.models.load(dir);
  const file = context.files.file(context.round.id, roundFiles.heldOutLogps);
  return referenceLogps(file, model.fingerprint, sequences, async (missing) =>
    (await responseLogprobs(model, missing, { control: pausable(context) })).map(sum),
  );
}
