import { helpLines, helpRows } from './helpLines.js';
import { type State, screenTitles } from './state.js';
import { fit } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';
import { Rule } from '../parts/Rule.js';

const keyColumns = 16;
const noteColumns = 24;

/** Every key of the screen below it, and what can be typed there. Keys without effect at the moment are dim. */
export function Help({ state, top }: { readonly state: State; readonly top: number }) {
  const rows = helpRows(state);
  const lines = helpLines(state);
  // After the window was made larger, fewer lines are left to scroll.
  const first = Math.max(0, Math.min(top, lines.length - rows));
  const end = Math.min(lines.length, first + rows);
  return (
    <>
      <Rule
        title={`Keys on ${screenTitles[state.screen]}`}
        right={lines.length > rows ? `${first + 1}–${end} of ${lines.length}` : ''}
        width={state.size.columns}
      />
      {lines.slice(first, end).map(({ left, text, kind }, i) =>
        kind === 'heading' ? (
          <Line key={i} tone="title">
            {text === '' ? '' : `  ${text}`}
          </Line>
        ) : (
          <Line key={i} tone={kind === 'idle key' ? 'muted' : 'plain'}>
            <Tint tone={kind === 'idle key' ? 'muted' : 'accent'}>
              {fit(`  ${left}`, kind === 'note' ? noteColumns : keyColumns)}
            </Tint>
            {text}
          </Line>
        ),
      )}
    </>
  );
}
