import type { MarkedLine } from './markedText.js';
import type { Tone } from './theme.js';
import { widthOf } from './text.js';
import { Tint } from './Line.js';

export interface MarkedProps {
  /** None: an empty line. */
  readonly line: MarkedLine | undefined;
  /** How words that only this text has are drawn; the colourless theme draws them bold. */
  readonly tone: Tone;
  /** Padded to this width, where something follows on the same line. */
  readonly width?: number;
}

/** A line of a text that is held against another; to stand within a Line. */
export function Marked({ line = [], tone, width = 0 }: MarkedProps) {
  const used = line.reduce((sum, { text }) => sum + widthOf(text), 0);
  return (
    <>
      {line.map(({ text, own }, i) => (
        <Tint key={i} tone={own ? tone : 'plain'}>
          {text}
        </Tint>
      ))}
      {' '.repeat(Math.max(0, width - used))}
    </>
  );
}
