import { useSyncExternalStore } from 'react';
import { StatusMessage, ThemeProvider, defaultTheme, extendTheme } from '@inkjs/ui';
import { bodyRows, isTooSmall, problemLines, smallest } from './layout.js';
import { type State } from './state.js';
import { currentRound } from './selectors.js';
import { enter } from './screen.js';
import type { Store } from './store.js';
import { type Theme, ThemeContext } from '../parts/theme.js';
import { Footer } from './Footer.js';
import { DemoGuide } from './DemoGuide.js';
import { Header } from './Header.js';
import { Help } from './Help.js';
import { Line } from '../parts/Line.js';
import { Message } from './Message.js';
import { Pane } from '../parts/Pane.js';
import { Palette } from './Palette.js';
import { Reading } from './ReadAloud.js';

export interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  /** As lines to be read aloud. */
  readonly aloud?: boolean;
}

/** The whole terminal: the store's state drawn. */
export function App({ store, theme, aloud = false }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, store.state);
  return aloud ? <Reading state={state} /> : <Frame state={state} theme={theme} />;
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
        <Pane columns={columns} rows={rows}>
          <Header state={state} />
          {problem.length > 0 && <StatusMessage variant="error">{problem.join('\n')}</StatusMessage>}
          <Pane columns={columns} rows={bodyRows(state)}>
            {state.modal?.kind === 'help' && <Help state={state} modal={state.modal} />}
            {state.modal?.kind === 'palette' && <Palette state={state} modal={state.modal} />}
            {state.modal?.kind !== 'help' && state.modal?.kind !== 'palette' && <Screen state={state} />}
          </Pane>
          <DemoGuide state={state} />
          <Message state={state} />
          <Footer state={state} />
        </Pane>
      </ThemeProvider>
    </ThemeContext.Provider>
  );
}

function Screen({ state }: { readonly state: State }) {
  if (state.workspace !== 'home' && (state.run === null || currentRound(state) === null))
    return <Line tone="muted">The run appears here once the engine answers.</Line>;
  const { View } = state.definitions.screens[state.screen];
  return <View state={enter(state, state.screen)} columns={state.size.columns} rows={bodyRows(state)} />;
}

/** @inkjs/ui's status message in our tones. */
function statusTheme(theme: Theme) {
  return extendTheme(defaultTheme, { components: { StatusMessage: { styles: { icon: () => ({ ...theme.bad }) } } } });
}
