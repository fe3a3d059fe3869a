import { Box } from 'ink';
import { enter } from './screen.js';
import { type HomeTerminal, screenTitles } from './state.js';
import { endOf } from '../parts/text.js';
import { Line, Tint } from '../parts/Line.js';

/** Above the list of runs and the form: where one is, in which folder, and how many runs there are. Two lines. */
export function HomeHeader({ state }: { readonly state: HomeTerminal }) {
  const { cwd, home: folderHome } = state.home.place;
  const parts = state.definitions.screens.runs.summary?.(enter(state, 'runs')) ?? [];
  const folder = endOf(
    cwd === folderHome ? '~' : cwd.replace(`${folderHome}/`, '~/'),
    Math.floor(state.size.columns / 2),
  );
  return (
    <>
      <Box justifyContent="space-between">
        <Line>
          <Tint tone="title">Brevity</Tint>
          <Tint tone="muted">{state.screen === 'runs' ? ' › ' : ` › ${screenTitles.runs.toLowerCase()} › `}</Tint>
          {screenTitles[state.screen].toLowerCase()}
        </Line>
        <Box flexShrink={0}>
          <Line tone="muted">{folder}</Line>
        </Box>
      </Box>
      <Line tone="muted">{parts.join(' · ')}</Line>
    </>
  );
}
