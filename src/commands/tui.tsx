/** `brevity RUN`: the terminal of a run. A client of the engine, which works on when the terminal is left. */
import { render } from 'ink';
import path from 'node:path';
import { App } from '../../components/App.js';
import { connect } from '../engine/client.js';
import { startEngine } from '../engine/launch.js';
import { UserError, messageOf } from '../errors.js';
import { type Client, Link } from '../ui/link.js';
import { type Effect, type FileReview, initialState } from '../ui/state.js';
import { Store } from '../ui/store.js';
import { Terminal } from '../ui/terminal.js';
import { themeFor } from '../ui/theme.js';

export interface TuiOptions {
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
  const { left } = await openTerminal({ connect: () => connect(directory), start: () => startEngine(directory) });
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
export async function openTerminal(source: Source): Promise<{ left: boolean }> {
  const terminal = new Terminal(process.stdout);
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
  const store = new Store(initialState(terminal.size(), source.file), perform);
  const link = new Link({
    connect: () => source.connect(),
    start: () => source.start(),
    now: store.now,
    soon: store.soon,
  });
  terminal.on('resize', () => store.now({ type: 'size', size: terminal.size() }));
  const restoreSignals = leaveOnSignals(terminal);
  terminal.enter();
  try {
    const app = render(<App store={store} theme={themeFor(process.env)} />, {
      stdout: terminal as unknown as NodeJS.WriteStream,
      // Whole frames at every change: the terminal sends what differs, the store keeps the pace.
      debug: true,
      exitOnCtrlC: false,
    });
    detach = () => app.unmount();
    void link.open();
    await app.waitUntilExit();
  } finally {
    link.close();
    store.close();
    terminal.leave();
    restoreSignals();
  }
  return { left };
}

function written({ file }: Source): string {
  try {
    return file?.write() ?? '';
  } catch (error) {
    return messageOf(error);
  }
}

/** A closed line or a kill must not leave the alternate screen behind. @returns how to stop */
function leaveOnSignals(terminal: Terminal): () => void {
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
  const stops = Object.entries(codes).map(([signal, code]) => {
    const listener = (): void => {
      terminal.leave();
      process.exit(code);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => stops.forEach((stop) => stop());
}
