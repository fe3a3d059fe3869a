import { wrapped } from './markedText.js';
import type { Tone } from './theme.js';
import { Line } from './Line.js';

export interface ParagraphProps {
  readonly children: string;
  readonly columns: number;
  readonly tone?: Tone;
}

/** Words of ours that may need several lines. */
export function Paragraph({ children, columns, tone = 'muted' }: ParagraphProps) {
  return wrapped(children, columns).map((line, i) => (
    <Line key={i} tone={tone}>
      {line}
    </Line>
  ));
}
