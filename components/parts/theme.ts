/**
 * Semantic tones of the screens and how each theme draws them. Components name a tone, never a colour. No meaning rests
 * on colour alone: every mark has a sign or a word too, so that a theme without colour loses nothing.
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

export const themeNames = ['dark', 'light', 'colour-blind', 'colour-blind-light', 'none'] as const;
export type ThemeName = (typeof themeNames)[number];

/** Tones in weight only. */
const none: Theme = {
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

/** A colour for each tone that has one, with the weights of the colourless theme where it needs them. */
function coloured(colours: Record<'accent' | 'good' | 'bad' | 'warn' | 'first' | 'second', string>): Theme {
  return {
    plain: none.plain,
    title: none.title,
    muted: none.muted,
    accent: { color: colours.accent, bold: true },
    good: { color: colours.good },
    bad: { color: colours.bad, bold: true },
    warn: { color: colours.warn },
    first: { color: colours.first },
    second: { color: colours.second },
  };
}

/**
 * The colour-blind themes are of the palette of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any
 * common colour deficiency tell apart; on a light ground its darker colours, darkened to a contrast of 4.5.
 */
export const themes: Record<ThemeName, Theme> = {
  dark: coloured({
    accent: 'cyan',
    good: 'green',
    bad: 'red',
    warn: 'yellow',
    first: 'cyan',
    second: 'magenta',
  }),
  light: coloured({
    accent: '#005faf',
    good: '#006f00',
    bad: '#af0000',
    warn: '#875f00',
    first: '#005faf',
    second: '#870087',
  }),
  'colour-blind': coloured({
    accent: '#56b4e9',
    good: '#56b4e9',
    bad: '#e69f00',
    warn: '#f0e442',
    first: '#56b4e9',
    second: '#e69f00',
  }),
  'colour-blind-light': coloured({
    accent: '#0072b2',
    good: '#0072b2',
    bad: '#a84700',
    warn: '#7a5c00',
    first: '#0072b2',
    second: '#a84700',
  }),
  none,
};

/** The theme of a terminal of which nothing else is known. NO_COLOR counts when it is set to anything but nothing. */
export function themeFor(env: Record<string, string | undefined>): Theme {
  return refusesColour(env) ? none : themes.dark;
}

/** https://no-color.org */
export function refusesColour(env: Record<string, string | undefined>): boolean {
  return (env['NO_COLOR'] ?? '') !== '';
}

export const ThemeContext = createContext<Theme>(themes.dark);

export function useTheme(): Theme {
  return useContext(ThemeContext);
}
