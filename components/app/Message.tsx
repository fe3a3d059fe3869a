import { questionLines } from './layout.js';
import { makeLine } from '../../src/core/sanitize.js';
import type { State } from './state.js';
import { Line, Tint } from '../parts/Line.js';

/** The lines above the footer: a question, what is being typed, or a word about the last key. */
export function Message({ state }: { readonly state: State }) {
  const { modal, notice } = state;
  if (modal?.kind === 'edit' && modal.inPlace !== true) {
    return (
      <Line>
        <Tint tone="accent">{modal.label}: </Tint>
        {makeLine(modal.text, 40)}█{' '}
        {modal.error === null ? (
          <Tint tone="muted">{makeLine(modal.hint, state.size.columns)}</Tint>
        ) : (
          <Tint tone="bad">✘ {makeLine(modal.error, state.size.columns)}</Tint>
        )}
      </Line>
    );
  }
  if (modal?.kind === 'confirm') {
    const lines = questionLines(state);
    return lines.map((line, i) => (
      <Line key={i} tone={i >= lines.length - 1 ? 'warn' : 'plain'}>
        {line}
        {i === lines.length - 1 && <Tint tone="accent"> y/n</Tint>}
      </Line>
    ));
  }
  return <Line tone="warn">{notice === null ? '' : makeLine(notice, state.size.columns)}</Line>;
}
