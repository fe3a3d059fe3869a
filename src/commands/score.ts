/** `brevity score`: rewards of responses. */
import { Command } from 'commander';
import { z } from 'zod';
import { rewardOptionsSchema } from '../config/schema.js';
import { UserError } from '../errors.js';
import { ProgressLine } from '../progress.js';
import { type RewardInput, namedByUser, openReward } from '../rewards/index.js';
import { promptSchema, tokenIdsSchema } from '../rows.js';
import { useBackend } from '../tensor/backend.js';
import { RowWriter, readAllRows } from './io.js';
import {
  addFlags,
  backendOption,
  flagValues,
  inOption,
  outOption,
  rewardFlags,
  precisionOption,
  threadsOption,
} from './options.js';

const rowSchema = z.looseObject({
  prompt: promptSchema.optional(),
  response: z.string().optional(),
  ids: tokenIdsSchema.optional(),
  prompt_ids: tokenIdsSchema.optional(),
  responses: z.array(z.looseObject({ text: z.string().optional(), ids: tokenIdsSchema.optional() })).optional(),
});
type Row = z.infer<typeof rowSchema>;

export function scoreCommand(): Command {
  const command = new Command('score')
    .description('score responses with a reward')
    .requiredOption(
      '--reward <spec>',
      'hf:DIR, module:FILE, http:URL, or a weighted sum such as 0.7*hf:A+0.3*module:B.mjs',
    )
    .addOption(inOption('{"prompt","response"} or {"ids"} a line, or rows of `brevity sample`'))
    .addOption(outOption('the rows with "reward" (rows of `brevity sample`: in each response)'))
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  return addFlags(command, rewardFlags, 'schema')
    .addHelpText('after', '\nExample:\n  brevity score --reward hf:./reward-model --in samples.jsonl > scored.jsonl')
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
      const rewards = rows.map(({ row }) => new Array<number>(row.responses?.length ?? 1));
      const left = rewards.map(({ length }) => length);
      let next = 0;
      let done = 0;
      // Rows leave in the order they came in, as soon as they and all before them are scored.
      const writeReady = () => {
        for (; next < rows.length && left[next] === 0; next++) out.write(scored(rows[next].row, rewards[next]));
      };
      try {
        await reward.score(
          flat.map(({ input }) => input),
          {
            onReward(index, value) {
              const { at, sample } = flat[index];
              rewards[at][sample] = value;
              left[at]--;
              writeReady();
              progress.update(++done, flat.length);
            },
          },
        );
      } finally {
        progress.finish();
        // What was scored out of order before a failure is not lost either.
        for (let at = next + 1; at < rows.length; at++)
          if (left[at] === 0 && next < rows.length) out.write(scored(rows[at].row, rewards[at]));
        out.close();
        reward.dispose();
      }
    });
}

function inputsOf({ prompt, response, ids, prompt_ids, responses }: Row, where: string): RewardInput[] {
  if (responses !== undefined) {
    return responses.map((given) => ({
      prompt,
      response: given.text,
      ids: prompt_ids !== undefined && given.ids !== undefined ? [...prompt_ids, ...given.ids] : undefined,
    }));
  }
  if (ids === undefined && (prompt === undefined || response === undefined)) {
    throw new UserError(`${where} has nothing to score; expected "prompt" and "response", or "ids", or "responses"`);
  }
  return [{ prompt, response, ids }];
}

function scored(row: Row, rewards: number[]): object {
  if (row.responses === undefined) return { ...row, reward: rewards[0] };
  return { ...row, responses: row.responses.map((response, i) => ({ ...response, reward: rewards[i] })) };
}
