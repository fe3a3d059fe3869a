/** `brevity evaluate`: compares two policies on held-out prompts. */
import { Command } from 'commander';
import { namedParts } from '../core/config/rewardSpec.js';
import { rewardOptionsSchema, samplingSchema } from '../core/config/schema.js';
import { responseLogprobs, sum } from '../train/logprobs.js';
import { type Answers, evaluatePolicy } from '../core/evaluation.js';
import { loadModel } from '../model/folder.js';
import { ProgressLine } from '../io/print.js';
import { type PromptEntry, promptEntrySchema } from '../io/prompts.js';
import { namedByUser, openReward } from '../rewards/index.js';
import type { SampledResponse } from '../core/rows.js';
import { deriveSeed } from '../core/seeds.js';
import { type SamplingSettings, sampleResponses } from '../model/generate/sample.js';
import { useBackend } from '../tensor/backend.js';
import { RowWriter, readAllRows } from './rows.js';
import {
  addFlags,
  backendOption,
  decodingFlags,
  examples,
  flagValues,
  folderOption,
  inOption,
  judgeCacheOf,
  judgeCacheOption,
  outOption,
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
    .addOption(outOption('one row: win rate, length-controlled win rate, lengths, rewards, KL, …'))
    .option('--raw', 'send text prompts as they stand, without the chat template', false)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  addFlags(command, decodingFlags, 'schema');
  return addFlags(command, rewardFlags, 'schema')
    .addHelpText(
      'after',
      examples('evaluate --model ./policy-1 --against ./policy --reward hf:./reward-model --in held-out.jsonl'),
    )
    .action(async (options) => {
      const entries = await readAllRows(options.in, promptEntrySchema);
      const prompts = entries.map(({ row, where }) => ({ where, prompt: row.prompt, prompt_ids: row.prompt_ids }));
      await useBackend(options.backend, options.threads, options.precision);
      const settings = samplingSchema.parse(flagValues(options, decodingFlags).sampling ?? {});
      const task = { prompts, raw: options.raw as boolean, seed: options.seed as number, settings };
      const reward = await openReward(
        options.reward,
        rewardOptionsSchema.parse(flagValues(options, rewardFlags).rewards ?? {}),
        namedByUser,
        judgeCacheOf(options),
      );
      const named = namedParts(options.reward);
      const score = async ({ ids, responses }: Sampled): Promise<Answers> => {
        const rewards = new Array<number>(responses.length);
        const inputs = responses.map((response, i) => ({
          prompt: prompts[i].prompt,
          response: response.text,
          ids: [...ids[i], ...response.ids],
          prompt_tokens: ids[i].length,
        }));
        const values = new Array<number[]>(responses.length);
        await reward.score(inputs, {
            absolute: true,
          onReward(index, value, parts) {
            rewards[index] = value;
            if (parts !== undefined) values[index] = [...parts];
          },
        });
        return { responses, rewards, ...(named.length > 0 && { parts: { named, values } }) };
      };
      const mine = await answer(options.model, task, null);
      const theirs = await answer(options.against, task, mine);
      const policy = await score(mine);
      const opponent = await score(theirs);
      printRemarks(reward);
      reward.dispose();
      const {
        comparisons,
        round: _round,
        ...own
      } = evaluatePolicy(0, policy, [{ ...opponent, against: options.against, logps: theirs.otherLogps }]);
      const out = new RowWriter(options.out);
      out.write({ model: options.model, ...own, ...comparisons[0] });
      out.close();
    });
}

interface Task {
  prompts: PromptEntry[];
  raw: boolean;
  seed: number;
  settings: SamplingSettings;
}

interface Sampled {
  ids: number[][];
  responses: SampledResponse[];
  /** Summed log-probabilities of the other model's responses under this one. */
  otherLogps: number[];
}

/** Samples one response per prompt; only one model is in memory at a time. */
async function answer(dir: string, { prompts, raw, seed, settings }: Task, other: Sampled | null): Promise<Sampled> {
  const model = await loadModel(dir, { task: 'causal-lm', frozen: true });
  const ids = encodePrompts(model, prompts, { raw });
  const responses = new Array<SampledResponse>(prompts.length);
  const progress = new ProgressLine(`sampling ${dir}`, 'responses');
  let done = 0;
  const jobs = ids.map((prompt_ids, index) => ({ prompt_ids, seed: deriveSeed(seed, 'held-out', index) }));
  await sampleResponses(model, jobs, settings, {
    onResponse(job, response) {
      responses[job] = response;
      progress.update(++done, jobs.length);
    },
  });
  progress.finish();
  const sequences =
    other?.responses.map((response, i) => ({ prompt_ids: other.ids[i], response_ids: response.ids })) ?? [];
  const otherLogps = (await responseLogprobs(model, sequences)).map(sum);
  model.dispose();
  return { ids, responses, otherLogps };
}
