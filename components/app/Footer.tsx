import { Fragment } from 'react';
import { activeKeys, signOf } from './keys.js';
import type { State } from './state.js';
import { Line, Tint } from '../parts/Line.js';

/** The keys that do something here and now, as many as fit; help and detach always do. */
export function Footer({ state }: { readonly state: State }) {
  const hints = activeKeys(state)
    .filter(({ label }) => label !== '')
    .map(({ id, keys, sign, label }) => ({ id, sign: sign ?? signOf(keys[0]), label }));
  const isLast = ({ id }: { id: string }): boolean => id === 'help' || id === 'detach' || id.startsWith('quit');
  const last = hints.filter(isLast);
  let room = state.size.columns - last.reduce((sum, hint) => sum + widthOfHint(hint), 0);
  const first = hints.filter((hint) => !isLast(hint) && (room -= widthOfHint(hint)) >= 0);
  return (
    <Line>
      {[...first, ...last].map(({ id, sign, label }) => (
        <Fragment key={id}>
          <Tint tone="accent">{sign}</Tint> {label}
          {'  '}
        </Fragment>
      ))}
    </Line>
  );
}

function widthOfHint({ sign, label }: { sign: string; label: string }): number {
  return sign.length + label.length + 3;
}
