/** A run as Markdown: for a pull request, an issue, a notebook. */
import { branchTitle, type RoundState } from '../core/rounds.js';
import { fixed } from '../core/format.js';
import { branchPlot, markOf } from '../core/branchPlot.js';
import { makeVisible } from '../core/sanitize.js';
import type { ReportBranch, ReportData, SampleChange } from './data.js';
import { columnsOf, configFacts, evidenceOf, kindsTable, roundFacts, tableNote } from './table.js';
import { largest } from '../core/limits.js';

const [PLOT_COLUMNS, PLOT_ROWS] = [72, 16];

export function markdownReport(data: ReportData): string {
  const { name, config, tree, branches } = data;
  return [
    `# ${escapeMarkdown(name)}`,
    configFacts(config)
      .map(([fact, value]) => `- ${fact}: ${escapeMarkdown(value)}`)
      .join('\n'),
    '## Rounds',
    roundsTable(tree.map(({ round }) => round)),
    tableNote,
    '## Reward against length',
    fenced(textPlot(branches)),
    ...branches.flatMap((branch) => branchSection(data, branch)),
    '',
  ].join('\n\n');
}

export function roundsTable(rounds: readonly RoundState[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const columns = columnsOf(rounds);
  return [
    row(columns.map(({ title }) => title)),
    row(columns.map(() => '---')),
    ...rounds.map((round) => row(columns.map(({ cell }) => escapeMarkdown(cell(round))))),
  ].join('\n');
}

function textPlot(branches: readonly ReportBranch[]): string {
  const { rows, x, y } = branchPlot(branches, PLOT_COLUMNS, PLOT_ROWS);
  const label = (row: number) => (row === 0 ? fixed(y[1], 3) : row === rows.length - 1 ? fixed(y[0], 3) : '');
  const [left, right] = [fixed(x[0], 1), `${fixed(x[1], 1)} tokens`];
  return [
    ...rows.map(
      (segments, row) =>
        `${label(row).padStart(8)} │ ${segments
          .map(({ text }) => text)
          .join('')
          .trimEnd()}`,
    ),
    `${' '.repeat(9)}└${'─'.repeat(PLOT_COLUMNS + 1)}`,
    `${' '.repeat(11)}${left}${right.padStart(PLOT_COLUMNS - left.length)}`,
    branches.map((branch, i) => `${markOf(i)} ${branchTitle(branch)}`).join('   '),
  ].join('\n');
}

function branchSection({ config }: ReportData, branch: ReportBranch): string[] {
  const title = branchTitle(branch);
  const notes = branch.rounds.flatMap((round) => {
    const said = [...roundFacts(config, round), ...(round.note === '' ? [] : [round.note])].map(escapeMarkdown);
    return said.length === 0 ? [] : [`- Round ${round.id}: ${said.join('; ')}`];
  });
  return [
    `## ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
    ...evidence(branch),
    ...branch.samples.flatMap(sample),
  ];
}

/** Of the last evaluated round: which differences exceed the noise, and the figures by kind. */
function evidence({ rounds }: ReportBranch): string[] {
  const last = rounds.findLast(({ evaluation }) => evaluation !== null);
  const sentences = last === undefined ? [] : evidenceOf(last);
  if (last === undefined || sentences.length === 0) return [];
  const kinds = kindsTable(last);
  const row = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  return [
    `### What round ${last.id} shows`,
    sentences.map((sentence) => `- ${escapeMarkdown(sentence)}`).join('\n'),
    ...(kinds === null
      ? []
      : [[row(kinds.heading), `|${kinds.heading.map(() => ' --- |').join('')}`, ...kinds.rows.map(row)].join('\n')]),
  ];
}

function sample({ why, prompt, before, after }: SampleChange): string[] {
  const answer = ({ round, answer: { reward, length, truncated, text } }: SampleChange['after']) => [
    `${round === 0 ? 'Base' : `Round ${round}`}, reward ${fixed(reward, 3)}, ${length} tokens${truncated ? ', truncated' : ''}:`,
    fenced(makeVisible(text)),
  ];
  return [`### ${escapeMarkdown(why)}`, fenced(makeVisible(prompt)), ...answer(before), ...answer(after)];
}

/** Uses a fence longer than any run of backticks in the text, so that nothing in it can end the fence. */
function fenced(text: string): string {
  const longest = largest([2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length)]);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

/** One line with all markup escaped. */
export function escapeMarkdown(text: string): string {
  return makeVisible(text)
    .replace(/\s*\n\s*/g, ' ')
    .replace(/[\\`*_{}[\]<>#|~$&]/g, (mark) => `\\${mark}`);
}
