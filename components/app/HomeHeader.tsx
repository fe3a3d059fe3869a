import { Box } from 'ink';
import type { Home } from './home.js';
import { of } from '../../src/core/format.js';
import { makeLine } from '../../src/core/sanitize.js';
import { type State, screenTitles } from './state.js';
import { endOf } from '../screens/runs/columns.js';
import { Line, Tint } from '../parts/Line.js';

/** Above the list of runs and the form: where one is, in which folder, and how many runs there are. Two lines. */
export function HomeHeader({ state, home }: { readonly state: State; readonly home: Home }) {
  const { entries, filter } = home.runs;
  const { cwd, home: folderHome } = home.place;
  const working = (entries ?? []).filter(({ engine }) => engine.state === 'working').length;
  const parts =
    entries === null || entries.length === 0
      ? []
      : [of(entries.length, 'run'), ...(working === 0 ? [] : [`${working} at work`])];
  if (filter !== '') parts.push(`filter ${makeLine(filter, 40)}`);
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
