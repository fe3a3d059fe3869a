import type { RoundState } from '../../src/engine/protocol.js';
import * as format from '../../src/ui/format.js';
import { scatter } from '../../src/ui/plot.js';
import { fit, spread } from '../../src/ui/text.js';
import { Line, Tint } from '../Line.js';
import { Rule } from '../Rule.js';

export interface HistoryScreenProps {
  readonly rounds: readonly RoundState[];
  readonly current: number;
  /** First visible round. */
  readonly top: number;
  readonly tableRows: number;
  readonly columns: number;
  readonly rows: number;
}

interface Column {
  heading: string;
  width: number;
  /** Left out on a terminal narrower than this. */
  from: number;
  cell(round: RoundState, base: RoundState | undefined): string;
}

const comparison = (round: RoundState) => round.evaluation?.comparisons.find(({ against }) => against === 'base');
/** Round 0 is the base policy: nothing was set for it. */
const own = (round: RoundState, text: string): string => (round.id === 0 ? '–' : text);

const table: readonly Column[] = [
  { heading: 'round', width: 7, from: 0, cell: ({ id }) => String(id) },
  { heading: 'from', width: 6, from: 0, cell: ({ parent }) => (parent === null ? 'base' : String(parent)) },
  { heading: 'α', width: 9, from: 0, cell: (round) => own(round, format.alpha(round.settings.alpha)) },
  { heading: 'β', width: 7, from: 110, cell: (round) => own(round, String(round.settings.beta)) },
  { heading: 'lr', width: 8, from: 76, cell: (round) => own(round, format.learningRate(round.settings.lr)) },
  { heading: 'pairs', width: 8, from: 100, cell: ({ pairs }) => format.count(pairs ?? NaN) },
  { heading: 'steps', width: 8, from: 100, cell: ({ steps }) => format.count(steps ?? NaN) },
  { heading: 'reward', width: 9, from: 0, cell: ({ evaluation }) => format.fixed(evaluation?.reward ?? NaN, 3) },
  { heading: 'length', width: 8, from: 0, cell: ({ evaluation }) => format.fixed(evaluation?.mean_length ?? NaN, 1) },
  { heading: 'change', width: 10, from: 76, cell: (round) => change(comparison(round)?.length_change_percent) },
  { heading: 'win', width: 9, from: 0, cell: (round) => format.percent(comparison(round)?.win_rate ?? NaN) },
  {
    heading: 'LC win',
    width: 9,
    from: 120,
    cell: (round) => format.percent(comparison(round)?.length_controlled_win_rate ?? NaN),
  },
  { heading: 'KL', width: 8, from: 120, cell: (round) => format.fixed(comparison(round)?.kl ?? NaN, 2) },
];

/** Every round with the α that was used, and reward against length. Change and win rate are against the base. */
export function HistoryScreen({ rounds, current, top, tableRows, columns, rows }: HistoryScreenProps) {
  const shown = table.filter(({ from }) => columns >= from);
  return (
    <>
      <Line tone="title">
        {shown.map(({ heading, width }) => fit(heading, width, 'right')).join('')}
        {'  stage'}
      </Line>
      {Array.from({ length: tableRows }, (_, i) => rounds[top + i]).map((round, i) =>
        round === undefined ? (
          <Line key={i} />
        ) : (
          <Line key={i}>
            {round.id === current ? '›' : ' '}
            {shown
              .map(({ cell, width }, j) => fit(cell(round, rounds[0]), j === 0 ? width - 1 : width, 'right'))
              .join('')}
            <Tint tone={round.stage === 'done' ? 'good' : 'warn'}>{`  ${stageText(round)}`}</Tint>
          </Line>
        ),
      )}
      <RewardAgainstLength rounds={rounds} columns={columns} rows={rows - tableRows - 1} />
    </>
  );
}

function change(value: number | undefined): string {
  return value === undefined ? '–' : `${format.signed(value, 1)} %`;
}

function stageText({ stage, stopped_early }: RoundState): string {
  return stopped_early ? `${stage}, stopped early` : stage;
}

interface PlotProps {
  readonly rounds: readonly RoundState[];
  readonly columns: number;
  readonly rows: number;
}

const gutter = 10;

/** Up is more reward, right is longer: a good round goes up and not to the right. */
function RewardAgainstLength({ rounds, columns, rows }: PlotProps) {
  const points = rounds.flatMap(({ id, evaluation }) =>
    evaluation === null ? [] : [{ x: evaluation.mean_length, y: evaluation.reward, label: String(id) }],
  );
  const height = Math.max(2, rows - 3);
  const plot = scatter(points, columns - gutter - 2, height);
  return (
    <>
      <Rule title="Reward against length" right="the numbers are rounds" width={columns} />
      {plot.rows.map((row, i) => (
        <Line key={i}>
          <Tint tone="muted">
            {fit(
              i === 0 ? format.fixed(plot.y[1], 3) : i === height - 1 ? format.fixed(plot.y[0], 3) : '',
              gutter - 2,
              'right',
            )}
            {' │ '}
          </Tint>
          <Tint tone="accent">{row}</Tint>
        </Line>
      ))}
      <Line tone="muted">{`${' '.repeat(gutter - 1)}└${'─'.repeat(Math.max(0, columns - gutter - 1))}`}</Line>
      <Line tone="muted">
        {' '.repeat(gutter + 1)}
        {spread(format.fixed(plot.x[0], 1), `${format.fixed(plot.x[1], 1)} tokens`, columns - gutter - 2)}
      </Line>
    </>
  );
}
