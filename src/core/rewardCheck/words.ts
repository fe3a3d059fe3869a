/** A reward check in words: a table for people, one line for forms and reports, and what speaks against the reward. */
import * as format from '../format.js';
import { largest } from '../limits.js';
import { hasSubsets, type RewardCheck, type Share, type SubsetCheck } from './check.js';

const whole = (share: number | null): string => format.percent(100 * (share ?? NaN), 1);

/** `71.2 % [69.0, 73.3]`, a share with its 95 % interval. */
export function shareText(share: Pick<Share, 'share' | 'low' | 'high'> | null): string {
  if (share === null) return '–';
  return `${whole(share.share)} [${format.fixed(100 * share.low, 1)}, ${format.fixed(100 * share.high, 1)}]`;
}

/** `right on 71.2 % [69.0, 73.3] of 1,763 rows, chance 25 %; mean of 6 subsets 68.0 %`. */
export function checkLine(check: RewardCheck): string {
  const { accuracy, chance, average, subsets } = check;
  const plain =
    accuracy === null
      ? []
      : [`right on ${shareText(accuracy)} of ${format.of(accuracy.rows, 'row')}, chance ${whole(chance)}`];
  const mean = hasSubsets(check) ? [`mean of ${format.of(subsets.length, 'subset')} ${whole(average)}`] : [];
  return [...plain, ...mean].join('; ');
}

/** What speaks against the reward, one sentence each; empty if nothing does. */
export function checkWarnings(check: RewardCheck): string[] {
  const { subsets, length, parts, chance: lot, worse_than_part: worse } = check;
  const guessing = subsets.filter(({ low, chance }) => low !== null && chance !== null && low <= chance);
  const { chosen_longer: longer, chosen_shorter: shorter } = length;
  const [prefers, people] = [length.reward_prefers_longer, length.people_prefer_longer];
  return [
    ...guessing.map(
      ({ subset, score, chance, rows }) =>
        `${subset}: ${whole(score)} on ${format.of(rows, 'row')} cannot be told from chance (${whole(chance)}).`,
    ),
    ...(longer !== null && shorter !== null && longer.low > shorter.high
      ? [
          `It is right more often if the chosen response is the longer one (${whole(longer.share)}) than if it is the shorter one (${whole(shorter.share)}).`,
        ]
      : []),
    ...(prefers !== null && people !== null && prefers.low > people.high
      ? [`It prefers the longer response (${whole(prefers.share)}) more often than people do (${whole(people.share)}).`]
      : []),
    ...parts.flatMap(({ name, weight, accuracy }) =>
      accuracy !== null && lot !== null && accuracy.high < lot
        ? [
            `With its weight of ${weight}, ${name} alone is right on ${whole(accuracy.share)}, less than chance (${whole(lot)}).`,
          ]
        : [],
    ),
    ...worse.map(
      ({ subset, rows, part, score, part_score }) =>
        `${subset}: ${part} alone reaches ${whole(part_score)}, the sum ${whole(score)} (${format.of(rows, 'row')}).`,
    ),
  ];
}

/** The whole check as lines of text. @param reward its name */
export function checkLines(check: RewardCheck, reward: string): string[] {
  const { subsets, length, parts, agreement } = check;
  const named = hasSubsets(check);
  return [
    `${reward}: ${format.of(check.rows, 'row')}, ${format.of(check.responses, 'response')}`,
    '',
    ...aligned([
      ['subset', 'rows', 'score', '95 %', 'chance'],
      ...subsets.map((subset) => [
        subset.subset,
        format.count(subset.rows),
        whole(subset.score),
        subset.low === null || subset.high === null ? '' : interval(subset.low, subset.high),
        subset.chance === null ? '' : whole(subset.chance),
      ]),
      ...(named ? [['mean of subsets', '', whole(check.average), '', '']] : []),
      ...(named && check.accuracy !== null
        ? [
            [
              subsets.some(({ ties }) => ties !== undefined) ? 'all rows but Ties' : 'all rows',
              format.count(check.accuracy.rows),
              whole(check.accuracy.share),
              interval(check.accuracy.low, check.accuracy.high),
              '',
            ],
          ]
        : []),
    ]),
    ...subsets.flatMap(tiesLines),
    ...(check.equal_best === 0
      ? []
      : [`${format.of(check.equal_best, 'row')} with a chosen and a rejected response that share the highest reward`]),
    '',
    ...aligned([
      ['length in characters', '', 'rows'],
      ['right if the chosen response is longer', shareText(length.chosen_longer), rowsOf(length.chosen_longer)],
      ['right if the chosen response is shorter', shareText(length.chosen_shorter), rowsOf(length.chosen_shorter)],
      ['the reward prefers the longer', shareText(length.reward_prefers_longer), rowsOf(length.reward_prefers_longer)],
      ['people prefer the longer', shareText(length.people_prefer_longer), rowsOf(length.people_prefer_longer)],
      ['correlation of reward and length, per prompt', correlationText(check), ''],
    ]),
    ...(parts.length === 0
      ? []
      : [
          '',
          ...aligned([
            ['part alone', 'weight', ...subsets.map(({ subset }) => subset), ...(named ? ['mean'] : [])],
            ...parts.map(({ name, weight, subsets: scores, average }) => [
              name,
              String(weight),
              ...scores.map(whole),
              ...(named ? [whole(average)] : []),
            ]),
            ['weighted sum', '', ...subsets.map(({ score }) => whole(score)), ...(named ? [whole(check.average)] : [])],
          ]),
          '',
          ...aligned([
            ['parts that prefer the same response', '', 'rows'],
            ...agreement.map(({ first, second, share }) => [`${first} and ${second}`, shareText(share), rowsOf(share)]),
          ]),
        ]),
    ...warningLines(checkWarnings(check)),
  ];
}

const interval = (low: number, high: number): string =>
  `[${format.fixed(100 * low, 1)}, ${format.fixed(100 * high, 1)}]`;

const rowsOf = (share: Share | null): string => (share === null ? '0' : format.count(share.rows));

function correlationText({ length: { correlation, correlation_error: error } }: RewardCheck): string {
  if (correlation === null) return '–';
  return `${format.signed(correlation, 2)}${error === null ? '' : ` ± ${format.fixed(1.96 * error, 2)}`}`;
}

function tiesLines({ subset, ties }: SubsetCheck): string[] {
  if (ties === undefined) return [];
  const { ref_accuracy, tied_accuracy, preferred, preferred_hard, questions } = ties;
  if (preferred === null)
    return [`${subset}: no question has both its \`ref\` and its \`tied\` row, so it has no score`];
  return [
    `${subset}: one correct answer ${whole(ref_accuracy)}, several ${whole(tied_accuracy)}, lead above spread ${whole(preferred)}, with the smaller lead ${whole(preferred_hard)} (${format.of(questions, 'question')})`,
  ];
}

function warningLines(warnings: readonly string[]): string[] {
  return warnings.length === 0 ? [] : ['', 'Before you trust it:', ...warnings.map((sentence) => `  ${sentence}`)];
}

/** Columns as wide as their widest cell, the first one to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => largest(rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
