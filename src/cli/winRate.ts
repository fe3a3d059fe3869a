/** `brevity win-rate`: plain, length-controlled and style-controlled win rates from given preferences. */
import { Command } from 'commander';
import { z } from 'zod';
import { known } from '../core/agreement.js';
import { UserError } from '../core/errors.js';
import { bootstrapInterval } from '../core/statistics.js';
import { type StyleRow, styleControlledWinRate, styleOf } from '../core/styleControl.js';
import { winRates } from '../core/winRate.js';
import { RowWriter, readAllRows } from './rows.js';
import { addCheck, examples, inOption, outOption } from './options.js';
import { addPublicFlags, checkPublicFlags, publicWinRates, rateIntervals } from './publicWinRates.js';

const rowSchema = z.looseObject({
  /** Texts of both responses, for the style-controlled win rate. */
  text_model: z.string().optional(),
  text_baseline: z.string().optional(),
  preference: z.number().min(0).max(1),
  length_model: z.number().min(0),
  length_baseline: z.number().min(0),
  difficulty: z.number().optional(),
});

export function winRateCommand(): Command {
  const command = new Command('win-rate')
    .description('plain, length-controlled (arXiv 2404.04475) and style-controlled win rates from preferences')
    .addOption(
      inOption(
        'one {"preference": 0..1 that the model wins, "length_model", "length_baseline", "difficulty"?, "text_model"?, "text_baseline"?} per line; with texts also the style-controlled win rate',
      ),
    )
    .addOption(
      outOption('one row: {"win_rate","length_controlled_win_rate","standard_error","intervals",…}, in percent'),
    )
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
      const form = options.difficulty ? 'difficulty' : 'minimal';
      const rates = winRates(rows, form);
      const styled = styleRows(rows);
      const style = styled === null ? null : styleControlledWinRate(styled);
      out.write({
        ...rates,
        ...(style !== null && {
          style_controlled_win_rate: style.win_rate,
          style_constant_features: style.constant_features,
        }),
        intervals: known({
          ...rateIntervals(rows, form),
          style_controlled_win_rate:
            styled === null
              ? null
              : bootstrapInterval(
                  styled.length,
                  (drawn) =>
                    styleControlledWinRate(
                      Array.from(drawn, (i) => styled[i]),
                      style?.theta,
                    ).win_rate,
                ),
        }),
      });
      out.close();
    });
}

/**
 * null if no row carries texts.
 *
 * @throws UserError if some rows lack them
 */
function styleRows(rows: readonly z.infer<typeof rowSchema>[]): StyleRow[] | null {
  if (rows.every((row) => row.text_model === undefined && row.text_baseline === undefined)) return null;
  return rows.map(({ preference, length_model, length_baseline, text_model, text_baseline }, i) => {
    if (text_model === undefined || text_baseline === undefined)
      throw new UserError(
        `row ${i + 1} lacks "text_model" or "text_baseline"; give both to each row or to none: a win rate of some rows only would mislead`,
      );
    return {
      preference,
      model: styleOf(text_model, length_model),
      baseline: styleOf(text_baseline, length_baseline),
    };
  });
}
