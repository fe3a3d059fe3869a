/** The whole terminal with a keyboard and an engine's events, through Ink. */
import { render } from 'ink-testing-library';
import { afterEach, expect, it, vi } from 'vitest';
import { App } from '../../components/app/App.js';
import type { Effect } from '../../components/app/state.js';
import { Store } from '../../components/app/store.js';
import { themeFor } from '../../components/parts/theme.js';
import { attached, snapshot } from './fixtures.js';

let unmount = (): void => {};
afterEach(() => unmount());

function opened(state = attached('review')) {
  const effects: Effect[] = [];
  const store = new Store(state, (effect) => effects.push(effect));
  const app = render(<App store={store} theme={themeFor({ NO_COLOR: '1' })} />);
  unmount = app.unmount;
  const frame = (): string => app.lastFrame() ?? '';
  const shows = (text: string) => vi.waitFor(() => expect(frame()).toContain(text));
  return { store, effects, app, shows };
}

it('shows keys as they are typed', async () => {
  const { app, shows, effects } = opened();
  await shows('α 0.0200');
  app.stdin.write('\x1b[C');
  await shows('α 0.0210');
  app.stdin.write('\x1b[1;2C');
  await shows('α 0.0310');
  app.stdin.write('a0.5\r');
  await shows('α 0.5000');
  app.stdin.write('jjj');
  await shows('4/107');
  app.stdin.write('\r');
  await shows('Launch the update on 103 pairs?');
  app.stdin.write('y');
  await vi.waitFor(() => expect(effects.at(-1)).toEqual({ do: 'send', command: { type: 'launch' } }));
});

it('shows what the engine says', async () => {
  const { store, shows } = opened();
  store.soon({ type: 'snapshot', snapshot: snapshot('done') });
  await shows('Round 2 on 100 held-out prompts');
  store.soon({ type: 'bye', reason: 'the engine ended' });
  await shows('r restart engine');
});

it('follows the size of the terminal', async () => {
  const { store, shows, app } = opened();
  await shows('r_w');
  store.now({ type: 'size', size: { columns: 50, rows: 10 } });
  await shows('needs 60×18');
  store.now({ type: 'size', size: { columns: 70, rows: 20 } });
  await shows('penalized');
  expect(app.lastFrame()).not.toContain('r_w ');
});

it('detaches on q', async () => {
  const { app, shows, effects } = opened();
  await shows('q detach');
  app.stdin.write('q');
  await vi.waitFor(() => expect(effects).toEqual([{ do: 'detach' }]));
});
