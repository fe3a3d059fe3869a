/** The whole terminal with a keyboard and an engine's events, through Ink. */
import { render } from 'ink-testing-library';
import { afterEach, expect, it, vi } from 'vitest';
import { PassThrough } from 'node:stream';
import { App } from '../../components/app/App.js';
import type { Effect } from '../../components/app/state.js';
import { Store } from '../../components/app/store.js';
import { Keyboard } from '../../components/terminal/keyboard.js';
import { themeFor } from '../../components/parts/theme.js';
import { attached, snapshot } from './fixtures.js';

let unmount = (): void => {};
afterEach(() => unmount());

function opened(state = attached('review')) {
  const effects: Effect[] = [];
  const store = new Store(state, (effect) => effects.push(effect));
  const app = render(<App store={store} theme={themeFor({ NO_COLOR: '1' })} />);
  const input = Object.assign(new PassThrough(), { setRawMode() {} });
  const keyboard = new Keyboard(input as unknown as NodeJS.ReadStream, {
    ...{ typed() {}, answered() {}, hungUp() {} },
    key: (key, together) => store.now({ type: 'key', key, together }),
    mouse: ({ kind, x, y }, together) => store.now({ type: 'mouse', kind, x, y, together }),
    pasted: (text, cut) => store.now({ type: 'paste', text, cut }),
  });
  unmount = () => {
    app.unmount();
    keyboard.close();
  };
  const frame = (): string => app.lastFrame() ?? '';
  const shows = (text: string) => vi.waitFor(() => expect(frame()).toContain(text));
  return { store, effects, app, shows, type: (keys: string) => input.emit('data', keys) };
}

it('shows keys as they are typed', async () => {
  const { type, shows, effects } = opened();
  await shows('α 0.0200');
  type('\x1b[C');
  await shows('α 0.0210');
  type('\x1b[1;2C');
  await shows('α 0.0310');
  type('a0.5\r');
  await shows('α 0.5000');
  type('jjj');
  await shows('4/107');
  type('\r');
  await shows('Launch the update on 103 pairs?');
  type('y');
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

it('a key, a paste and a key in one piece are read in their order', async () => {
  const { type, shows } = opened();
  await shows('α 0.0200');
  type('/\x1b[200~prompt <= 3\x1b[201~\r');
  await shows('3 of 107');
});

it('detaches on q', async () => {
  const { type, shows, effects } = opened();
  await shows('q detach');
  type('q');
  await vi.waitFor(() => expect(effects).toEqual([{ do: 'detach' }]));
});
