/**
 * Terminal screens as SVG: a still, or a moving picture. GitHub shows an SVG as an image: no script runs, nothing is
 * loaded, and CSS animations work.
 */
import { INK, PAPER, type Line } from './screen.js';

/** Units of the drawing for one cell; the picture is shown at SCALE pixels per unit. */
const [CELL, ROW, FONT, BASELINE, SCALE] = [10, 20, 16.6, 15, 0.86];
const PADDING = 14;

export interface Frame {
  /** Seconds from the start. */
  at: number;
  lines: readonly Line[];
  /** A sentence beneath the screen. */
  caption: string;
}

/** Short class names for the paints of a picture. */
class Paints {
  private readonly names = new Map<string, string>();

  of(property: 'fill', value: string): string {
    const rule = `${property}:${value}`;
    const known = this.names.get(rule);
    if (known !== undefined) return known;
    const name = `c${this.names.size}`;
    this.names.set(rule, name);
    return name;
  }

  rules(): string {
    return [...this.names].map(([rule, name]) => `.${name}{${rule}}`).join('');
  }
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** Parts of a cell that block elements fill, `[left, top, right, bottom]`; glyphs would leave gaps between rows. */
function blockOf(character: string): readonly [number, number, number, number] | null {
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x2581 && code <= 0x2588) return [0, 1 - (code - 0x2580) / 8, 1, 1];
  if (code >= 0x2589 && code <= 0x258f) return [0, 0, 1 - (code - 0x2588) / 8, 1];
  if (character === '─') return [0, 0.48, 1, 0.54];
  if (character === '│') return [0.46, 0, 0.56, 1];
  return null;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

const rectangle = (left: number, top: number, right: number, bottom: number): string =>
  `M${round(left)} ${round(top)}H${round(right)}V${round(bottom)}H${round(left)}z`;

/**
 * The elements of a row, whose top is 0. Each text has its width, so that columns align in any font; texts end where two
 * spaces follow each other.
 */
function drawLine(line: Line, paints: Paints): string {
  const parts: string[] = [];
  const path = (classes: string, shape: string) => parts.push(`<path${classes} d="${shape}"/>`);
  for (const { x, cells, text, ink, paper, isBold, isDim } of line) {
    if (paper !== null) path(` class="${paints.of('fill', paper)}"`, rectangle(x * CELL, 0, (x + cells) * CELL, ROW));
    const look = [isBold ? 'b' : '', isDim ? 'd' : ''].filter(Boolean);
    const classOf = (names: readonly string[]) => (names.length === 0 ? '' : ` class="${names.join(' ')}"`);
    const textClass = classOf([...(ink === INK ? [] : [paints.of('fill', ink)]), ...look]);
    // Where characters are wider than a cell, their index is not their column: one text then.
    const isPlain = cells === text.length;
    const pieces = isPlain ? /([▁-▏─│])\1*|[^\s▁-▏─│]+(?: [^\s▁-▏─│]+)*/g : /\S.*\S|\S/gu;
    const shapes: string[] = [];
    for (const { 0: piece, index } of text.matchAll(pieces)) {
      const left = (x + index) * CELL;
      const block = isPlain ? blockOf(piece) : null;
      if (block !== null) {
        // Equal neighbours are one rectangle, if each fills its cell from side to side.
        const [from, top, to, bottom] = block;
        const step = from === 0 && to === 1 ? piece.length : 1;
        for (let i = 0; i < piece.length; i += step) {
          const start = left + i * CELL;
          shapes.push(rectangle(start + from * CELL, top * ROW, start + (step - 1 + to) * CELL, bottom * ROW));
        }
        continue;
      }
      const trailing = text.length - text.trimEnd().length;
      const width = (isPlain ? piece.length : cells - index - trailing) * CELL;
      // Plots are drawn with Braille patterns, which must keep their distances.
      const stretched = /[\u2500-\u28ff]/.test(piece) ? ' lengthAdjust="spacingAndGlyphs"' : '';
      const length = piece.length === 1 ? '' : ` textLength="${width}"${stretched}`;
      parts.push(`<text x="${left}" y="${BASELINE}"${length}${textClass}>${escaped(piece)}</text>`);
    }
    if (shapes.length > 0) path(classOf([paints.of('fill', ink), ...look]), shapes.join(''));
  }
  return parts.join('');
}

interface Drawing {
  columns: number;
  rows: number;
  /** What a person who cannot see the picture reads. */
  title: string;
  style: string;
  definitions: string;
  body: string;
}

function picture({ columns, rows, title, style, definitions, body }: Drawing): string {
  const width = columns * CELL;
  const height = rows * ROW;
  const [outerWidth, outerHeight] = [width + 2 * PADDING, height + 2 * PADDING];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${outerWidth} ${outerHeight}" width="${Math.round(outerWidth * SCALE)}" height="${Math.round(outerHeight * SCALE)}" role="img">` +
    `<title>${escaped(title)}</title>` +
    `<style>text{font:${FONT}px "DejaVu Sans Mono",Menlo,Consolas,monospace;fill:${INK}}.b{font-weight:bold}.d{opacity:.6}${style}</style>` +
    `<defs>${definitions}</defs>` +
    `<rect width="100%" height="100%" rx="10" fill="${PAPER}"/>` +
    `<svg x="${PADDING}" y="${PADDING}" width="${width}" height="${height}">${body}</svg></svg>\n`
  );
}

/** One screen. */
export function still(lines: readonly Line[], columns: number, title: string): string {
  const paints = new Paints();
  const body = lines
    .map((line, y) => ({ y, elements: drawLine(line, paints) }))
    .filter(({ elements }) => elements !== '')
    .map(({ y, elements }) => `<g transform="translate(0 ${y * ROW})">${elements}</g>`)
    .join('');
  return picture({ columns, rows: lines.length, title, style: paints.rules(), definitions: '', body });
}

const captionLine = (caption: string): Line => [
  { x: 0, cells: caption.length, text: caption, ink: '#e5c07b', paper: null, isBold: false, isDim: false },
];

/**
 * A sequence of screens of the same size, repeated without end. Each row has its different contents side by side, and a
 * step animation moves the current one into view. `poster` (seconds) is what is shown to people who have asked for
 * reduced motion.
 */
export function moving(
  frames: readonly Frame[],
  columns: number,
  title: string,
  seconds: number,
  poster: number,
): string {
  const first = frames[0];
  if (first === undefined) throw new Error('a moving picture has at least one frame');
  const paints = new Paints();
  /** Distinct contents of rows, by their elements. */
  const contents = new Map<string, number>();
  const idOf = (elements: string): number => {
    const known = contents.get(elements);
    if (known !== undefined) return known;
    contents.set(elements, contents.size);
    return contents.size - 1;
  };
  // An empty row between the screen and its caption.
  const rows = first.lines.length + 2;
  const style: string[] = [`.r{animation:${seconds.toFixed(2)}s step-end infinite}`];
  const body: string[] = [];
  for (let y = 0; y < rows; y++) {
    const versions: number[] = [];
    const steps: { at: number; version: number }[] = [];
    for (const { at, lines, caption } of frames) {
      const line = y < rows - 2 ? (lines[y] ?? []) : y === rows - 1 ? captionLine(caption) : [];
      const id = idOf(drawLine(line, paints));
      if (!versions.includes(id)) versions.push(id);
      const version = versions.indexOf(id);
      if (steps.at(-1)?.version !== version) steps.push({ at, version });
    }
    const shift = columns * CELL;
    const uses = versions.map((id, version) => `<use href="#l${id}" x="${version * shift}" y="${y * ROW}"/>`).join('');
    if (steps.length === 1) {
      body.push(uses);
      continue;
    }
    const moved = (version: number) => `transform:translate(${-version * shift}px)`;
    const resting = steps.findLast(({ at }) => at <= poster)?.version ?? 0;
    style.push(
      `@keyframes r${y}{${steps.map(({ at, version }) => `${((100 * at) / seconds).toFixed(2)}%{${moved(version)}}`).join('')}}`,
      `.r${y}{animation-name:r${y};${moved(resting)}}`,
    );
    body.push(`<g class="r r${y}">${uses}</g>`);
  }
  style.push('@media(prefers-reduced-motion:reduce){.r{animation:none}}');
  const definitions = [...contents].map(([elements, id]) => `<g id="l${id}">${elements}</g>`).join('');
  return picture({
    columns,
    rows,
    title,
    style: paints.rules() + style.join(''),
    definitions,
    body: body.join(''),
  });
}
