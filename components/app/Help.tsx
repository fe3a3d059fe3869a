import { type HelpLine, helpColumns, helpLines, helpRows, helpScroll } from './helpLines.js';
import { type Modal, type State, screenTitles } from './state.js';
import { fit, widthOf } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';
import { Rule } from '../parts/Rule.js';
import { TextField } from '../parts/TextField.js';

export interface HelpProps {
  readonly state: State;
  readonly modal: Modal & { kind: 'help' };
}

const keyColumns = 16;
const noteColumns = 24;
const nameColumns = 22;
/** From this width on a line tells the action's name too. */
const withNames = 96;

/** Every key of the screen below it by purpose, and what can be typed there. Keys without effect at the moment are dim. */
export function Help({ state, modal }: HelpProps) {
  const lines = helpLines(state);
  const visible = helpRows(state);
  const beside = helpColumns(state);
  const { rows, top } = helpScroll(state);
  const width = Math.floor(state.size.columns / beside);
  const end = Math.min(rows, top + visible);
  return (
    <>
      <Rule
        title={`Keys on ${screenTitles[state.screen]}`}
        right={rows > visible ? `${top + 1}–${end} of ${rows}` : ''}
        width={state.size.columns}
      />
      <Line>
        <Tint tone="accent">search: </Tint>
        <TextField line={modal} columns={40} />
        <Tint tone="muted">
          {modal.text === ''
            ? '  type a word or a key, such as filter or ctrl+w'
            : lines.length === 0
              ? '  no key matches'
              : ''}
        </Tint>
      </Line>
      {Array.from({ length: Math.max(0, end - top) }, (_, row) => (
        <Line key={row}>
          {Array.from({ length: beside }, (_, column) => (
            <Cell key={column} line={lines[column * rows + top + row]} width={width} />
          ))}
        </Line>
      ))}
    </>
  );
}

function Cell({ line, width }: { readonly line: HelpLine | undefined; readonly width: number }) {
  if (line === undefined) return ' '.repeat(width);
  const { left, text, kind, name } = line;
  if (kind === 'heading') return <Tint tone="title">{fit(text, width)}</Tint>;
  const names = width >= withNames ? nameColumns : 0;
  const start = `  ${left} `;
  const wanted = kind === 'note' ? noteColumns : keyColumns;
  const keys = Math.min(Math.max(wanted, widthOf(start)), Math.floor(width / 2));
  const tone = kind === 'idle key' ? 'muted' : 'plain';
  return (
    <>
      <Tint tone={kind === 'idle key' ? 'muted' : 'accent'}>{fit(start, keys)}</Tint>
      <Tint tone={tone}>{fit(text, width - keys - names)}</Tint>
      <Tint tone="muted">{fit(name, names)}</Tint>
    </>
  );
}
