/** `brevity win-rate`: plain and length-controlled win rates from given preferences. */
import { Command } from 'commander';
import { z } from 'zod';
import { winRates } from '../core/winRate.js';
import { RowWriter, readAllRows } from './rows.js';
import { examples, inOption, outOption } from './options.js';

const rowSchema = z.looseObject({
  preference: z.number().min(0).max(1),
  length_model: z.number().min(0),
  length_baseline: z.number().min(0),
  difficulty: z.number().optional(),
});

export function winRateCommand(): Command {
  return new Command('win-rate')
    .description('plain and length-controlled win rates from preferences (arXiv 2404.04475)')
    .addOption(
      inOption(
        'one {"preference": 0..1 that the model wins, "length_model", "length_baseline", "difficulty"?} per line',
      ),
    )
    .addOption(outOption('one row: {"win_rate","length_controlled_win_rate","standard_error",…}, in percent'))
    .option('--difficulty', 'fit with the rows\' "difficulty"; without it the minimal form', false)
    .addHelpText('after', examples('win-rate --in preferences.jsonl --difficulty'))
    .action(async (options) => {
      const rows = (await readAllRows(options.in, rowSchema)).map(({ row }) => row);
      const out = new RowWriter(options.out);
      out.write(winRates(rows, options.difficulty ? 'difficulty' : 'minimal'));
      out.close();
    });
}
