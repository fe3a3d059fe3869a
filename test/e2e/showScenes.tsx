/**
 * A process for frames.test.ts: draws one scene after another through the program's own terminal, going on at each key.
 * The terminal's title tells which scene is drawn.
 */
import { render } from 'ink';
import { Frame } from '../../components/app/App.js';
import { Keyboard } from '../../components/terminal/keyboard.js';
import { lookFor } from '../../components/app/look.js';
import { spellInAscii } from '../../src/core/sanitize.js';
import { Terminal } from '../../components/terminal/terminal.js';
import { scenes } from '../components/scenes.js';
import { readSettings } from '../../src/cli/preferences.js';

// Nothing moves by itself: spinners stand still.
globalThis.setInterval = (() => undefined) as unknown as typeof setInterval;

const look = lookFor(readSettings({}, process.env), process.env, { flagged: false, colours: true });
spellInAscii(look.ascii);
const terminal = new Terminal(process.stdout, look);
const all = Object.entries(scenes(terminal.size()));
let at = 0;
new Keyboard(process.stdin, {
  typed: () => terminal.hurry(),
  key: () => next(),
  mouse: () => {},
  pasted: () => {},
  answered: () => terminal.answered(),
  hungUp: () => process.exit(1),
});
terminal.enter();
const options = { stdout: terminal as unknown as NodeJS.WriteStream, debug: true, exitOnCtrlC: false };
const app = render(<Frame state={all[0][1]} theme={look.theme} />, options);
const tell = (): void => void setTimeout(() => process.stdout.write(`\x1b]2;${all[at][0]}\x07`), 20);
tell();
function next(): void {
  at++;
  if (at === all.length) {
    app.unmount();
    terminal.leave();
    process.exit(0);
  }
  app.rerender(<Frame key={at} state={all[at][1]} theme={look.theme} />);
  tell();
}
