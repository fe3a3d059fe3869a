/** How the screens are drawn on this terminal: what a person has set, else what the terminal says of itself. */
import type { Bindings } from './bindings.js';
import type { Modes } from '../terminal/types.js';
import type { NotifyWay, Settings } from './preferences.js';
import { type Theme, type ThemeName, refusesColour, themes } from '../parts/theme.js';

export interface Look extends Modes {
  theme: Theme;
  /** Lines to be read aloud, one after another, instead of a screen. */
  aloud: boolean;
  /** How the terminal tells that a stage has ended. */
  notify: NotifyWay;
  /** Said at the start where the terminal cannot do what is usual. */
  remark: string | null;
  /** The user's own keys. */
  keys: Bindings;
}

/**
 * @param flagged the theme was asked for on the command line, which outdoes NO_COLOR as https://no-color.org has it
 * @param colours whether the terminal has any
 */
export function lookFor(
  settings: Settings,
  env: Record<string, string | undefined>,
  { flagged, colours }: { flagged: boolean; colours: boolean },
): Look {
  const term = env['TERM'] ?? '';
  const placeless = placelessTerminals.test(term);
  const aloud = settings.screen_reader ?? placeless;
  const colourless = !flagged && (refusesColour(env) || !colours);
  return {
    theme: themes[colourless ? 'none' : (settings.theme ?? usualTheme(env))],
    ascii: settings.ascii ?? (lacksUnicode(env) || oldTerminals.test(term)),
    mouse: settings.mouse ?? true,
    alternateScreen: settings.alternate_screen ?? !oldTerminals.test(term),
    bracketedPaste: !placeless,
    aloud,
    keys: {},
    notify: settings.notify ?? 'bell',
    remark:
      placeless && settings.screen_reader === null
        ? `This terminal (TERM=${term}) cannot place text, so what changes is written line by line; set TERM for screens.`
        : null,
  };
}

/** They have no way to move the cursor. */
const placelessTerminals = /^(dumb|unknown|)$/;
/** Without alternate screen, and with few characters beyond ASCII: the Linux console, hardware terminals. */
const oldTerminals = /^(linux|ansi|cons25|vt\d+)\b/;

/** No locale at all says nothing: over SSH it is often not passed on. */
function lacksUnicode(env: Record<string, string | undefined>): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale !== undefined && !/utf-?8/i.test(locale);
}

/** COLORFGBG is `ink;paper` (konsole, rxvt, iTerm): 7 and 15 are light papers. */
function usualTheme(env: Record<string, string | undefined>): ThemeName {
  const paper = env['COLORFGBG']?.split(';').at(-1);
  return paper === '7' || paper === '15' ? 'light' : 'dark';
}
