import { activeKeys, keysOf, signOf } from '../src/ui/keys.js';
import { bodyRows } from '../src/ui/layout.js';
import { type State, screenTitles } from '../src/ui/state.js';
import { fit } from '../src/ui/text.js';
import { Line, Tint } from './Line.js';
import { Rule } from './Rule.js';

/** Every key of the screen that it lies over. Those that do nothing at present are dim. */
export function Help({ state, top }: { readonly state: State; readonly top: number }) {
  const rows = bodyRows(state) - 2;
  const now = activeKeys({ ...state, modal: null });
  const active = new Set(now.map(({ id }) => id));
  const keys = [...now, ...keysOf(state.screen).filter(({ id }) => !active.has(id))];
  const end = Math.min(keys.length, top + rows);
  return (
    <>
      <Rule
        title={`Keys on ${screenTitles[state.screen]}`}
        right={keys.length > rows ? `${top + 1}–${end} of ${keys.length}` : ''}
        width={state.size.columns}
      />
      {keys.slice(top, end).map(({ id, keys: names, help }) => (
        <Line key={id} tone={active.has(id) ? 'plain' : 'muted'}>
          <Tint tone={active.has(id) ? 'accent' : 'muted'}>{fit(`  ${names.map(signOf).join(' ')}`, 16)}</Tint>
          {help}
          {!active.has(id) && ' (not now)'}
        </Line>
      ))}
    </>
  );
}
