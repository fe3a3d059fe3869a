/** What the terminal is, as the rest of components/terminal needs it. */

export interface Size {
  columns: number;
  rows: number;
}

/** What is asked of the terminal at the start, and undone at the end. */
export interface Modes {
  /** Only ASCII characters reach the terminal. */
  ascii: boolean;
  mouse: boolean;
  alternateScreen: boolean;
  /** The terminal marks pasted text; one that cannot place text would print the sequence that asks for it. */
  bracketedPaste: boolean;
}
