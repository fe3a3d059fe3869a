/** Takes over the terminal for an Ink app and restores it however the app ends. */
import { PassThrough } from 'node:stream';
import { render } from 'ink';
import type { ReactNode } from 'react';
import { Aloud } from '../../components/terminal/aloud.js';
import { Keyboard, type MouseReport } from '../../components/terminal/keyboard.js';
import type { Look } from '../../components/app/look.js';
import { spellInAscii } from '../core/sanitize.js';
import type { Size } from '../../components/app/state.js';
import { Terminal } from '../../components/terminal/terminal.js';

export interface Drawn {
  element: ReactNode;
  resized(size: Size): void;
  /** `together`: in one piece with what was done before it. */
  key(name: string, together: boolean): void;
  mouse(report: MouseReport, together: boolean): void;
  pasted(text: string, cut: boolean): void;
  /** Called once the app is drawn. */
  opened(controls: Controls): void;
  /** Called when the app ends: by `close`, by a lost terminal or by a signal. */
  closed(): void;
}

export interface Controls {
  close(): void;
  /** Draws everything again. */
  redraw(): void;
  /** Gives the terminal to the shell until the process is continued (`fg`). */
  suspend(): void;
  /** Whether clicks and the wheel come here, or stay with the terminal. */
  takeMouse(on: boolean): void;
}

/**
 * Draws until the app is closed.
 *
 * @param draw gets the terminal's size
 */
export async function onScreen(look: Look, draw: (size: Size) => Drawn): Promise<void> {
  spellInAscii(look.ascii);
  const display = look.aloud ? new Aloud(process.stdout, look) : new Terminal(process.stdout, look);
  const drawn = draw(display.size());
  const end = (code: number): void => {
    drawn.closed();
    display.leave();
    process.exit(code);
  };
  // What follows the key that closes the app is not meant for it.
  let isClosing = false;
  const unlessClosing =
    <A extends unknown[]>(listener: (...args: A) => void) =>
    (...args: A): void => {
      if (!isClosing) listener(...args);
    };
  const keyboard = new Keyboard(process.stdin, {
    typed: () => display.hurry(),
    key: unlessClosing(drawn.key),
    mouse: unlessClosing(drawn.mouse),
    pasted: unlessClosing(drawn.pasted),
    answered: () => display.answered(),
    hungUp: () => end(signals.SIGHUP),
  });
  let isSuspended = false;
  const suspend = async (): Promise<void> => {
    await display.settled();
    isSuspended = true;
    display.leave();
    keyboard.suspended(true);
    // Signals the whole foreground group, as the terminal does: `npm start` waits for us and must stop as well.
    process.kill(0, 'SIGTSTP');
    // The system ignores the signal if no shell could continue us; then this runs at once.
    setTimeout(resume, 50);
  };
  const resume = (): void => {
    if (!isSuspended) return;
    isSuspended = false;
    keyboard.suspended(false);
    display.enter();
    // The window may have been resized meanwhile, and only the foreground group is told.
    process.emit('SIGWINCH');
    display.redraw();
  };
  // Another process stopped and continued us without leaving the screen.
  const continued = (): void => {
    if (isSuspended) return resume();
    display.leave();
    isSuspended = true;
    resume();
  };
  const restoreSignals = onSignals(end);
  display.on('resize', () => drawn.resized(display.size()));
  display.enter();
  try {
    const app = render(drawn.element, {
      // Keys come from the keyboard; Ink listens to nothing.
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      stdout: display as unknown as NodeJS.WriteStream,
      // Writes whole frames at every change; our output stream sends only the differences and limits the rate.
      debug: true,
      isScreenReaderEnabled: look.aloud,
      exitOnCtrlC: false,
    });
    drawn.opened({
      close() {
        isClosing = true;
        app.unmount();
      },
      redraw: () => display.redraw(),
      suspend: () => void suspend(),
      takeMouse: (on) => display.takeMouse(on),
    });
    process.on('SIGCONT', continued);
    await app.waitUntilExit();
    await display.settled();
  } finally {
    drawn.closed();
    process.off('SIGCONT', continued);
    display.leave();
    keyboard.close();
    restoreSignals();
  }
}

const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A closed terminal or a kill must not leave the alternate screen behind. @returns a function that removes the handlers
 */
function onSignals(end: (code: number) => void): () => void {
  const stops = Object.entries(signals).map(([signal, code]) => {
    const listener = (): void => end(code);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => stops.forEach((stop) => stop());
}
