/** `brevity score`: computes rewards of responses. */
import { Command } from 'commander';
import type { z } from 'zod';
import { rewardOptionsSchema } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { ProgressLine } from '../io/print.js';
import { namedByUser, openReward, type RewardInput } from '../rewards/index.js';
import { type NamedPart, namedParts } from '../core/config/rewardSpec.js';
import { tokenIdsSchema } from '../core/rows.js';
import { useBackend } from '../tensor/backend.js';
import { readAllRows, responseRowSchema, responsesOf, RowWriter, withValues } from './rows.js';
import {
  addFlags,
  backendOption,
  examples,
  flagValues,
  inOption,
  outOption,
  precisionOption,
  rewardFlags,
  rewardOption,
  threadsOption,
} from './options.js';

/** A whole sequence, prompt and response together, can be scored too. */
const rowSchema = responseRowSchema.extend({ ids: tokenIdsSchema.optional() });
type Row = z.infer<typeof rowSchema>;

/** An entry of a row's `reward_parts`; `value` is unweighted. */
type RewardPartValue = NamedPart & { value: number };

export function scoreCommand(): Command {
  const command = new Command('score')
    .description('score responses with a reward')
    .addOption(rewardOption('hf:DIR, module:FILE, http:URL, or a weighted sum such as 0.7*hf:A+0.3*module:B.mjs'))
    .addOption(inOption('rows of `sample`, `logprobs` or `pair`, or one {"prompt","response"} or {"ids"} per line'))
    .addOption(
      outOption(
        'the same rows with "reward", for `sample` in each response; pairs with "chosen_reward" and "rejected_reward"; for a weighted sum also "reward_parts": [{"name","weight","value"}]',
      ),
    )
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  return addFlags(command, rewardFlags, 'schema')
    .addHelpText('after', examples('score --reward hf:./reward-model --in samples.jsonl > scored.jsonl'))
    .action(async (options) => {
      const rows = await readAllRows(options.in, rowSchema);
      const flat = rows.flatMap(({ row, where }, at) =>
        inputsOf(row, where).map((input, sample) => ({ at, sample, input })),
      );
      if (options.reward.includes('hf:')) await useBackend(options.backend, options.threads, options.precision);
      const reward = await openReward(
        options.reward,
        rewardOptionsSchema.parse(flagValues(options, rewardFlags).rewards ?? {}),
        namedByUser,
      );
      const out = new RowWriter(options.out);
      const progress = new ProgressLine('scoring', 'responses');
      const rewards = rows.map(({ row, where }) => new Array<number>(inputsOf(row, where).length));
      const parts = rewards.map(({ length }) => new Array<RewardPartValue[] | undefined>(length));
      const names = namedParts(options.reward);
      const left = rewards.map(({ length }) => length);
      let next = 0;
      let done = 0;
      const write = (at: number) =>
        out.write(
          withValues(
            rows[at].row,
            rewards[at].map((value, i) => ({
              reward: value,
              ...(parts[at][i] !== undefined && { reward_parts: parts[at][i] }),
            })),
          ),
        );
      // Writes rows in input order, each as soon as it and all rows before it are scored.
      const writeReady = () => {
        for (; next < rows.length && left[next] === 0; next++) write(next);
      };
      try {
        await reward.score(
          flat.map(({ input }) => input),
          {
            onReward(index, value, values) {
              const { at, sample } = flat[index];
              rewards[at][sample] = value;
              if (names.length > 0) parts[at][sample] = values?.map((part, p) => ({ ...names[p], value: part }));
              left[at]--;
              writeReady();
              progress.update(++done, flat.length);
            },
          },
        );
      } finally {
        progress.finish();
        // Also writes rows that were scored out of order before a failure.
        for (let at = next + 1; at < rows.length; at++) if (left[at] === 0 && next < rows.length) write(at);
        out.close();
        reward.dispose();
      }
    });
}

function inputsOf(row: Row, where: string): RewardInput[] {
  const responses = responsesOf(row);
  if (responses.length === 0 && row.responses === undefined) {
    if (row.ids === undefined)
      throw new UserError(
        `${where} has nothing to score; expected "prompt" and "response", "ids", "responses", or a pair`,
      );
    return [{ ids: row.ids }];
  }
  return responses.map(({ prompt, prompt_ids, text, ids }) => {
    const whole = row.ids ?? (prompt_ids === undefined || ids === undefined ? undefined : [...prompt_ids, ...ids]);
    if (whole === undefined && (prompt === undefined || text === undefined))
      throw new UserError(`${where} lacks a prompt or a response; expected texts of both, or token ids of both`);
    return { prompt, response: text, ids: whole, prompt_tokens: prompt_ids?.length };
  });
}
