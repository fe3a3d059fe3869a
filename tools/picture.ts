/**
 * `npm run pictures`: takes the bundled example through two rounds and a branch in a real pseudo-terminal and draws
 * screens of it as SVG into docs/. The pictures show what the program really sent.
 */
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const [COLUMNS, ROWS] = [110, 32];
const [CELL_WIDTH, CELL_HEIGHT, FONT] = [8.4, 18, 14];

const ansi = [
  '#3b4252',
  '#e06c75',
  '#98c379',
  '#e5c07b',
  '#61afef',
  '#c678dd',
  '#56b6c2',
  '#d8dee9',
  '#7f848e',
  '#ff7b86',
  '#b5e890',
  '#ffd68a',
  '#82c4ff',
  '#dd9bf0',
  '#7fd5e0',
  '#ffffff',
];
const [INK, PAPER] = ['#d8dee9', '#1e222a'];

const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
const folder = mkdtempSync(path.join(tmpdir(), 'brevity-picture-'));
const child = spawn(process.execPath, [path.join(root, 'dist/src/cli.js'), 'example'], {
  cols: COLUMNS,
  rows: ROWS,
  cwd: folder,
  name: 'xterm-256color',
  env: { ...(process.env as Record<string, string>), TERM: 'xterm-256color', FORCE_COLOR: '2' },
});
child.onData((data) => terminal.write(data));
// The terminal's answers to the program's queries.
terminal.onData((answer) => child.write(answer));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function screen(): string {
  return Array.from({ length: ROWS }, (_, y) => terminal.buffer.active.getLine(y)?.translateToString(true) ?? '').join(
    '\n',
  );
}

async function until(pattern: RegExp): Promise<void> {
  while (!pattern.test(screen())) await pause(100);
  await pause(300);
}

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function colour(cell: xterm.IBufferCell, ground: 'fg' | 'bg'): string | null {
  const [isDefault, isRgb, value] =
    ground === 'fg'
      ? [cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()]
      : [cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()];
  if (isDefault) return null;
  if (isRgb) return `#${value.toString(16).padStart(6, '0')}`;
  return ansi[value] ?? INK;
}

/** Adjacent cells with the same style. */
interface Stretch {
  x: number;
  cells: number;
  text: string;
  look: string;
  ink: string;
  paper: string | null;
}

function stretches(y: number): Stretch[] {
  const line = terminal.buffer.active.getLine(y);
  const found: Stretch[] = [];
  for (let x = 0; x < COLUMNS; x++) {
    const cell = line?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const [fg, bg] = [colour(cell, 'fg') ?? INK, colour(cell, 'bg')];
    const [ink, paper] = cell.isInverse() !== 0 ? [bg ?? PAPER, fg] : [fg, bg];
    const look = `${cell.isBold() !== 0 ? ' font-weight="bold"' : ''}${cell.isDim() !== 0 ? ' opacity="0.6"' : ''}`;
    const text = cell.getChars() === '' ? ' ' : cell.getChars();
    const last = found.at(-1);
    if (last !== undefined && last.look === look && last.ink === ink && last.paper === paper) {
      last.text += text;
      last.cells += cell.getWidth();
    } else found.push({ x, cells: cell.getWidth(), text, look, ink, paper });
  }
  return found;
}

function draw(name: string): void {
  const parts: string[] = [];
  for (let y = 0; y < ROWS; y++) {
    for (const { x, cells, text, look, ink, paper } of stretches(y)) {
      const [left, width] = [x * CELL_WIDTH, cells * CELL_WIDTH].map((value) => value.toFixed(1));
      const top = y * CELL_HEIGHT;
      if (paper !== null)
        parts.push(`<rect x="${left}" y="${top}" width="${width}" height="${CELL_HEIGHT}" fill="${paper}"/>`);
      // One element per word with an explicit width, so that columns align in any font and renderer.
      for (const { 0: word, index } of text.matchAll(cells === text.length ? /\S+/g : /.+/gu)) {
        const place = `x="${((x + index) * CELL_WIDTH).toFixed(1)}" y="${top + 13.5}" textLength="${(word.length * CELL_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
        parts.push(`<text ${place} fill="${ink}"${look}>${escaped(word)}</text>`);
      }
    }
  }
  const [width, height] = [Math.ceil(COLUMNS * CELL_WIDTH) + 24, ROWS * CELL_HEIGHT + 24];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${FONT}">` +
    `<rect width="100%" height="100%" rx="8" fill="${PAPER}"/><g transform="translate(12 12)">${parts.join('')}</g></svg>\n`;
  writeFileSync(path.join(root, 'docs', `${name}.svg`), svg);
  process.stderr.write(`docs/${name}.svg\n`);
}

async function launch(): Promise<void> {
  await until(/waiting for your review/);
  child.write('\r');
  await until(/Launch the update on/);
  child.write('y');
}

await until(/waiting for your review[\s\S]*─ Prompt 1 /);
child.write('\u001b[B'.repeat(3));
await pause(1000);
draw('review');
await launch();
await until(/\b1\d of \d+ steps/);
draw('update');
await until(/Round 1 on \d+ held-out prompts/);
await pause(2000);
draw('evaluation');
child.write('n');
await until(/round 2/);
await launch();
await until(/Round 2 on \d+ held-out prompts/);
// Repeats the round without a length penalty, which makes another branch.
child.write('e');
await until(/α: /);
child.write('\u0015');
await pause(300);
child.write('0');
await pause(300);
child.write('\r');
await until(/round 3/);
await launch();
await until(/Round 3 on \d+ held-out prompts/);
child.write('h');
await until(/Reward against length/);
await pause(1000);
draw('history');
child.write('q');
await pause(1000);
// The engine continues when its terminal is closed; nobody reattaches here, so it is killed.
const { lockHolder } = await import('../src/io/lock.js');
const holder = lockHolder(path.join(folder, 'example'));
if (holder !== null) process.kill(holder.pid, 'SIGKILL');
rmSync(folder, { recursive: true, force: true });
process.exit(0);
