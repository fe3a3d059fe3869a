/** Ctrl+Z and `fg` in a real shell with job control: the terminal is given back, and taken again in full. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { TestTerminal } from './terminal.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-suspend-'));
const cli = path.resolve(import.meta.dirname, '../../dist/src/cli.js');
const env = {
  PS1: 'shell> ',
  ...{ XDG_STATE_HOME: folder, BREVITY_CLI: `${process.execPath} ${cli}` },
};

/** Suspends, uses the shell, and continues. What is on the screen afterwards must be what was there before. */
async function suspendAndResume(terminal: TestTerminal, shows: RegExp): Promise<void> {
  await terminal.until(shows);
  const before = terminal.output.length;
  terminal.type('\x1a');
  await terminal.until(/Stopped[\s\S]*shell>\s*$/);
  const given = terminal.output.slice(before);
  // Cooked mode, cursor, wrapping, the mouse, marks around pasted text and the shell's own screen are back.
  for (const mode of ['?25h', '?7h', '?1002l', '?1000l', '?1006l', '?2004l', '?1049l'])
    expect(given).toContain(`\x1b[${mode}`);
  terminal.type('stty -a | tr " " "\\n" | grep -xE -e "-?(icanon|echo|isig)" | tr "\\n" " "; echo $((40+2))\r');
  await terminal.until(/isig icanon echo 42/);
  const away = terminal.output.length;
  terminal.type('fg\r');
  await terminal.until(shows);
  const taken = terminal.output.slice(away);
  for (const mode of ['?1049h', '?25l', '?7l', '?1000h', '?1002h', '?1006h', '?2004h'])
    expect(taken).toContain(`\x1b[${mode}`);
  expect(terminal.screen()).not.toContain('shell>');
}

it('every kind of screen comes back as it was, and takes keys, pasted text and clicks again', async () => {
  const terminal = new TestTerminal(['--norc', '--noprofile', '-i'], { program: 'bash', cwd: folder, env });
  try {
    await terminal.until(/shell>\s*$/);
    terminal.type('$BREVITY_CLI\r');
    // The first screen, and from there the form of a new run.
    await suspendAndResume(terminal, /There are no runs in/);
    terminal.type('n');
    await suspendAndResume(terminal, /Start the run/);
    // A text field within it: what is typed is still there, with its cursor.
    terminal.type('\x1b[B\r\x15half a name\x1b[D');
    await suspendAndResume(terminal, /run directory +half a name/);
    terminal.paste('!');
    await terminal.until(/half a nam!e/);
    terminal.type('\x1b');
    await terminal.until(/e example|s start/);
    // The help, the palette, and a question.
    terminal.type('?');
    await suspendAndResume(terminal, /Keys on New run/);
    terminal.type('\x1b');
    terminal.type(':');
    await suspendAndResume(terminal, /Commands ─/);
    terminal.type('\x1b');
    await terminal.until(/Start the run/);
    // A click on the second field selects it.
    terminal.type('\x1b[<0;5;5M\x1b[<0;5;5m');
    await terminal.until(/› model folder/);
    terminal.type('q');
    await terminal.until(/shell>\s*$/);
    terminal.type('stty -a | tr " " "\\n" | grep -xE -e "-?(icanon|echo)" | tr "\\n" " "; echo $((40+3))\r');
    await terminal.until(/icanon echo 43/);
  } finally {
    terminal.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);
