/** A run as one self-contained HTML page: no script, no request; readable in light and dark mode and on paper. */
import { type Range, wordDiff } from '../core/review/diff.js';
import { branchTitle, type RoundState } from '../core/rounds.js';
import { fixed } from '../core/format.js';
import { makeVisible } from '../core/sanitize.js';
import { heldOutCurves, partCurves, rewardAgainstLength, trainingCurves } from './charts.js';
import type { ReportBranch, ReportData, SampleChange } from './data.js';
import { style } from './style.js';
import { escapeXml } from './svg.js';
import { columnsOf, configFacts, evidenceOf, heldOutNote, kindsTable, roundFacts, tableNote } from './table.js';

export function htmlReport(data: ReportData): string {
  const { name, config, tree, branches } = data;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // Model text is escaped; if the escaping has a bug, this policy still blocks scripts and requests.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${shown(name)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    `<h1>${shown(name)}</h1>`,
    `<dl>${configFacts(config)
      .map(([fact, value]) => `<dt>${shown(fact)}</dt><dd>${shown(value)}</dd>`)
      .join('')}</dl>`,
    '<h2>Reward against length</h2>',
    '<p class="quiet">Up is more reward, right is longer: a good round goes up and not to the right.</p>',
    `<figure>${rewardAgainstLength(branches)}</figure>`,
    '<h2>Rounds</h2>',
    roundsTable(tree),
    `<p class="quiet">${shown(tableNote)}</p>`,
    ...branches.map((branch) => branchSection(data, branch)),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function roundsTable(tree: ReportData['tree']): string {
  const columns = columnsOf(tree.map(({ round }) => round));
  const head = columns.map(({ title }) => `<th scope="col">${shown(title)}</th>`).join('');
  const rows = tree.map(({ round, graph }) => {
    const cells = columns.map(({ title, cell }, i) => {
      const text = shown(cell(round));
      if (i === 0) return `<th scope="row"><span class="tree" aria-hidden="true">${shown(graph)}</span>${text}</th>`;
      const kind = title === 'decisions' || title === 'verdict' ? ` class="words"` : '';
      return `<td${kind}>${text}</td>`;
    });
    const verdict = round.verdict === null ? '' : ` class="${round.verdict}"`;
    return `<tr${verdict}>${cells.join('')}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function branchSection({ config }: ReportData, branch: ReportBranch): string {
  const title = branchTitle(branch);
  const curves = trainingCurves(branch);
  const heldOut = heldOutCurves(branch);
  const parts = partCurves(branch);
  const notes = branch.rounds.flatMap((round) => noteOn(roundFacts(config, round), round));
  return [
    '<section>',
    `<h2>${shown(title.charAt(0).toUpperCase() + title.slice(1))}</h2>`,
    ...(notes.length === 0 ? [] : [`<ul>${notes.join('')}</ul>`]),
    ...(parts === null ? [] : [`<figure>${parts}</figure>`]),
    ...evidence(branch),
    ...(curves === null ? [] : [`<figure>${curves}</figure>`]),
    ...(heldOut === null ? [] : [`<figure>${heldOut}</figure>`, `<p class="quiet">${shown(heldOutNote)}</p>`]),
    ...branch.samples.map(sample),
    '</section>',
  ].join('\n');
}

/** Of the last evaluated round: which differences exceed the noise, and the figures by kind. */
function evidence({ rounds }: ReportBranch): string[] {
  const last = rounds.findLast(({ evaluation }) => evaluation !== null);
  const sentences = last === undefined ? [] : evidenceOf(last);
  if (last === undefined || sentences.length === 0) return [];
  const kinds = kindsTable(last);
  const head = kinds?.heading.map((title) => `<th scope="col">${shown(title)}</th>`).join('') ?? '';
  const rows = (kinds?.rows ?? []).map(
    ([kind, ...cells]) =>
      `<tr><th scope="row">${shown(kind)}</th>${cells.map((cell) => `<td>${shown(cell)}</td>`).join('')}</tr>`,
  );
  return [
    `<h3>What round ${last.id} shows</h3>`,
    `<ul>${sentences.map((sentence) => `<li>${shown(sentence)}</li>`).join('')}</ul>`,
    ...(kinds === null
      ? []
      : [`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`]),
  ];
}

function noteOn(facts: readonly string[], { id, note }: RoundState): string[] {
  const parts = [...facts, ...(note === '' ? [] : [note])];
  return parts.length === 0 ? [] : [`<li>Round ${id}: ${parts.map(shown).join('; ')}</li>`];
}

function sample({ why, prompt, before, after }: SampleChange): string {
  const [a, b] = [makeVisible(before.answer.text), makeVisible(after.answer.text)];
  const own = wordDiff(a, b);
  return [
    `<article><h3>${shown(why)}</h3>`,
    `<blockquote>${shown(prompt)}</blockquote>`,
    `<div class="pair">${answer(before, a, own.a, 'gone')}${answer(after, b, own.b, 'new')}</div></article>`,
  ].join('\n');
}

function answer(
  { round, answer: { reward, length, truncated } }: SampleChange['after'],
  text: string,
  own: readonly Range[],
  kind: string,
): string {
  const head = `${round === 0 ? 'base' : `round ${round}`}: reward ${fixed(reward, 3)}, ${length} tokens${truncated ? ', truncated' : ''}`;
  return `<div><h4>${head}</h4><p class="text">${marked(text, own, kind)}</p></div>`;
}

/** @param text already made safe */
function marked(text: string, own: readonly Range[], kind: string): string {
  let at = 0;
  const parts = own.map(([start, end]) => {
    const part = `${escapeXml(text.slice(at, start))}<mark class="${kind}">${escapeXml(text.slice(start, end))}</mark>`;
    at = end;
    return part;
  });
  return parts.join('') + escapeXml(text.slice(at));
}

/** Text made visible and escaped. */
const shown = (text: string): string => escapeXml(makeVisible(text));
