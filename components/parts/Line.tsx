import { Box, Text } from 'ink';
import { type ReactNode, createContext, useContext } from 'react';
import { type Tone, useTheme } from './theme.js';

export interface LineProps {
  readonly tone?: Tone;
  /** For what is selected: the whole line in the terminal's own two colours, exchanged. */
  readonly inverse?: boolean;
  readonly children?: ReactNode;
}

/** Within a selected line: one ground for all of it, so pieces have no colours of their own there. */
const Selected = createContext(false);

/** One line of the screen, never two: what does not fit is cut. */
export function Line({ tone = 'plain', inverse = false, children }: LineProps) {
  const style = useTheme()[tone];
  return (
    // Without a least height, lines that do not fit would be drawn over each other.
    <Box minHeight={1}>
      <Selected.Provider value={inverse}>
        <Text {...(inverse ? { bold: style.bold } : style)} inverse={inverse} wrap="truncate-end">
          {children === undefined || children === '' ? ' ' : children}
        </Text>
      </Selected.Provider>
      {inverse && (
        <Box flexGrow={1} flexBasis={0} height={1} overflow="hidden">
          <Text inverse wrap="wrap">
            {blank}
          </Text>
        </Box>
      )}
    </Box>
  );
}

/** The rest of a selected line, however wide the terminal is. */
const blank = ' '.repeat(1000);

/** A piece of a line in a tone of its own. */
export function Tint({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  const style = useTheme()[tone];
  return <Text {...(useContext(Selected) ? { bold: style.bold } : style)}>{children}</Text>;
}
