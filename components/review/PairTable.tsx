import { pairMargins } from '../../src/dpo/margins.js';
import type { PairRow } from '../../src/rows.js';
import * as format from '../../src/ui/format.js';
import { marginInputs, promptText } from '../../src/ui/review/pairs.js';
import { makeLine } from '../../src/ui/sanitize.js';
import { cut, fit } from '../../src/ui/text.js';
import { Line, Tint } from '../Line.js';

export interface PairTableProps {
  readonly pairs: readonly PairRow[];
  readonly alpha: number;
  readonly selected: number;
  readonly top: number;
  /** Rows without the heading. */
  readonly rows: number;
  readonly columns: number;
}

interface Cells {
  pair: PairRow;
  index: number;
  /** What margins.ts says of the pair at this α. */
  numbers: ReturnType<typeof pairMargins> & ReturnType<typeof marginInputs>[number];
}

interface Column {
  heading: string;
  width: number;
  /** Left out on a terminal narrower than this. */
  from: number;
  cell(cells: Cells): string;
}

const table: readonly Column[] = [
  { heading: 'pair', width: 6, from: 0, cell: ({ index }) => format.count(index + 1) },
  { heading: 'r_w', width: 8, from: 76, cell: ({ numbers }) => format.fixed(numbers.chosen_reward, 2) },
  { heading: 'r_l', width: 8, from: 76, cell: ({ numbers }) => format.fixed(numbers.rejected_reward, 2) },
  { heading: 'r_w-r_l', width: 8, from: 0, cell: ({ numbers }) => format.signed(numbers.reward_margin, 2) },
  { heading: '|y_w|', width: 7, from: 0, cell: ({ numbers }) => format.count(numbers.chosen_length) },
  { heading: '|y_l|', width: 7, from: 0, cell: ({ numbers }) => format.count(numbers.rejected_length) },
  { heading: 'α·Δ|y|', width: 8, from: 0, cell: ({ numbers }) => format.signed(numbers.length_margin, 2) },
  {
    heading: 'penalized',
    width: 10,
    from: 0,
    cell: ({ numbers }) => format.signed(numbers.length_penalized_margin, 2),
  },
  { heading: 'weight', width: 7, from: 0, cell: ({ numbers }) => format.fixed(numbers.weight, 3) },
];
const marksWidth = 6;

/** Pairs with what α does to each. Only the rows that are seen are computed and drawn. */
export function PairTable({ pairs, alpha, selected, top, rows, columns }: PairTableProps) {
  const shown = table.filter(({ from }) => columns >= from);
  const room = columns - shown.reduce((sum, { width }) => sum + width, 0) - marksWidth - 2;
  const inputs = marginInputs(pairs);
  const heading = shown.map((column) => fit(column.heading, column.width, 'right')).join('');
  return (
    <>
      <Line tone="title">{`${heading} marks ${room >= 10 ? 'prompt' : ''}`}</Line>
      {Array.from({ length: rows }, (_, i) => {
        const index = top + i;
        if (index >= pairs.length) return <Line key={i} />;
        const [pair, input] = [pairs[index], inputs[index]];
        const numbers = { ...input, ...pairMargins(input, alpha) };
        const text = shown.map((column) => fit(column.cell({ pair, index, numbers }), column.width, 'right')).join('');
        const prompt = room >= 10 ? cut(makeLine(promptText(pair.prompt) ?? '', room), room) : '';
        return (
          <Line key={i} inverse={index === selected}>
            {index === selected ? '›' : ' '}
            {text.slice(1)} <Tint tone="warn">{marks(pair, numbers.flipped)}</Tint>
            {fit(prompt, Math.max(0, room))}
          </Line>
        );
      })}
    </>
  );
}

/** F: flipped by the length penalty. T: truncated, of the winner (w), the loser (l) or both. */
function marks({ chosen_truncated, rejected_truncated }: PairRow, flipped: boolean): string {
  const cut = chosen_truncated === true || rejected_truncated === true;
  const sides = (chosen_truncated === true ? 'w' : '') + (rejected_truncated === true ? 'l' : '');
  return `${flipped ? 'F' : ' '} ${cut ? `T${sides}` : ''}`.padEnd(marksWidth);
}
