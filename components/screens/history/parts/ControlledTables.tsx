import { Line } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { cut } from '../../../parts/text.js';
import type { Tone } from '../../../parts/theme.js';
import type { ControlledLayout, ControlledLine } from '../controlled.js';
import { nameOf } from '../select.js';

export interface ControlledTablesProps {
  readonly layout: ControlledLayout;
  readonly columns: number;
}

const tones: Record<ControlledLine['kind'], Tone> = { title: 'accent', heading: 'title', row: 'plain', blank: 'plain' };

/** One table per setting that was varied; the round's own row is marked. */
export function ControlledTables({ layout, columns }: ControlledTablesProps) {
  const { round, lines, rows, top } = layout;
  const more = lines.length - top - rows;
  return (
    <>
      <Rule
        title={`Controlled comparison with ${cut(nameOf(round), columns - 48)}`}
        right={more > 0 ? `↓${more}` : ''}
        width={columns}
      />
      {lines.slice(top, top + rows).map((line, i) => (
        <Line key={i} tone={line.round === round.id ? 'good' : tones[line.kind]}>
          {cut(line.text, columns)}
        </Line>
      ))}
    </>
  );
}
