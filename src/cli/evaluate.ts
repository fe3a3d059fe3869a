/** `brevity evaluate`: compares two policies on held-out prompts. */
import { Command, Option } from 'commander';
import { judgeFaults } from '../io/configFile.js';
import { judgeOverlap, metricFile, type NamedPart, namedParts, publishedReward } from '../core/config/rewardSpec.js';
import { evaluationSchema, rewardOptionsSchema, samplingSchema } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { type Answers, evaluatePolicy, type MetricValues, type Opponent, sameTokens } from '../core/evaluation.js';
import {
  type DecodingKeys,
  decodingNote,
  decodingOf,
  decodingProblem,
  type HeldOutDecoding,
  whyNoKl,
} from '../core/heldOutDecoding.js';
import { evaluationSentences, findings } from '../core/findings.js';
import { responseLogprobs, sum } from '../train/logprobs.js';
import { type LoadedModel, loadModel } from '../model/folder.js';
import { ProgressLine, printError } from '../io/print.js';
import { type PromptEntry, promptEntrySchema } from '../io/prompts.js';
import { comparePairs } from '../rewards/compare.js';
import { namedByUser, openReward, type Reward } from '../rewards/index.js';
import { type Metric, openMetrics } from '../rewards/metric.js';
import {
  type Answer,
  Answers as CandidateAnswers,
  beamAnswers,
  candidatesTogether,
  localBeams,
  sampleAnswers,
} from '../run/answers.js';
import { localSampler } from '../run/stages/sample.js';
import { kindOf } from '../run/stages/opinions.js';
import type { SampledResponse } from '../core/rows.js';
import { heldOutSeed } from '../core/seeds.js';
import { type SamplingSettings, sampleResponses } from '../model/generate/sample.js';
import { useBackend } from '../tensor/backend.js';
import { RowWriter, readAllRows } from './rows.js';
import {
  addCheck,
  addFlags,
  backendOption,
  decodingFlags,
  examples,
  existingFile,
  flagValues,
  folderOption,
  inOption,
  judgeCacheOf,
  judgeCacheOption,
  outOption,
  parserFor,
  printRemarks,
  rewardFlags,
  rewardOption,
  seedOption,
  precisionOption,
  threadsOption,
} from './options.js';
import { encodePrompts } from '../model/prompts.js';

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('judge a policy against another on held-out prompts')
    .addOption(folderOption('--model <dir>', 'the policy that is judged').makeOptionMandatory())
    .addOption(folderOption('--against <dir>', 'the policy it is compared with').makeOptionMandatory())
    .addOption(rewardOption('the judge: hf:DIR, module:FILE, http:URL, judge:URL#MODEL, or a weighted sum'))
    .addOption(judgeCacheOption())
    .addOption(inOption('held-out prompts'))
    .addOption(outOption('one row: win rate, length-controlled win rate, lengths, rewards, KL, …, with intervals'))
    .addOption(
      new Option('--responses <n>', evaluationSchema.shape.responses.description)
        .default(1)
        .argParser(parserFor(evaluationSchema.shape.responses)),
    )
    .addOption(
      new Option('--best-of <N>', evaluationSchema.shape.best_of.description)
        .default(1)
        .argParser(parserFor(evaluationSchema.shape.best_of)),
    )
    .addOption(
      new Option('--beam <B>', evaluationSchema.shape.beam.description)
        .default(1)
        .argParser(parserFor(evaluationSchema.shape.beam)),
    )
    .addOption(
      new Option('--length-penalty <λ>', evaluationSchema.shape.length_penalty.description)
        .default(1)
        .argParser(parserFor(evaluationSchema.shape.length_penalty)),
    )
    .addOption(
      new Option(
        '--metric <file>',
        'JavaScript module that exports score({prompt, response, row}) → number; repeatable',
      ).argParser((file: string, before: string[] | undefined) => [...(before ?? []), existingFile(metricFile(file))]),
    )
    .addOption(new Option('--judge <spec>', 'a second judge, to see whether it agrees with --reward'))
    .option('--raw', 'send text prompts as they stand, without the chat template', false)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  addFlags(command, decodingFlags, 'schema');
  addCheck(command, () => {
    const { judge, reward = '', ...given } = command.opts<{ judge?: string; reward?: string }>();
    const problem = decodingProblem(decodingKeys(given), (key) => `--${key.replace('_', '-')}`);
    if (problem !== null)
      throw new UserError(`--${problem.key.replace('_', '-')}: ${problem.message}`, { exitCode: 2 });
    if (judge === undefined) return;
    const faults = judgeFaults(judge, typeof reward === 'string' ? reward : '');
    if (faults.length > 0) throw new UserError(`--judge: ${faults.join('; ')}`, { exitCode: 2 });
  });
  return addFlags(command, rewardFlags, 'schema')
    .addHelpText(
      'after',
      `
Prompts may carry a "kind": the row then has the figures of each kind. Whether a difference exceeds the noise is said on
standard error and in "findings".
${examples(
  'evaluate --model ./policy-1 --against ./policy --reward hf:./reward-model --in held-out.jsonl',
  'evaluate --model ./policy-1 --against ./policy --reward hf:./reward --judge hf:./other --metric correct.mjs --responses 4 --in held-out.jsonl',
)}`,
    )
    .action(async (options) => {
      const entries = await readAllRows(options.in, promptEntrySchema);
      const prompts = entries.map(({ row, where }) => ({
        where,
        prompt: row.prompt,
        prompt_ids: row.prompt_ids,
        row,
      }));
      await useBackend(options.backend, options.threads, options.precision);
      const settings = samplingSchema.parse(flagValues(options, decodingFlags).sampling ?? {});
      const { raw, seed, responses } = options as { raw: boolean; seed: number; responses: number };
      const decoding = decodingOf(decodingKeys(options));
      const task: Task = { prompts, raw, seed, settings, responses, decoding };
      const rewardOptions = rewardOptionsSchema.parse(flagValues(options, rewardFlags).rewards ?? {});
      if (prompts.length === 0) throw new UserError(`${options.in} holds no prompts`);
      // Opened before anything is sampled: one that cannot be used must not cost the responses.
      const open = (spec: string) => openReward(spec, rewardOptions, namedByUser, judgeCacheOf(options));
      const reward = await open(options.reward);
      const judge = options.judge === undefined ? null : await open(options.judge);
      const metrics = await openMetrics(options.metric ?? [], rewardOptions, namedByUser);
      const mine = await answer(options.model, task, reward, null);
      const theirs = await answer(options.against, task, reward, mine);
      const named = namedParts(options.reward);
      const measured = async (sampled: Sampled): Promise<Answers> => ({
        responses: sampled.responses,
        ...(sampled.rewards ?? (await rewardsOf(reward, named, task, sampled))),
        metrics: await metricsOf(metrics, prompts, sampled),
        ...(judge !== null &&
          judge.compare === undefined && { judged: (await rewardsOf(judge, [], task, sampled)).rewards }),
      });
      const policy = await measured(mine);
      const opponent: Opponent = {
        ...(await measured(theirs)),
        against: options.against,
        logps: theirs.otherLogps,
        ...(judge?.compare !== undefined && { preferences: await preferences(judge, task, mine, theirs) }),
      };
      printRemarks(reward);
      const remarks = judge?.remarks?.() ?? [];
      for (const opened of [reward, ...(judge === null ? [] : [judge]), ...metrics]) opened.dispose();
      const kinds = prompts.map(({ row }) => kindOf(row));
      const overlaps = options.judge !== undefined && judgeOverlap(options.reward, options.judge) !== 'none';
      const result = evaluatePolicy(0, policy, [opponent], {
        ...(kinds.some((kind) => kind !== null) && { kinds }),
        ...(options.judge !== undefined && { judge: { spec: publishedReward(options.judge), remarks } }),
        ...(decoding !== null && { decoding }),
        notes: [
          ...(decoding === null ? [] : [decodingNote(decoding, 'the reward')]),
          ...(overlaps ? ['The judge shares a part with the reward, so it is no independent second opinion.'] : []),
        ],
      });
      const { comparisons, round: _round, judge: judging, notes = [], ...own } = result;
      const out = new RowWriter(options.out);
      out.write({
        model: options.model,
        ...own,
        ...comparisons[0],
        ...(judging !== undefined && { judge_spec: judging.spec }),
        findings: findings(comparisons[0]).map(({ text }) => text),
        notes: [...notes, ...remarks],
      });
      out.close();
      for (const sentence of evaluationSentences(result, ({ against }) => against)) printError(`${sentence}\n`);
    });
}

interface Task {
  prompts: PromptEntry[];
  raw: boolean;
  seed: number;
  settings: SamplingSettings;
  /** Responses per prompt. */
  responses: number;
  /** null: plain sampling. */
  decoding: HeldOutDecoding | null;
}

/** The flags' values as the configuration names them. */
function decodingKeys(options: Record<string, unknown>): DecodingKeys {
  const { bestOf = 1, beam = 1, lengthPenalty = 1, responses = 1, temperature } = options;
  return {
    best_of: bestOf as number,
    beam: beam as number,
    length_penalty: lengthPenalty as number,
    responses: responses as number,
    temperature: temperature as number,
  };
}

interface Sampled {
  ids: number[][];
  /** [prompt][response] */
  responses: SampledResponse[][];
  /** Summed log-probabilities of the other model's responses under this one. */
  otherLogps: Opponent['logps'];
  /** Known if the reward chose the responses. */
  rewards?: Pick<Answers, 'rewards' | 'parts'>;
}

/** Decodes the responses to every prompt; only one model is in memory at a time. */
async function answer(dir: string, task: Task, reward: Reward, other: Sampled | null): Promise<Sampled> {
  const { prompts, raw, responses: count, decoding } = task;
  const model = await loadModel(dir, { task: 'causal-lm', frozen: true });
  const ids = encodePrompts(model, prompts, { raw });
  const progress = new ProgressLine(`sampling ${dir}`, decoding === null ? 'responses' : 'candidates');
  const decoded = await decode(model, ids, task, reward, (done, total) => progress.update(done, total));
  progress.finish();
  if (decoding !== null) {
    model.dispose();
    return { ids, ...decoded, otherLogps: { unknown: whyNoKl(decoding) } };
  }
  const sequences = (other?.responses ?? []).flatMap((of, p) =>
    of.map((response) => ({ prompt_ids: (other as Sampled).ids[p], response_ids: response.ids })),
  );
  const logps = (await responseLogprobs(model, sequences)).map(sum);
  model.dispose();
  return { ids, ...decoded, otherLogps: grouped(logps, count) };
}

/** As runs do it: run/stages/heldOut.ts. */
async function decode(
  model: LoadedModel,
  ids: number[][],
  { prompts, seed, settings, responses: count, decoding }: Task,
  reward: Reward,
  onDone: (done: number, total: number) => void,
): Promise<Pick<Sampled, 'responses' | 'rewards'>> {
  // Response i to prompt p is number p·count + i.
  const asked = ids.flatMap((of, p) => Array.from({ length: count }, () => ({ ...prompts[p], ids: of })));
  const seedOf = (number: number, candidate = 0) =>
    heldOutSeed(seed, Math.floor(number / count), number % count, candidate);
  if (decoding === null) {
    const responses = new Array<SampledResponse>(asked.length);
    let done = 0;
    const jobs = asked.map((job, number) => ({ prompt_ids: job.ids, seed: seedOf(number) }));
    await sampleResponses(model, jobs, settings, {
      onResponse(job, response) {
        responses[job] = response;
        onDone(++done, jobs.length);
      },
    });
    return { responses: grouped(responses, count) };
  }
  const candidates = 'best_of' in decoding ? decoding.best_of : 1;
  const answers = new CandidateAnswers(asked.length, candidates, false);
  const hooks = { onCandidates: () => onDone(answers.count, asked.length * candidates) };
  if ('best_of' in decoding) {
    const plan = { settings, together: candidatesTogether.here(settings), seed: seedOf };
    await sampleAnswers(localSampler(model), reward, asked, answers, plan, hooks);
  } else {
    const { max_new_tokens, batch_size } = settings;
    const { beam, length_penalty } = decoding;
    const search = { beams: beam, length_penalty, max_new_tokens, batch_size };
    await beamAnswers(localBeams(model), asked, answers, search, hooks);
  }
  const found = asked.map((_, number) => answers.answer(number) as Answer);
  const responses = grouped(
    found.map(({ response }) => response),
    count,
  );
  if (!('best_of' in decoding)) return { responses };
  const chosen = found.map(({ candidates: all, index }) => all[index]);
  const named = namedParts(reward.spec);
  return {
    responses,
    rewards: {
      rewards: grouped(
        chosen.map((candidate) => candidate.reward as number),
        count,
      ),
      ...(named.length > 0 && {
        parts: {
          named,
          values: grouped(
            chosen.map(({ parts = [] }) => parts),
            count,
          ),
        },
      }),
    },
  };
}

/** One value per response as [prompt][response]. */
function grouped<T>(values: readonly T[], count: number): T[][] {
  return Array.from({ length: values.length / count }, (_, p) => values.slice(p * count, (p + 1) * count));
}

/** @param named the parts of the reward; empty for a single one */
async function rewardsOf(
  reward: Reward,
  named: readonly NamedPart[],
  { prompts, responses: count }: Task,
  sampled: Sampled,
): Promise<Pick<Answers, 'rewards' | 'parts'>> {
  const inputs = sampled.responses.flatMap((of, p) =>
    of.map((response) => ({
      prompt: prompts[p].prompt,
      response: response.text,
      ids: [...sampled.ids[p], ...response.ids],
      prompt_tokens: sampled.ids[p].length,
    })),
  );
  const values = new Array<number>(inputs.length);
  const parts = new Array<number[]>(inputs.length);
  await reward.score(inputs, {
    absolute: true,
    onReward(index, value, of = []) {
      values[index] = value;
      parts[index] = [...of];
    },
  });
  return {
    rewards: grouped(values, count),
    ...(named.length > 0 && { parts: { named, values: grouped(parts, count) } }),
  };
}

async function preferences(judge: Reward, { prompts }: Task, mine: Sampled, theirs: Sampled): Promise<number[][]> {
  const out = new Array<number[]>(prompts.length);
  const pairs = mine.responses.map((of, p) => ({
    prompt: prompts[p].prompt,
    pairs: of.map(({ ids, text }, i): [string, string] | null => {
      const other = theirs.responses[p][i];
      return sameTokens(ids, other.ids) ? null : [text, other.text];
    }),
  }));
  await comparePairs(judge, pairs, { onPrompt: (index, values) => (out[index] = values) });
  return out;
}

async function metricsOf(
  metrics: readonly Metric[],
  prompts: readonly PromptEntry[],
  { responses }: Sampled,
): Promise<MetricValues[]> {
  const inputs = responses.flatMap((of, p) =>
    of.map(({ text }) => ({ prompt: prompts[p].prompt, response: text, row: prompts[p].row ?? {} })),
  );
  const out: MetricValues[] = [];
  for (const metric of metrics) {
    const values = new Array<number>(inputs.length);
    await metric.score(inputs, (index, value) => (values[index] = value));
    const { name, percent } = metric;
    out.push({ name, percent, values: grouped(values, responses[0].length) });
  }
  return out;
}
