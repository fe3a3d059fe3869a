/** `brevity RUN`: the terminal of a run. A client of the engine, which works on when the terminal is left. */
import path from 'node:path';
import { App } from '../../components/App.js';
import { connect } from '../engine/client.js';
import { startEngine } from '../engine/launch.js';
import { UserError, messageOf } from '../errors.js';
import { type Client, Link } from '../ui/link.js';
import type { Look } from '../ui/look.js';
import { type Effect, type FileReview, initialState } from '../ui/state.js';
import { Store } from '../ui/store.js';
import { onScreen } from './screen.js';
import { lookOf } from './settings.js';

export interface TuiOptions {
  /** How the screens are drawn; as environment and settings file say unless given. */
  look?: Look;
  /** How the run is named in what is printed at the end; the directory itself unless given. */
  name?: string;
}

/**
 * Starts the run's engine where none runs, attaches, and resolves once the person has detached.
 *
 * @returns whether the person wants the list of runs
 * @throws UserError without a terminal
 */
export async function runTui(runDir: string, options: TuiOptions = {}): Promise<{ left: boolean }> {
  const name = options.name ?? runDir;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UserError(
      `brevity needs a terminal on standard input and output; run \`brevity auto ${name}\` headless instead`,
      { exitCode: 2 },
    );
  }
  const directory = path.resolve(runDir);
  const source = { connect: () => connect(directory), start: () => startEngine(directory) };
  const { left } = await openTerminal(source, options.look ?? lookOf({}));
  if (!left) process.stdout.write(`Detached: the engine of ${name} goes on. Attach again with: brevity ${name}\n`);
  return { left };
}

/** What the terminal shows. */
export interface Source {
  connect(): Promise<Client>;
  /** Starts the engine unless it runs. */
  start(): Promise<void>;
  /** A file of samples instead of a run; `write` keeps its pairs and says where. */
  file?: FileReview & { write(): string };
}

/** Draws the screens until the person leaves. @returns whether for the list of runs */
export async function openTerminal(source: Source, look: Look): Promise<{ left: boolean }> {
  let detach = (): void => {};
  let left = false;
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'send':
        return link.send(effect.command);
      case 'ask':
        return link.ask(effect.query);
      case 'copy':
        process.stdout.write(`\x1b]52;c;${Buffer.from(effect.text).toString('base64')}\x07`);
        return store.now({ type: 'notice', text: `Copied ${effect.what}.` });
      case 'restart':
        return void link.open();
      case 'write':
        return store.now({ type: 'notice', text: written(source) });
      case 'leave':
        left = true;
        return detach();
      case 'detach':
        return detach();
    }
  };
  const store = new Store(initialState({ columns: 80, rows: 24 }, source.file), perform);
  const link = new Link({
    connect: () => source.connect(),
    start: () => source.start(),
    now: store.now,
    soon: store.soon,
  });
  await onScreen(look, (size) => {
    store.now({ type: 'size', size });
    if (look.remark !== null) store.now({ type: 'notice', text: look.remark });
    return {
      element: <App store={store} theme={look.theme} aloud={look.aloud} />,
      resized: (to) => store.now({ type: 'size', size: to }),
      mouse: ({ kind, x, y }) => store.now({ type: 'mouse', kind, x, y }),
      opened(close) {
        detach = close;
        void link.open();
      },
      closed() {
        link.close();
        store.close();
      },
    };
  });
  return { left };
}

function written({ file }: Source): string {
  try {
    return file?.write() ?? '';
  } catch (error) {
    return messageOf(error);
  }
}
