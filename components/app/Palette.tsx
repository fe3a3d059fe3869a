import { signOf } from './keyNames.js';
import { bodyRows } from './layout.js';
import { paletteEntries } from './commands.js';
import { makeLine } from '../../src/core/sanitize.js';
import type { Modal, State } from './state.js';
import { cut, fit, spread } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';
import { Rule } from '../parts/Rule.js';

export interface PaletteProps {
  readonly state: State;
  readonly modal: Modal & { kind: 'palette' };
}

const commandColumns = 20;

/** Commands that match what is typed; enter runs the selected one. Those without effect at the moment are dim. */
export function Palette({ state, modal }: PaletteProps) {
  const { columns } = state.size;
  const rows = bodyRows(state) - 2;
  const entries = paletteEntries(state, modal.text);
  const top = Math.max(0, modal.selected - rows + 1);
  return (
    <>
      <Rule
        title="Commands"
        right={entries.length > rows ? `${modal.selected + 1}/${entries.length}` : `${entries.length}`}
        width={columns}
      />
      <Line>
        <Tint tone="accent">:</Tint>
        {makeLine(modal.text, columns - 4)}█
      </Line>
      {entries.length === 0 && <Line tone="muted">No command matches.</Line>}
      {entries.slice(top, top + rows).map(({ key, name, command, text, available }, i) => {
        const sign = signOf(name);
        const told = available ? text : `${text} (not now)`;
        const room = columns - commandColumns - 2 - sign.length;
        return (
          <Line
            key={`${key.owner} ${key.id} ${name}`}
            inverse={top + i === modal.selected}
            tone={available ? 'plain' : 'muted'}
          >
            {fit(` ${command}`, commandColumns)}
            {spread(cut(told, room), `${sign} `, columns - commandColumns)}
          </Line>
        );
      })}
    </>
  );
}
