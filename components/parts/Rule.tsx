import { widthOf } from './text.js';
import { Line, Tint } from './Line.js';

export interface RuleProps {
  readonly title: string;
  readonly right?: string;
  readonly width: number;
}

/** A line across the screen that names what stands below it. */
export function Rule({ title, right = '', width }: RuleProps) {
  const room = width - widthOf(title) - 4 - (right === '' ? 0 : widthOf(right) + 2);
  return (
    <Line tone="muted">
      {'─ '}
      <Tint tone="title">{title}</Tint>
      {` ${'─'.repeat(Math.max(1, room))}`}
      {right !== '' && ` ${right} `}
      {'─'}
    </Line>
  );
}
