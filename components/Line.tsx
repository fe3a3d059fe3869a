import { Text } from 'ink';
import type { ReactNode } from 'react';
import { type Tone, useTheme } from '../src/ui/theme.js';

export interface LineProps {
  readonly tone?: Tone;
  /** Dark on light: for what is selected. */
  readonly inverse?: boolean;
  readonly children?: ReactNode;
}

/** One line of the screen, never two: what does not fit is cut. */
export function Line({ tone = 'plain', inverse, children }: LineProps) {
  return (
    <Text {...useTheme()[tone]} inverse={inverse} wrap="truncate-end">
      {children === undefined || children === '' ? ' ' : children}
    </Text>
  );
}

/** A piece of a line in a tone of its own. */
export function Tint({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return <Text {...useTheme()[tone]}>{children}</Text>;
}
