import { Fragment } from 'react';
import { footerHints } from './chrome.js';
import type { State } from './state.js';
import { Line, Tint } from '../parts/Line.js';

/** The keys that do something here and now. */
export function Footer({ state }: { readonly state: State }) {
  return (
    <Line>
      {footerHints(state).map(({ key, sign, label }) => (
        <Fragment key={key.id}>
          <Tint tone="accent">{sign}</Tint> {label}
          {'  '}
        </Fragment>
      ))}
    </Line>
  );
}
