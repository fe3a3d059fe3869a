/**
 * Frames in ASCII, for terminals and fonts without more. Each of our signs has a stand-in of the same width, so that the
 * layout holds. What is not ours (a model's text) is spelt out earlier, by sanitize.ts.
 */

/** What stands for which of our signs. */
const standIns: Record<string, string> = {
  ...{ '-': '─━–—', '|': '│┃', '+': '└├┌┐┘┤┬┴┼±✔✓', '.': '·…░', '*': '•◆★', o: '●○◇□' },
  ...{ '^': '▲↑⇧', v: '▼↓', '>': '▶›→⟩', '<': '◀◂‹←⟨', '[': '⟦', ']': '⟧', "'": '’‘', '"': '“”‖', '/': '÷½⏎' },
  ...{ x: '×✘ˣ', '~': '≈', '2': '²', '3': '³', '8': '∞', '!': '≠' },
  ...{ a: 'α', b: 'β', d: 'Δ∂', e: 'ε', l: 'λ', p: 'π', q: 'θ', R: 'ρ', s: 'σ', S: 'Σ', u: 'μ' },
  // Bars: whole, and in eighths.
  ...{ '#': '█▇■', '%': '▓▆▉', '=': '▄▅▌▋▊≤≥', _: '▁▂▃', ':': '▒▏▎▍' },
};
const table = new Map(Object.entries(standIns).flatMap(([ascii, signs]) => [...signs].map((sign) => [sign, ascii])));

const beyond = /[^\x00-\x7f]/gu;

/** Whether a sign is one of ours, with a stand-in. */
export function hasStandIn(sign: string): boolean {
  return table.has(sign) || isDots(sign);
}

/** A frame, escape sequences and all, in ASCII. */
export function toAscii(frame: string): string {
  return frame.replace(beyond, (sign) => table.get(sign) ?? (isDots(sign) ? dots(sign) : '?'));
}

const isDots = (sign: string): boolean => sign >= '\u2800' && sign <= '\u28ff';

/** Braille dots of a curve: by where they are. */
function dots(sign: string): string {
  const bits = (sign.codePointAt(0) ?? 0) - 0x2800;
  const [upper, lower] = [(bits & 0b0001_1011) !== 0, (bits & 0b1110_0100) !== 0];
  return upper && lower ? ':' : upper ? "'" : lower ? '.' : ' ';
}
