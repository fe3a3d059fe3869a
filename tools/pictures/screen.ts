/** What a terminal shows at one moment: per row, stretches of cells that are painted alike. */
import type xterm from '@xterm/headless';

/** Adjacent cells with the same paint. */
export interface Stretch {
  /** Column of its first cell. */
  x: number;
  cells: number;
  text: string;
  ink: string;
  /** Background; null: that of the picture. */
  paper: string | null;
  isBold: boolean;
  isDim: boolean;
}

export type Line = Stretch[];

export const INK = '#d8dee9';
export const PAPER = '#1e222a';

/** The sixteen colours of the terminal. */
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

/** A colour of the 256-colour palette as xterm defines it: 16 named, a cube of 6 × 6 × 6, 24 greys. */
function paletteColour(index: number): string {
  const named = ansi[index];
  if (named !== undefined) return named;
  const hex = (...channels: number[]) => `#${channels.map((c) => c.toString(16).padStart(2, '0')).join('')}`;
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return hex(grey, grey, grey);
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return hex(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function colour(isDefault: boolean, isRgb: boolean, value: number): string | null {
  if (isDefault) return null;
  return isRgb ? `#${value.toString(16).padStart(6, '0')}` : paletteColour(value);
}

/** The stretches of a row of `columns` cells. */
export function readLine(row: xterm.IBufferLine | undefined, columns: number): Line {
  const line: Line = [];
  for (let x = 0; x < columns; x++) {
    const cell = row?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const fg = colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()) ?? INK;
    const bg = colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor());
    const isInverse = cell.isInverse() !== 0;
    const stretch: Stretch = {
      x,
      cells: cell.getWidth(),
      text: cell.getChars() === '' ? ' ' : cell.getChars(),
      ink: isInverse ? (bg ?? PAPER) : fg,
      paper: isInverse ? fg : bg,
      isBold: cell.isBold() !== 0,
      isDim: cell.isDim() !== 0,
    };
    const last = line.at(-1);
    if (last !== undefined && isPaintedAlike(last, stretch)) {
      last.text += stretch.text;
      last.cells += stretch.cells;
    } else line.push(stretch);
  }
  return line;
}

const isPaintedAlike = (a: Stretch, b: Stretch): boolean =>
  a.ink === b.ink && a.paper === b.paper && a.isBold === b.isBold && a.isDim === b.isDim;
