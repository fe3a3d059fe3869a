import { Box } from 'ink';
import { StatusMessage, ThemeProvider, defaultTheme, extendTheme } from '@inkjs/ui';
import { bodyRows, historyRows, isTooSmall, problemLines, reviewLayout, smallest } from '../src/ui/layout.js';
import { type State, currentRound, progressOf, settingsOf } from '../src/ui/state.js';
import type { Store } from '../src/ui/store.js';
import { type Theme, ThemeContext } from '../src/ui/theme.js';
import { useApp } from '../src/ui/useApp.js';
import { EvaluationScreen } from './EvaluationScreen.js';
import { Footer } from './Footer.js';
import { Header } from './Header.js';
import { Help } from './Help.js';
import { HistoryScreen } from './HistoryScreen.js';
import { Line } from './Line.js';
import { Message } from './Message.js';
import { ReviewScreen } from './ReviewScreen.js';
import { SamplingScreen } from './SamplingScreen.js';
import { UpdateScreen } from './UpdateScreen.js';

/** The whole terminal: the store's state drawn, keys into the store. */
export function App({ store, theme }: { readonly store: Store; readonly theme: Theme }) {
  return <Frame state={useApp(store)} theme={theme} />;
}

/** One frame, exactly as large as the terminal. */
export function Frame({ state, theme }: { readonly state: State; readonly theme: Theme }) {
  const { columns, rows } = state.size;
  const problem = problemLines(state);
  if (isTooSmall(state.size)) {
    return <Line>{`Brevity needs ${smallest.columns}×${smallest.rows}; this is ${columns}×${rows}. q detaches.`}</Line>;
  }
  return (
    <ThemeContext.Provider value={theme}>
      <ThemeProvider theme={statusTheme(theme)}>
        <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
          <Header state={state} />
          {problem.length > 0 && <StatusMessage variant="error">{problem.join('\n')}</StatusMessage>}
          <Box flexDirection="column" height={bodyRows(state)} overflow="hidden">
            {state.modal?.kind === 'help' ? <Help state={state} top={state.modal.top} /> : <Screen state={state} />}
          </Box>
          <Message state={state} />
          <Footer state={state} />
        </Box>
      </ThemeProvider>
    </ThemeContext.Provider>
  );
}

/** Picks the screen and hands it what it draws. */
function Screen({ state }: { readonly state: State }) {
  const { run, size } = state;
  const round = currentRound(state);
  if (run === null || round === null) return <Line tone="muted">The run appears here once the engine answers.</Line>;
  const [columns, rows] = [size.columns, bodyRows(state)];
  switch (state.screen) {
    case 'sampling':
      return <SamplingScreen run={run} columns={columns} rows={rows} />;
    case 'review':
      return (
        <ReviewScreen
          pairs={run.pairs}
          settings={settingsOf(state)}
          dropped={round.dropped}
          reference={run.config.dpo.reference}
          layout={reviewLayout(state)}
          columns={columns}
          selected={state.selected}
          top={state.top}
          textTop={state.textTop}
        />
      );
    case 'update':
      return (
        <UpdateScreen
          metrics={run.metrics}
          progress={progressOf(run)}
          settings={settingsOf(state)}
          stoppedEarly={round.stopped_early}
          columns={columns}
          rows={rows}
        />
      );
    case 'evaluation':
      return (
        <EvaluationScreen
          round={round}
          rounds={run.rounds}
          progress={progressOf(run)}
          responses={run.responses}
          columns={columns}
          rows={rows}
        />
      );
    case 'history':
      return (
        <HistoryScreen
          rounds={run.rounds}
          current={run.current}
          top={state.historyTop}
          tableRows={historyRows(state)}
          columns={columns}
          rows={rows}
        />
      );
  }
}

/** @inkjs/ui's status message in our tones. */
function statusTheme(theme: Theme) {
  return extendTheme(defaultTheme, { components: { StatusMessage: { styles: { icon: () => ({ ...theme.bad }) } } } });
}
