import { signOf } from './keyNames.js';
import { paletteRows } from './paletteRows.js';
import type { Modal, State } from './state.js';
import { cut, fit, spread, widthOf } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';
import { Rule } from '../parts/Rule.js';
import { TextField } from '../parts/TextField.js';

export interface PaletteProps {
  readonly state: State;
  readonly modal: Modal & { kind: 'palette' };
}

const commandColumns = 20;

/** Commands that match what is typed; enter runs the selected one. Those without effect at the moment are dim. */
export function Palette({ state, modal }: PaletteProps) {
  const { columns } = state.size;
  const { rows, count } = paletteRows(state, modal);
  const shown = rows.filter((row) => 'entry' in row).length;
  return (
    <>
      <Rule title="Commands" right={count > shown ? `${modal.selected + 1}/${count}` : `${count}`} width={columns} />
      <Line>
        <Tint tone="accent">:</Tint>
        <TextField line={modal} columns={columns - 2} />
      </Line>
      {count === 0 && <Line tone="muted">No command matches.</Line>}
      {rows.map((row, i) => {
        if ('heading' in row) {
          return (
            <Line key={i} tone="title">
              {row.heading}
            </Line>
          );
        }
        const { name, command, text, available } = row.entry;
        const sign = signOf(name);
        const told = available ? text : `${text} (not now)`;
        const room = columns - commandColumns - 2 - widthOf(sign);
        return (
          <Line key={i} inverse={row.place === modal.selected} tone={available ? 'plain' : 'muted'}>
            {fit(` ${command}`, commandColumns)}
            {spread(cut(told, room), `${sign} `, columns - commandColumns)}
          </Line>
        );
      })}
    </>
  );
}
