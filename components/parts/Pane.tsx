import { Box } from 'ink';
import type { ReactNode } from 'react';

export interface PaneProps {
  readonly columns: number;
  readonly rows: number;
  readonly children?: ReactNode;
}

/**
 * A rectangle of the screen. What is drawn into it is clipped to it and takes nothing from its neighbours. The layouts
 * must still make everything fit or scroll: test/components/panes.test.tsx draws every pane without the clipping.
 */
export function Pane({ columns, rows, children }: PaneProps) {
  return (
    <Box flexDirection="column" width={columns} height={rows} flexShrink={0} overflow="hidden">
      {children}
    </Box>
  );
}

export interface PaneRowProps {
  readonly gap: number;
  readonly children: ReactNode;
}

/** Panes beside each other. */
export function PaneRow({ gap, children }: PaneRowProps) {
  return (
    <Box gap={gap} flexShrink={0}>
      {children}
    </Box>
  );
}
