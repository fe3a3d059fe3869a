/**
 * A process for frames.test.ts: draws one scene after another through the program's own terminal, going on at each key.
 * The terminal's title tells which scene is drawn.
 */
import { render } from 'ink';
import { Frame } from '../../components/App.js';
import { Terminal } from '../../src/ui/terminal.js';
import { themeFor } from '../../src/ui/theme.js';
import { scenes } from '../ui/scenes.js';

// Nothing moves by itself: spinners stand still.
globalThis.setInterval = (() => undefined) as unknown as typeof setInterval;

const terminal = new Terminal(process.stdout);
const all = Object.entries(scenes(terminal.size()));
const theme = themeFor(process.env);
let at = 0;
terminal.enter();
const options = { stdout: terminal as unknown as NodeJS.WriteStream, debug: true, exitOnCtrlC: false };
const app = render(<Frame state={all[0][1]} theme={theme} />, options);
process.stdin.setRawMode(true);
const tell = (): void => void setTimeout(() => process.stdout.write(`\x1b]2;${all[at][0]}\x07`), 20);
tell();
process.stdin.on('data', () => {
  at++;
  if (at === all.length) {
    app.unmount();
    terminal.leave();
    process.exit(0);
  }
  app.rerender(<Frame key={at} state={all[at][1]} theme={theme} />);
  tell();
});
