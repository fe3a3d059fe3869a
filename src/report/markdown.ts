/** A run as Markdown: for a pull request, an issue, a notebook. */
import { branchTitle, type RoundState } from '../core/rounds.js';
import { fixed, of, percent } from '../core/format.js';
import { branchPlot, markOf, type Segment } from '../core/branchPlot.js';
import { curvePlot, stepAxis } from '../core/curvePlot.js';
import { heldOutAccuracy } from '../core/metricsRow.js';
import { makeVisible } from '../core/sanitize.js';
import { heldOutRounds, type ReportBranch, type ReportData, type SampleChange } from './data.js';
import { columnsOf, configFacts, evidenceOf, heldOutNote, kindsTable, roundFacts, tableNote } from './table.js';
import { largest } from '../core/limits.js';

const [PLOT_COLUMNS, PLOT_ROWS, CURVE_ROWS] = [72, 16, 8];

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
    ...rows.map((segments, row) => plotLine(label(row), segments)),
    `${' '.repeat(9)}└${'─'.repeat(PLOT_COLUMNS + 1)}`,
    `${' '.repeat(11)}${left}${right.padStart(PLOT_COLUMNS - left.length)}`,
    branches.map((branch, i) => `${markOf(i)} ${branchTitle(branch)}`).join('   '),
  ].join('\n');
}

function plotLine(label: string, segments: readonly Segment[]): string {
  const text = segments.map((segment) => segment.text).join('');
  return `${label.padStart(8)} │ ${text.trimEnd()}`;
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
    ...heldOutSection(branch),
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

/** Loss and accuracy of held-out pairs: a table, and the loss over the steps as text. */
function heldOutSection(branch: ReportBranch): string[] {
  const evaluated = heldOutRounds(branch);
  if (evaluated.length === 0) return [];
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const heading = ['round', 'loss at the start', 'lowest loss', 'last loss', 'last accuracy'];
  const rows = evaluated.map(({ round, points }) => {
    const lowest = points.reduce((best, point) => (point.eval_loss < best.eval_loss ? point : best));
    const last = points[points.length - 1];
    const start = points[0].step === 0 ? points[0].eval_loss : NaN;
    return [
      String(round.id),
      fixed(start, 4),
      `${fixed(lowest.eval_loss, 4)} after ${of(lowest.step, 'step')}`,
      `${fixed(last.eval_loss, 4)} after ${of(last.step, 'step')}`,
      percent(100 * heldOutAccuracy(last)),
    ];
  });
  return [
    '### Held-out pairs',
    [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n'),
    ...evaluated.flatMap(({ round, points }) => [
      `Round ${round.id}, held-out loss over the steps:`,
      fenced(
        stepPlot(
          points.map(({ step }) => step),
          points.map(({ eval_loss }) => eval_loss),
        ),
      ),
    ]),
    heldOutNote,
  ];
}

/** A curve over steps as text. */
function stepPlot(steps: readonly number[], values: readonly number[]): string {
  const { rows, x, y } = curvePlot([{ x: steps, y: values, style: 'line' }], PLOT_COLUMNS, CURVE_ROWS);
  const label = (row: number) => (row === 0 ? fixed(y[1], 4) : row === rows.length - 1 ? fixed(y[0], 4) : '');
  return [
    ...rows.map((segments, row) => plotLine(label(row), segments)),
    `${' '.repeat(9)}└─${stepAxis(x, PLOT_COLUMNS)}`,
  ].join('\n');
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
