/** What the views of the kinds and of the judges show: their cells, and both in words. */
import { publishedReward } from '../../../src/core/config/rewardSpec.js';
import { agreementInWords, scaled } from '../../../src/core/findings.js';
import * as format from '../../../src/core/format.js';
import type { Comparison, EvaluationResult, KindComparison } from '../../../src/core/rows.js';
import { type Cell, changeCell, neutralCell, rateCell } from './measures.js';

export interface KindColumn {
  heading: string;
  cell(kind: KindComparison): Cell;
}

/** The columns of the kinds, the most important first: a narrow terminal leaves out the last ones. */
export function kindColumns(kinds: readonly KindComparison[]): KindColumn[] {
  const [first] = kinds;
  if (first === undefined) return [];
  return [
    {
      heading: 'win rate',
      cell: ({ win_rate, intervals, prompts }) => rateCell(win_rate, intervals.win_rate, prompts),
    },
    {
      heading: 'Δ reward',
      cell: ({ reward_change, intervals, prompts }) => changeCell(reward_change, intervals.reward_change, prompts, 2),
    },
    ...first.metrics.map(({ name, percent }, m): KindColumn => {
      const scale = percent ? 100 : 1;
      return {
        heading: `Δ ${name}${percent ? ', %' : ''}`,
        cell: ({ metrics, prompts }) =>
          changeCell(scale * metrics[m].change, scaled(metrics[m].interval, scale), prompts, percent ? 1 : 2),
      };
    }),
    ...(first.judge_win_rate === undefined
      ? []
      : [
          {
            heading: 'second judge',
            cell: ({ judge_win_rate, intervals, prompts }: KindComparison) =>
              rateCell(judge_win_rate ?? NaN, intervals.judge_win_rate, prompts),
          },
        ]),
    {
      heading: 'Δ length, %',
      cell: ({ length_change_percent: change, intervals, prompts }) =>
        neutralCell(format.signed(change, 1), intervals.length_change_percent, prompts, 1),
    },
  ];
}

export function kindInWords(kind: KindComparison): string {
  const cells = kindColumns([kind]).map(({ heading, cell }) => `${heading} ${cell(kind).text}`);
  return `Kind ${kind.kind}, ${format.of(kind.prompts, 'prompt')}: ${cells.join('; ')}.`;
}

/** A row of the table of both judges. */
export interface JudgesRow {
  name: string;
  training: Cell;
  second: Cell;
}

const none: Cell = { text: '–', short: '–', tone: 'plain' };

/** Empty without a second judge. */
export function judgesRows(comparison: Comparison): JudgesRow[] {
  const { judge, prompts, intervals = {} } = comparison;
  if (judge === undefined) return [];
  const plain = (value: number | undefined): Cell => {
    const text = format.fixed(value ?? NaN, 3);
    return { text, short: text, tone: 'plain' };
  };
  const { score, score_against } = judge;
  return [
    {
      name: 'win rate, 95 %',
      training: rateCell(comparison.win_rate, intervals.win_rate, prompts),
      second: rateCell(judge.win_rate, judge.intervals.win_rate, prompts),
    },
    {
      name: 'length-controlled',
      training: rateCell(comparison.length_controlled_win_rate, intervals.length_controlled_win_rate, prompts),
      second: rateCell(judge.length_controlled_win_rate, judge.intervals.length_controlled_win_rate, prompts),
    },
    { name: 'mean score', training: plain(comparison.reward), second: plain(score) },
    { name: '  before', training: plain(comparison.reward_against), second: plain(score_against) },
    {
      name: '  change',
      training: changeCell(comparison.reward - comparison.reward_against, intervals.reward_change, prompts, 3),
      second:
        score === undefined || score_against === undefined
          ? none
          : changeCell(score - score_against, judge.intervals.score_change, prompts, 3),
    },
  ];
}

export function judgesInWords(evaluation: EvaluationResult, comparison: Comparison): string[] {
  return [
    ...(evaluation.judge === undefined ? [] : [`Second judge: ${publishedReward(evaluation.judge.spec)}.`]),
    ...judgesRows(comparison).map(
      ({ name, training, second }) => `${name.trim()}: training reward ${training.text}, second judge ${second.text}.`,
    ),
    ...agreementInWords(comparison),
    ...(evaluation.judge?.remarks ?? []),
  ];
}
