import { questionLines } from './layout.js';
import { makeLine } from '../../src/core/sanitize.js';
import type { EditModal, State, Suggestions } from './state.js';
import { suggestionsOf } from './textFields.js';
import { cut, widthOf } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';
import { TextField } from '../parts/TextField.js';

/** The lines above the footer: a question, what is being typed, or a word about the last key. */
export function Message({ state }: { readonly state: State }) {
  const { modal, notice } = state;
  if (modal?.kind === 'edit' && modal.inPlace !== true) {
    const suggestions = suggestionsOf(state);
    return (
      <>
        {suggestions !== null && (
          <Suggested suggestions={suggestions} place={modal.completing?.place ?? 0} columns={state.size.columns} />
        )}
        <Typing modal={modal} columns={state.size.columns} />
      </>
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

/** A line being typed, and what the screen says of it. */
function Typing({ modal, columns }: { readonly modal: EditModal; readonly columns: number }) {
  const { label, hint, error, errorAt } = modal;
  const said = error === null ? makeLine(hint, columns) : `✘ ${makeLine(error, columns)}`;
  const room = columns - widthOf(label) - 3;
  return (
    <Line>
      <Tint tone="accent">{label}: </Tint>
      <TextField
        line={modal}
        columns={Math.max(20, room - Math.min(widthOf(said), room >> 1))}
        wrongFrom={errorAt}
      />{' '}
      <Tint tone={error === null ? 'muted' : 'bad'}>{said}</Tint>
    </Line>
  );
}

interface SuggestedProps {
  readonly suggestions: Suggestions;
  /** The one that tab inserts next, or has inserted. */
  readonly place: number;
  readonly columns: number;
}

/** What is expected at the cursor, and what tab inserts there: the first with its meaning, then the names of others. */
function Suggested({ suggestions: { items, expected }, place, columns }: SuggestedProps) {
  const [first, ...others] = [...items.slice(place), ...items.slice(0, place)];
  return (
    <>
      <Line tone="muted">{cut(expected, columns)}</Line>
      <Line tone="muted">
        {first !== undefined && (
          <>
            tab <Tint tone="accent">{first.text}</Tint>
            {` ${first.help}`}
            {others.length === 0 ? '' : `   then ${others.map(({ text }) => text.trim()).join('  ')}`}
          </>
        )}
      </Line>
    </>
  );
}
