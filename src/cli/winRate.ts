/** `brevity win-rate`: plain, length-controlled and style-controlled win rates from given preferences. */
import { Command } from 'commander';
import { z } from 'zod';
import { winRates } from '../core/winRate.js';
import { RowWriter, readAllRows } from './rows.js';
import { addCheck, examples, inOption, outOption } from './options.js';
import { addPublicFlags, checkPublicFlags, publicWinRates } from './publicWinRates.js';

const rowSchema = z.looseObject({
  preference: z.number().min(0).max(1),
  length_model: z.number().min(0),
  length_baseline: z.number().min(0),
  difficulty: z.number().optional(),
});

export function winRateCommand(): Command {
  const command = new Command('win-rate')
    .description('plain and length-controlled win rates from preferences (arXiv 2404.04475)')
    .addOption(
      inOption(
        'one {"preference": 0..1 that the model wins, "length_model", "length_baseline", "difficulty"?} per line',
      ),
    )
    .addOption(outOption('one row: {"win_rate","length_controlled_win_rate","standard_error",…}, in percent'))
    .option('--difficulty', 'fit with the rows\' "difficulty"; without it the minimal form', false);
  return addCheck(addPublicFlags(command), checkPublicFlags)
    .addHelpText(
      'after',
      examples(
        'win-rate --in preferences.jsonl --difficulty',
        'win-rate --alpaca-eval annotations.json --outputs model_outputs.json',
        'win-rate --arena-hard judgments/policy.jsonl --answers policy.jsonl --baseline o3-mini-2025-01-31.jsonl',
      ),
    )
    .action(async (options) => {
      const judged = publicWinRates(options);
      if (judged !== null) {
        const out = new RowWriter(options.out);
        for (const row of judged) out.write(row);
        out.close();
        return;
      }
      const rows = (await readAllRows(options.in, rowSchema)).map(({ row }) => row);
      const out = new RowWriter(options.out);
      out.write(winRates(rows, options.difficulty ? 'difficulty' : 'minimal'));
      out.close();
    });
}
