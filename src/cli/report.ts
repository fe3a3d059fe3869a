/** `brevity report`: writes a run as one HTML page or as Markdown. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { UserError } from '../core/errors.js';
import { readReport } from '../report/data.js';
import { htmlReport } from '../report/html.js';
import { markdownReport } from '../report/markdown.js';
import { writeFileAtomic } from '../io/durable.js';
import { Run, isRun } from '../run/run.js';
import { addCheck, choice, examples, outOption } from './options.js';
import { print } from '../io/print.js';

const writers = { html: htmlReport, markdown: markdownReport };

export function reportCommand(): Command {
  const command = new Command('report')
    .description('the rounds of a run, their settings, results and some responses, as one HTML page or as Markdown')
    .argument('<run>', 'run directory')
    .addOption(outOption('HTML page where it ends in .html, else Markdown'))
    .addOption(choice('--format <kind>', 'default: by the name of --out', Object.keys(writers)))
    .addHelpText('after', examples('report runs/mine --out report.html', 'report runs/mine > report.md'))
    .action((directory: string, options: { out: string; format?: keyof typeof writers }) => {
      const format = options.format ?? (/\.html?$/i.test(options.out) ? 'html' : 'markdown');
      const text = writers[format](readReport(Run.open(directory, { owner: 'anyone' })));
      if (options.out === '-') print(text);
      else writeFileAtomic(options.out, text, 'user');
    });
  return addCheck(command, () => {
    const [directory] = command.args;
    if (directory === undefined || isRun(directory)) return;
    const problem = existsSync(directory) ? 'is not a run directory (it has no run.json)' : 'does not exist';
    throw new UserError(`${directory} ${problem}; give the directory of a run`, { exitCode: 2 });
  });
}
