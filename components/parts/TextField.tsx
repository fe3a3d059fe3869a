import { Text } from 'ink';
import { type Line, visibleLine } from './lineEditing.js';
import { Tint } from './Line.js';
import type { Tone } from './theme.js';

export interface TextFieldProps {
  readonly line: Line;
  /** The most columns that it takes, cursor included. */
  readonly columns: number;
  readonly tone?: Tone;
  /** The first character that cannot be parsed. */
  readonly wrongFrom?: number | undefined;
}

/** A line being typed with its cursor: a block at the end of the text, the character in reverse within it. */
export function TextField({ line, columns, tone = 'plain', wrongFrom }: TextFieldProps) {
  return visibleLine(line, columns, wrongFrom).map(({ text, kind }, i) =>
    kind === 'cursor' && text !== '█' ? (
      <Text key={i} inverse>
        {text}
      </Text>
    ) : (
      <Tint key={i} tone={kind === 'wrong' ? 'bad' : tone}>
        {text}
      </Tint>
    ),
  );
}
