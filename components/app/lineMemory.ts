/** What text fields remember: what was erased last, and the lines that were typed into each kind of field. */

export interface LineMemory {
  /** For ctrl+y. */
  readonly erased: string;
  /** By kind of field, the newest first. */
  readonly typed: Readonly<Record<string, readonly string[]>>;
}

export const noLines: LineMemory = { erased: '', typed: {} };

/** Lines of each kind that are kept. */
const mostLines = 100;

/** `review/filter`: fields of one kind share their lines, whatever round they belong to (`name:3`). */
export function kindOfField(owner: string, field: string): string {
  return `${owner}/${field.replace(/:\d+$/, '')}`;
}

/** The lines with one more, which is not listed twice. */
export function withLine(lines: readonly string[], text: string): string[] {
  return [text, ...lines.filter((line) => line !== text)].slice(0, mostLines);
}
