import { makeLine } from '../../../../src/core/sanitize.js';
import * as format from '../../../../src/core/format.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { fit, widthOf } from '../../../parts/text.js';
import type { Opponent } from '../measures.js';
import { kindColumns } from '../opinions.js';

export interface KindsProps {
  readonly opponent: Opponent;
  /** First visible kind, and the number of visible ones. */
  readonly top: number;
  readonly rows: number;
  readonly columns: number;
}

const nameWidth = 16;
const countWidth = 9;
const leastWidth = 17;
const widest = 26;

/** The comparison on the prompts of each kind; columns that do not fit are left out, and said to be. */
export function Kinds({ opponent, top, rows, columns }: KindsProps) {
  const { kinds = [] } = opponent.comparison;
  const all = kindColumns(kinds);
  const room = columns - nameWidth - countWidth;
  const shown = all.slice(0, Math.max(1, Math.floor(room / leastWidth)));
  const width = Math.min(widest, Math.floor(room / shown.length));
  // One form for the whole column, whatever part of it is visible.
  const fits = shown.map(({ cell }) => kinds.every((kind) => widthOf(cell(kind).text) < width));
  const hidden = all.length - shown.length;
  const more = hidden === 0 ? '' : ` · ${format.of(hidden, 'more column')} on a wider terminal`;
  const below = kinds.length - top - rows;
  return (
    <>
      <Rule
        title="By kind of prompt"
        right={`${opponent.name}${more}${below > 0 ? ` · ↓${below}` : ''}`}
        width={columns}
      />
      <Line tone="title">
        {fit('kind', nameWidth)}
        {fit('prompts', countWidth, 'right')}
        {shown.map(({ heading }) => fit(heading, width, 'right')).join('')}
      </Line>
      {kinds.slice(top, top + rows).map((kind) => (
        <Line key={kind.kind}>
          {fit(makeLine(kind.kind, nameWidth), nameWidth)}
          {fit(format.count(kind.prompts), countWidth, 'right')}
          {shown.map(({ heading, cell }, c) => {
            const { text, short, tone } = cell(kind);
            return (
              <Tint key={heading} tone={tone}>
                {fit(fits[c] ? text : short, width, 'right')}
              </Tint>
            );
          })}
        </Line>
      ))}
    </>
  );
}
