import type { RoundState, Snapshot } from '../../../../src/protocol/messages.js';
import { pairCounts } from '../../../../src/core/heldOutPairs.js';
import { type TreeRow, settingOf } from '../../../../src/core/rounds.js';
import * as format from '../../../../src/core/format.js';
import { markOf } from '../../../../src/core/branchPlot.js';
import { branchTone } from '../select.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { fit, widthOf } from '../../../parts/text.js';
import type { Tone } from '../../../parts/theme.js';
import { Line, Tint } from '../../../parts/Line.js';
import { largest } from '../../../../src/core/limits.js';

export interface RoundsTableProps {
  /** Of the run, for settings that a round may override. */
  readonly config: Snapshot['config'];
  readonly tree: readonly TreeRow[];
  readonly current: number;
  readonly selected: number | null;
  readonly marked: number | null;
  /** First visible row, and the number of rows without the heading. */
  readonly top: number;
  readonly rows: number;
  readonly columns: number;
}

interface Column {
  heading: string;
  width: number;
  /** Left out on terminals narrower than this. */
  from: number;
  cell(round: RoundState, config: Snapshot['config']): string;
}

const comparison = (round: RoundState) => round.evaluation?.comparisons.find(({ against }) => against === 'base');
/** Round 0 is the base policy: it has no settings. */
const own = (round: RoundState, text: string): string => (round.id === 0 ? '–' : text);

const table: readonly Column[] = [
  { heading: 'α', width: 9, from: 0, cell: (round) => own(round, format.alpha(round.settings.alpha)) },
  { heading: 'β', width: 7, from: 110, cell: (round) => own(round, String(round.settings.beta)) },
  { heading: 'lr', width: 8, from: 90, cell: (round) => own(round, format.learningRate(round.settings.lr)) },
  {
    heading: 'objective',
    width: 13,
    from: 160,
    cell: (round, config) => own(round, String(settingOf(config, round, 'dpo.objective'))),
  },
  // With those held out: "1,204 + 134".
  { heading: 'pairs', width: 12, from: 110, cell: pairCounts },
  { heading: 'steps', width: 7, from: 120, cell: ({ steps }) => format.count(steps ?? NaN) },
  { heading: 'reward', width: 8, from: 0, cell: ({ evaluation }) => format.fixed(evaluation?.reward ?? NaN, 3) },
  {
    heading: 'Δ reward',
    width: 9,
    from: 150,
    cell: (round) => format.signed(rewardChange(comparison(round)), 3),
  },
  { heading: 'length', width: 7, from: 0, cell: ({ evaluation }) => format.fixed(evaluation?.mean_length ?? NaN, 1) },
  { heading: 'change', width: 9, from: 70, cell: (round) => change(comparison(round)?.length_change_percent) },
  { heading: 'win', width: 8, from: 0, cell: (round) => format.percent(comparison(round)?.win_rate ?? NaN) },
  {
    heading: 'LC win',
    width: 8,
    from: 110,
    cell: (round) => format.percent(comparison(round)?.length_controlled_win_rate ?? NaN),
  },
  { heading: 'KL', width: 7, from: 130, cell: (round) => format.fixed(comparison(round)?.kl ?? NaN, 2) },
  {
    heading: 'truncated',
    width: 11,
    from: 170,
    cell: ({ evaluation }) => format.percent(100 * (evaluation?.truncated_share ?? NaN)),
  },
  {
    heading: 'distinct-2',
    width: 11,
    from: 180,
    cell: ({ evaluation }) => format.fixed(evaluation?.distinct_2 ?? NaN, 3),
  },
  { heading: 'time', width: 9, from: 140, cell: ({ seconds }) => format.duration(totalSeconds(seconds)) },
];

/** Against the base policy. */
function rewardChange(of: ReturnType<typeof comparison>): number {
  return of === undefined ? NaN : of.reward - of.reward_against;
}

function totalSeconds(seconds: RoundState['seconds']): number {
  const times = Object.values(seconds);
  return times.length === 0 ? NaN : times.reduce((a, b) => a + b, 0);
}

/** Every round at its place in the tree. Changes, win rates and KL are relative to the base policy. */
export function RoundsTable({ config, tree, current, selected, marked, top, rows, columns }: RoundsTableProps) {
  const shown = table.filter(({ from }) => columns >= from);
  const widest = largest(tree.map(({ graph, round }) => widthOf(graph) + String(round.id).length));
  const treeWidth = Math.min(Math.max(8, widest + 5), Math.floor(columns / 4));
  const room = columns - treeWidth - shown.reduce((sum, { width }) => sum + width, 0) - 2;
  return (
    <>
      <Line tone="title">
        {fit('  round', treeWidth)}
        {shown.map(({ heading, width }) => fit(heading, width, 'right')).join('')}
        {'  status and name'}
      </Line>
      {Array.from({ length: rows }, (_, i) => tree.at(top + i)).map((row, i) => {
        if (row === undefined || top + i >= tree.length) return <Line key={i} />;
        const { round, graph, branch } = row;
        const isSelected = round.id === selected;
        const head = `${isSelected ? '›' : ' '}${round.id === marked ? '*' : ' '}${graph}`;
        const id = `${markOf(branch)}${round.id}${round.id === current ? ' ◂' : ''}`;
        return (
          <Line key={i} inverse={isSelected}>
            {head}
            <Tint tone={branchTone(branch)}>{id}</Tint>
            {' '.repeat(Math.max(0, treeWidth - widthOf(head) - widthOf(id)))}
            {shown.map(({ cell, width }) => fit(cell(round, config), width, 'right')).join('')}
            {'  '}
            <Tint tone={statusTone(round)}>{fit(statusOf(round), room)}</Tint>
          </Line>
        );
      })}
    </>
  );
}

function change(value: number | undefined): string {
  return value === undefined ? '–' : `${format.signed(value, 1)} %`;
}

/** The stage unless done, the verdict, and the name; without a name, the note. */
function statusOf(round: RoundState): string {
  const { id, stage, sampled, stopped_early, verdict, name, note, redo_of, damaged } = round;
  // The whole sentence is among the details of the selected round.
  if (damaged !== undefined) return `damaged: ${makeLine(/^`(.*?)`/.exec(damaged)?.[1] ?? damaged, 80)}`;
  const parts = [
    ...(stage === 'done' ? [] : [stage]),
    ...(verdict === null ? [] : [verdict === 'accepted' ? '✔' : '✘']),
    ...(name !== '' ? [makeLine(name, 80)] : note === '' ? [] : [makeLine(note, 80)]),
    ...(sampled?.stopped_early ? ['sampling stopped early'] : []),
    ...(stopped_early ? ['update stopped early'] : []),
    ...(redo_of === null ? [] : [`redo of ${redo_of}`]),
  ];
  return parts.length === 0 && id === 0 ? 'base policy' : parts.join(' ');
}

function statusTone({ stage, verdict, damaged }: RoundState): Tone {
  if (damaged !== undefined) return 'bad';
  if (stage !== 'done') return 'warn';
  return verdict === null ? 'plain' : verdict === 'accepted' ? 'good' : 'bad';
}
