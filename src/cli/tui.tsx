/**
 * `brevity RUN`: the terminal of a run. It is a client of the engine, which keeps working when the terminal is closed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from '../../components/app/App.js';
import { attachEngine } from '../engine/launch.js';
import { UserError, messageOf } from '../core/errors.js';
import { openCommand } from '../core/form/command.js';
import { completePath } from '../run/preflight/complete.js';
import { absolute } from '../core/form/draft.js';
import { notifier } from './notify.js';
import type { EngineEvent } from '../protocol/messages.js';
import type { HomeTasks, HomeTasksOptions } from './homeTasks.js';
import { Link, type LinkOptions } from './engineLink.js';
import type { Look } from '../../components/app/look.js';
import { type AppEvent, type Effect, type Size, type State } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';
import { keptOf, withKept } from '../../components/app/screen.js';
import { Store } from '../../components/app/store.js';
import { withBindings } from '../../components/app/bindings.js';
import { readTypedLines, rememberLine } from './typedLines.js';
import { Places } from './places.js';
import { type Controls, onScreen } from './screen.js';
import { lookOf, reviewerOf } from './terminalOptions.js';
import { print } from '../io/print.js';
import { trust } from '../io/trust.js';
import { commandLine, shellQuote } from '../core/shell.js';
import type { Sensitive } from '../core/trust.js';

export interface TuiOptions {
  /** How the screens are drawn; by default from the environment and the settings file. */
  look?: Look;
  /** Who decides in review; by default the login name. */
  reviewer?: string;
}

/**
 * Starts the run's engine if none runs, attaches, and resolves once the person has detached.
 *
 * @returns whether the person wants the list of runs
 * @throws UserError without a terminal
 */
export async function runTui(runDir: string, options: TuiOptions = {}): Promise<{ left: boolean }> {
  const directory = path.resolve(runDir);
  needTerminal(runDir);
  const source: Source = {
    initial: (size) => ({ ...initialState(size), reviewer: options.reviewer ?? reviewerOf({}) }),
    place: directory,
    attach: (use, listener) => attachEngine(directory, 'tui', use, listener),
    trust: (uses) => trust(directory, uses, 'asked'),
  };
  const { left } = await openTerminal(source, options.look ?? lookOf({}));
  // The command is on its own line, so that it can be copied whole in a narrow terminal.
  const again = openCommand(directory, { cwd: process.cwd(), home: homedir() });
  if (!left) print(`Detached; the engine keeps running. Attach again with:\n  ${again}\n`);
  return { left };
}

/** @throws UserError that says how to run without a terminal */
export function needTerminal(run: string): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return;
  throw new UserError(
    `brevity needs a terminal on standard input and output; run \`${commandLine(`auto ${shellQuote(run)}`)}\` headless instead`,
    { exitCode: 2 },
  );
}

/** The content of the terminal, and its effects on the world. */
export interface Source {
  initial(size: Size): State;
  /** The run directory or file, for which the places on the screens are kept. */
  place?: string;
  /** Attaches to the engine, or to a file's session in its place; absent on the list of runs. */
  attach?: LinkOptions['attach'];
  /** Called when the user has allowed what the run asked for. */
  trust?(uses: readonly Sensitive[]): void;
  /**
   * Writes the pairs of a reviewed file.
   *
   * @returns the action that reports the path, or that asks because the file exists
   */
  write?(overwrite: boolean): AppEvent;
  /** The effects of the run list and the form. */
  home?(hooks: HomeHooks): HomeTasks;
}

export type HomeHooks = Pick<HomeTasksOptions, 'isListed' | 'now' | 'open' | 'demo'>;

/** What was opened from the list of runs. */
export type Opened = { directory: string } | 'demo';

/**
 * Draws the screens until the person leaves.
 *
 * @returns whether the person left for the list of runs, and what was opened from there
 */
export async function openTerminal(source: Source, look: Look): Promise<{ left: boolean; opened: Opened | null }> {
  let controls: Controls = { close() {}, redraw() {}, suspend() {}, takeMouse() {} };
  let left = false;
  let opened: Opened | null = null;
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'send':
        return link?.send(effect.command);
      case 'ask':
        return link?.ask(effect.query, effect.after);
      case 'copy':
        // The user's own text, base64-encoded, only on the user's own key.
        // eslint-disable-next-line no-restricted-syntax
        process.stdout.write(`\x1b]52;c;${Buffer.from(effect.text).toString('base64')}\x07`);
        return store.now({ type: 'notice', text: `Copied ${effect.what}.` });
      case 'restart':
        return void link?.open();
      case 'trust':
        source.trust?.(effect.uses);
        return void link?.open();
      case 'complete': {
        const { text, inReward } = effect;
        const place = { cwd: process.cwd(), home: homedir() };
        return store.now({ type: 'completed', before: text, ...completePath(text, place, inReward) });
      }
      case 'home':
        return tasks?.perform(effect.task);
      case 'command':
        return runCommand(effect, store.state().run?.directory ?? '', store.now);
      case 'write':
        return store.now(written(source, effect.overwrite));
      case 'leave':
        left = true;
        return controls.close();
      case 'detach':
        return controls.close();
      case 'remember':
        return remember(effect.kind, effect.text);
      case 'mouse':
        return controls.takeMouse(effect.on);
      case 'redraw':
        return controls.redraw();
      case 'suspend':
        return controls.suspend();
    }
  };
  const remember = (kind: string, text: string): void => {
    try {
      rememberLine(kind, text, process.env);
    } catch (error) {
      store.now({ type: 'notice', text: messageOf(error) });
    }
  };
  const places =
    source.place === undefined ? null : new Places(source.place, (text) => store.now({ type: 'notice', text }));
  const store = new Store(
    withKept(onThisTerminal(source.initial({ columns: 80, rows: 24 }), look), places?.read() ?? {}),
    perform,
  );
  const place = (): Record<string, unknown> => keptOf(store.state());
  if (places !== null) store.subscribe(() => places.changed(place));
  // eslint-disable-next-line no-restricted-syntax
  const notify = notifier(look.notify, (text) => process.stdout.write(text));
  const soon = (event: EngineEvent): void => {
    notify(event);
    store.soon(event);
  };
  const link = source.attach === undefined ? null : new Link({ attach: source.attach, now: store.now, soon });
  const tasks = source.home?.({
    isListed: () => store.state().screen === 'runs',
    now: store.now,
    open(directory) {
      opened = { directory };
      controls.close();
    },
    demo() {
      opened = 'demo';
      controls.close();
    },
  });
  await onScreen(look, (size) => {
    store.now({ type: 'size', size });
    if (look.remark !== null) store.now({ type: 'notice', text: look.remark });
    return {
      element: <App store={store} theme={look.theme} aloud={look.aloud} />,
      resized: (to) => store.now({ type: 'size', size: to }),
      key: (key, together) => store.now({ type: 'key', key, together }),
      mouse: ({ kind, x, y }, together) => store.now({ type: 'mouse', kind, x, y, together }),
      pasted: (text, cut) => store.now({ type: 'paste', text, cut }),
      opened(given) {
        controls = given;
        void link?.open();
        tasks?.begin();
      },
      closed() {
        places?.keep(place());
        link?.close();
        tasks?.close();
        store.close();
      },
    };
  });
  return { left, opened };
}

/** With the user's own keys, the lines that were typed in earlier sessions, and the mouse if the terminal has one. */
function onThisTerminal(state: State, look: Look): State {
  let typed: State['lines']['typed'] = {};
  let { notice } = state;
  try {
    typed = readTypedLines(process.env);
  } catch (error) {
    notice = messageOf(error);
  }
  return {
    ...state,
    notice,
    definitions: withBindings(state.definitions, look.keys),
    lines: { ...state.lines, typed },
    mouse: look.aloud ? null : look.mouse,
  };
}

/** Runs `brevity export` or `brevity report` in a separate process: copying a policy may take a while. */
function runCommand(
  { command, out, overwrite }: Effect & { do: 'command' },
  run: string,
  now: (action: AppEvent) => void,
): void {
  const file = absolute(out, { cwd: process.cwd(), home: homedir() });
  // `export` itself refuses a folder that is not empty.
  if (command === 'report' && !overwrite && existsSync(file)) return now({ type: 'file-exists', what: 'report', file });
  const tell = (text: string) => now({ type: 'notice', text });
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const args = [cli, command, run, '--out', file];
  execFile(process.execPath, args, (error, _stdout, stderr) => {
    const said = stderr.trim().split('\n').at(-1) ?? '';
    if (error !== null) return tell(said === '' ? `${command}: ${error.message}` : said);
    tell(command === 'export' ? `Exported ${said}.` : `The report is in ${out}.`);
  });
}

function written({ write }: Source, overwrite: boolean): AppEvent {
  try {
    return write?.(overwrite) ?? { type: 'notice', text: '' };
  } catch (error) {
    return { type: 'notice', text: messageOf(error) };
  }
}
