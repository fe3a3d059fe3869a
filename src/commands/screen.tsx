/** Takes the terminal over for something that is drawn with Ink, and gives it back however that ends. */
import { render } from 'ink';
import type { ReactNode } from 'react';
import { Aloud } from '../ui/aloud.js';
import { Keyboard, type MouseReport } from '../ui/keyboard.js';
import type { Look } from '../ui/look.js';
import { spellInAscii } from '../ui/sanitize.js';
import type { Size } from '../ui/state.js';
import { Terminal } from '../ui/terminal.js';

export interface Drawn {
  element: ReactNode;
  resized(size: Size): void;
  mouse(report: MouseReport): void;
  /** It is drawn. */
  opened(close: () => void): void;
  /** It is over: by `close`, or because the line to the terminal is gone or the process is told to end. */
  closed(): void;
}

/**
 * Draws until it is closed.
 *
 * @param draw is given the terminal's size
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
  const keyboard = new Keyboard(process.stdin, {
    typed: () => display.hurry(),
    mouse: drawn.mouse,
    answered: () => display.answered(),
    hungUp: () => end(signals.SIGHUP),
  });
  const restoreSignals = onSignals(end);
  display.on('resize', () => drawn.resized(display.size()));
  display.enter();
  try {
    const app = render(drawn.element, {
      stdin: keyboard as unknown as NodeJS.ReadStream,
      stdout: display as unknown as NodeJS.WriteStream,
      // Whole frames at every change: the terminal sends what differs, and keeps the pace.
      debug: true,
      isScreenReaderEnabled: look.aloud,
      exitOnCtrlC: false,
    });
    drawn.opened(() => app.unmount());
    await app.waitUntilExit();
    await display.settled();
  } finally {
    drawn.closed();
    display.leave();
    keyboard.close();
    restoreSignals();
  }
}

const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A closed line or a kill must not leave the alternate screen behind. @returns how to stop */
function onSignals(end: (code: number) => void): () => void {
  const stops = Object.entries(signals).map(([signal, code]) => {
    const listener = (): void => end(code);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => stops.forEach((stop) => stop());
}
