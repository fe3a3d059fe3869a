import { bodyRows } from '../src/ui/layout.js';
import { signOf } from '../src/ui/keyNames.js';
import { paletteEntries } from '../src/ui/palette.js';
import { makeLine } from '../src/ui/sanitize.js';
import type { Modal, State } from '../src/ui/state.js';
import { fit, spread } from '../src/ui/text.js';
import { Line, Tint } from './Line.js';
import { Rule } from './Rule.js';

export interface PaletteProps {
  readonly state: State;
  readonly modal: Modal & { kind: 'palette' };
}

/** Commands that fit what is typed; the selected one is done on enter. */
export function Palette({ state, modal }: PaletteProps) {
  const { columns } = state.size;
  const rows = bodyRows(state) - 2;
  const entries = paletteEntries(state, modal.text);
  const top = Math.max(0, modal.selected - rows + 1);
  return (
    <>
      <Rule title="Commands" right={`${entries.length}`} width={columns} />
      <Line>
        <Tint tone="accent">:</Tint>
        {makeLine(modal.text, columns - 4)}█
      </Line>
      {entries.length === 0 && <Line tone="muted">No command has these letters in this order.</Line>}
      {entries.slice(top, top + rows).map(({ key, name, text }, i) => (
        <Line key={`${key.owner} ${key.id} ${name}`} inverse={top + i === modal.selected}>
          {fit(spread(` ${text}`, `${signOf(name)} `, columns), columns)}
        </Line>
      ))}
    </>
  );
}
