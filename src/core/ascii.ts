/** ASCII replacements of the same width for the symbols that Brevity draws. */

const standIns: Record<string, string> = {
  ...{ '-': '─━–—', '|': '│┃', '+': '└├┌┐┘┤┬┴┼±✔✓', '.': '·…░', '*': '•◆★', o: '●○◇□°' },
  ...{ '^': '▲↑⇧', v: '▼↓', '>': '▶›→⟩', '<': '◀◂‹←⟨', '[': '⟦', ']': '⟧', "'": '’‘', '"': '“”‖', '/': '÷½⏎' },
  ...{ x: '×✘ˣ', '~': '≈', '2': '²', '3': '³', '8': '∞', '!': '≠' },
  ...{ a: 'α', b: 'β', d: 'Δ∂', e: 'ε', g: 'γ', l: 'λ', p: 'π', q: 'θ', R: 'ρ', s: 'σ', S: 'Σ', u: 'μ' },
  // Bars: whole, and in eighths.
  ...{ '#': '█▇■', '%': '▓▆▉', '=': '▄▅▌▋▊≤≥', _: '▁▂▃', ':': '▒▏▎▍' },
};
const table = new Map(Object.entries(standIns).flatMap(([ascii, signs]) => [...signs].map((sign) => [sign, ascii])));

/** The replacement of one of our symbols; undefined for any other character. */
export function standIn(sign: string): string | undefined {
  return table.get(sign) ?? (isDots(sign) ? dots(sign) : undefined);
}

const isDots = (sign: string): boolean => sign >= '\u2800' && sign <= '\u28ff';

/** Replaces the Braille dots of a curve by their position. */
function dots(sign: string): string {
  const bits = (sign.codePointAt(0) ?? 0) - 0x2800;
  const [upper, lower] = [(bits & 0b0001_1011) !== 0, (bits & 0b1110_0100) !== 0];
  return upper && lower ? ':' : upper ? "'" : lower ? '.' : ' ';
}
