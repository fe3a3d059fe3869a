/** `brevity check-reward`: how far a reward agrees with people's preferences. */
import path from 'node:path';
import { Command, Option } from 'commander';
import { rewardOptionsSchema } from '../core/config/schema.js';
import { publishedReward, resolveRewardSpec } from '../core/config/rewardSpec.js';
import { labelledRowSchema } from '../core/rewardCheck/rows.js';
import { checkLines, checkWarnings } from '../core/rewardCheck/words.js';
import { print, ProgressLine } from '../io/print.js';
import { namedByUser, openReward, type Reward } from '../rewards/index.js';
import { checkedReward, usableRows } from '../run/rewardCheck.js';
import { useBackend } from '../tensor/backend.js';
import { readAllRows, RowWriter } from './rows.js';
import {
  addFlags,
  backendOption,
  examples,
  flagValues,
  inOption,
  judgeCacheOf,
  judgeCacheOption,
  precisionOption,
  printRemarks,
  rewardFlags,
  rewardOption,
  threadsOption,
  writableFile,
} from './options.js';

export function checkRewardCommand(): Command {
  const command = new Command('check-reward')
    .description("check a reward against people's preferences before training on it")
    .addOption(rewardOption('hf:DIR, module:FILE, http:URL, or a weighted sum such as 0.7*hf:A+0.3*module:B.mjs'))
    .addOption(judgeCacheOption())
    .addOption(
      inOption(
        'one {"prompt", "chosen", "rejected", "subset"?} per line; "chosen" and "rejected" are texts, or lists of texts as in RewardBench 2',
      ),
    )
    .addOption(
      new Option('--out <file>', 'the figures as JSON, instead of the table; - is standard output').argParser(
        writableFile,
      ),
    )
    .addOption(
      new Option('--scores <file>', 'keeps the rewards, so that an interrupted check continues').argParser(
        writableFile,
      ),
    )
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  return addFlags(command, rewardFlags, 'schema')
    .addHelpText(
      'after',
      examples('check-reward --reward hf:./reward-model --in preferences.jsonl --scores preference-scores.jsonl'),
    )
    .action(async (options) => {
      const name = options.in === '-' ? 'standard input' : (options.in as string);
      const rows = usableRows(await readAllRows(options.in, labelledRowSchema), name);
      const progress = new ProgressLine('scoring', 'rows');
      let reward: Reward | null = null;
      const open = async () => {
        if (options.reward.includes('hf:')) await useBackend(options.backend, options.threads, options.precision);
        reward = await openReward(
          options.reward,
          rewardOptionsSchema.parse(flagValues(options, rewardFlags).rewards ?? {}),
          namedByUser,
          judgeCacheOf(options),
        );
        return reward;
      };
      let check;
      try {
        check = await checkedReward(rows, open, {
          spec: resolveRewardSpec(options.reward, process.cwd()),
          file: options.scores ?? null,
          onRows: (done, total) => progress.update(done, total),
        });
      } finally {
        progress.finish();
        const opened = reward as Reward | null;
        if (opened !== null) printRemarks(opened);
        opened?.dispose();
      }
      const shown = publishedReward(options.reward);
      if (options.out === undefined) {
        for (const line of checkLines(check, shown)) print(`${line}\n`);
        return;
      }
      const out = new RowWriter(options.out);
      out.write({ reward: shown, in: path.basename(name), ...check, warnings: checkWarnings(check) });
      out.close();
    });
}
