/**
 * Semantic tones of the screens and how each is drawn. Components name a tone, never a colour. No meaning rests on
 * colour alone: every mark has a sign or a word too, so that NO_COLOR (https://no-color.org) loses nothing.
 */
import { createContext, useContext } from 'react';

export type Tone = 'plain' | 'title' | 'accent' | 'good' | 'bad' | 'warn' | 'muted' | 'first' | 'second';

/** The properties of Ink's Text that a tone sets. */
export interface TextStyle {
  color?: string;
  dimColor?: boolean;
  bold?: boolean;
}

export type Theme = Record<Tone, TextStyle>;

const colour: Theme = {
  plain: {},
  title: { bold: true },
  accent: { color: 'cyan', bold: true },
  good: { color: 'green' },
  bad: { color: 'red', bold: true },
  warn: { color: 'yellow' },
  muted: { dimColor: true },
  first: { color: 'cyan' },
  second: { color: 'magenta' },
};

/** The same tones in weight only. */
const colourless: Theme = {
  plain: {},
  title: { bold: true },
  accent: { bold: true },
  good: {},
  bad: { bold: true },
  warn: { bold: true },
  muted: { dimColor: true },
  first: {},
  second: {},
};

/** NO_COLOR counts when it is set to anything but the empty string. */
export function themeFor(env: Record<string, string | undefined>): Theme {
  return env['NO_COLOR'] === undefined || env['NO_COLOR'] === '' ? colour : colourless;
}

export const ThemeContext = createContext<Theme>(colour);

export function useTheme(): Theme {
  return useContext(ThemeContext);
}
