/** `brevity demo`: one round of the bundled example, explained screen by screen. */
import { Command } from 'commander';
import { newFolder, examples } from './options.js';
import { addSettingsOptions, lookOf, reviewerOf } from './terminalOptions.js';

export function demoCommand(): Command {
  const command = new Command('demo')
    .description('one round of the bundled example in about two minutes, with a line on each screen that explains it')
    .option('--keep <dir>', 'run directory that stays; else a temporary one is removed at the end', newFolder)
    .optionsGroup('Screens:');
  return addSettingsOptions(command)
    .optionsGroup('')
    .addHelpText(
      'after',
      `
You press the keys yourself, on the real screens with the real engine. q ends the demo at any time.
${examples('demo', 'demo --keep runs/demo')}`,
    )
    .action(async (options: Record<string, unknown> & { keep?: string }) => {
      const { runDemo } = await import('./demoRun.js');
      const look = lookOf(options);
      const reviewer = reviewerOf({});
      const { left } = await runDemo({ look, reviewer, keep: options.keep });
      if (left) await (await import('./home.js')).runHome({ flags: {}, look, reviewer });
    });
}
