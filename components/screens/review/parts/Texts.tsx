import * as format from '../../../../src/core/format.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Marked } from '../../../parts/Marked.js';
import type { MarkedLine } from '../../../parts/markedText.js';
import { firstLines, fit } from '../../../parts/text.js';
import type { Tone } from '../../../parts/theme.js';
import { type Compared, type ReviewLayout, type Side, halfOf, sideLines, unitOf } from '../select.js';
import type { ReviewState } from '../state.js';

interface TextsProps {
  readonly sides: readonly Side[];
  /** Their lines, wrapped to half the columns if they are side by side. */
  readonly lines: readonly [readonly MarkedLine[], readonly MarkedLine[]];
  /** `tokens` or `characters`. */
  readonly unit: string;
  /** Only the sides' names are shown. */
  readonly blind: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly beside: boolean;
  readonly top: number;
}

const waiting = '…';
const tones: readonly Tone[] = ['accent', 'warn'];

/** Two responses, side by side or one above the other, with the words marked that only one has. */
function Texts({ sides, lines, unit, blind, columns, rows, beside, top }: TextsProps) {
  const width = beside ? halfOf(columns) : columns;
  const heads = sides.map((side) => (blind ? side.name : headOf(side, unit)));
  const visible = Array.from({ length: rows }, (_, i) => top + i);
  if (beside) {
    return (
      <>
        <Line tone="title">
          {fit(heads[0] ?? 'no response', width)} │ {fit(heads[1] ?? '', width - moreWidth)}
          <More lines={Math.max(lines[0].length, lines[1].length) - top - rows} />
        </Line>
        {visible.map((row) => (
          <Line key={row}>
            <Marked line={lineAt(sides, lines, 0, row)} tone={tones[0]} width={width} />
            <Tint tone="muted"> │ </Tint>
            <Marked line={lineAt(sides, lines, 1, row)} tone={tones[1]} width={0} />
          </Line>
        ))}
      </>
    );
  }
  const second = lines[0].length;
  return (
    <>
      <Line tone="title">
        {fit(heads[0] ?? 'no response', width - moreWidth)}
        <More lines={second + 1 + lines[1].length - top - rows} />
      </Line>
      {visible.map((row) =>
        row === second ? (
          <Line key={row} tone="title">
            {heads[1] ?? ''}
          </Line>
        ) : (
          <Line key={row}>
            <Marked
              line={row < second ? lineAt(sides, lines, 0, row) : lineAt(sides, lines, 1, row - second - 1)}
              tone={tones[row < second ? 0 : 1]}
              width={0}
            />
          </Line>
        ),
      )}
    </>
  );
}

export interface ComparedTextsProps {
  readonly state: ReviewState;
  readonly compared: Compared;
  readonly layout: Pick<ReviewLayout, 'beside' | 'text' | 'textTop' | 'textColumns'>;
}

/** The two responses that are compared, as the review screen lays them out. */
export function ComparedTexts({ state, compared, layout }: ComparedTextsProps) {
  return (
    <Texts
      sides={compared.sides}
      lines={sideLines(state, compared, layout.beside, layout.textColumns)}
      unit={unitOf(state)}
      blind={state.ui.pane === 'blind'}
      columns={layout.textColumns}
      rows={layout.text}
      beside={layout.beside}
      top={layout.textTop}
    />
  );
}

const moreWidth = 6;

/** How many lines are below the visible ones. */
function More({ lines }: { readonly lines: number }) {
  return lines > 0 && <Tint tone="muted">{fit(`↓${lines}`, moreWidth, 'right')}</Tint>;
}

function lineAt(sides: readonly Side[], lines: TextsProps['lines'], side: 0 | 1, row: number): MarkedLine {
  if (sides[side]?.text === null) return row === 0 ? [{ text: waiting, own: false }] : [];
  return lines[side][row] ?? [];
}

function headOf({ name, reward, length, truncated, source }: Side, unit: string): string {
  const long = format.of(length, unit === 'tokens' ? 'token' : 'char');
  return `${name}  r ${format.fixed(reward, 2)}  ${long}${truncated ? '  truncated' : ''}${source === '' ? '' : `  ${makeLine(source, 40)}`}`;
}

/** The first lines of a prompt; the last one is cut if more follow. */
export function PromptLines({ lines, rows, columns }: { lines: readonly string[]; rows: number; columns: number }) {
  return (
    <>
      {firstLines(lines, rows, columns).map((line, i) => (
        <Line key={i} tone="accent">
          {line}
        </Line>
      ))}
    </>
  );
}
