/** `brevity report`: a run as one HTML page or as Markdown. */
import { Command, Option } from 'commander';
import { readReport } from '../report/data.js';
import { htmlReport } from '../report/html.js';
import { markdownReport } from '../report/markdown.js';
import { writeFileAtomic } from '../store/durable.js';
import { Run } from '../store/run.js';
import { outOption } from './options.js';

const writers = { html: htmlReport, markdown: markdownReport };

export function reportCommand(): Command {
  return new Command('report')
    .description('the rounds of a run, their settings, results and some responses, as one HTML page or as Markdown')
    .argument('<run>', 'run directory')
    .addOption(outOption('HTML page where it ends in .html, else Markdown'))
    .addOption(
      new Option('--format <kind>', 'html or markdown (default: by the name of --out)').choices(Object.keys(writers)),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  brevity report runs/mine --out report.html\n  brevity report runs/mine > report.md',
    )
    .action((directory: string, options: { out: string; format?: keyof typeof writers }) => {
      const format = options.format ?? (/\.html?$/i.test(options.out) ? 'html' : 'markdown');
      const text = writers[format](readReport(Run.open(directory, { owner: 'anyone' })));
      if (options.out === '-') process.stdout.write(text);
      else writeFileAtomic(options.out, text, 'user');
    });
}
