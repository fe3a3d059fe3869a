import { describe, expect, it } from 'vitest';
import { lookFor } from '../../../components/app/look.js';
import { themes } from '../../../components/parts/theme.js';

const nothing = { theme: null, ascii: null, mouse: null, alternate_screen: null, screen_reader: null, notify: null };

describe('the look', () => {
  const xterm = { TERM: 'xterm-256color', LANG: 'en_US.UTF-8' };
  const can = { flagged: false, colours: true };
  const look = (env: Record<string, string>, settings = {}, more = {}) =>
    lookFor({ ...nothing, ...settings }, { ...xterm, ...env }, { ...can, ...more });

  it('is in colour, with mouse and alternate screen, where nothing speaks against it', () => {
    expect(look({})).toEqual({
      ...{
        theme: themes.dark,
        ascii: false,
        mouse: true,
        alternateScreen: true,
        bracketedPaste: true,
        aloud: false,
        notify: 'bell',
        remark: null,
        keys: {},
      },
    });
  });

  it('is without colour where there is none, or none is wanted', () => {
    expect(look({ NO_COLOR: '1' }, { theme: 'light' }).theme).toBe(themes.none);
    expect(look({ NO_COLOR: '' }).theme).toBe(themes.dark);
    expect(look({}, {}, { colours: false }).theme).toBe(themes.none);
    // A flag outdoes NO_COLOR.
    expect(look({ NO_COLOR: '1' }, { theme: 'light' }, { flagged: true }).theme).toBe(themes.light);
  });

  it('is light on a light paper', () => {
    expect(look({ COLORFGBG: '0;15' }).theme).toBe(themes.light);
    expect(look({ COLORFGBG: '15;0' }).theme).toBe(themes.dark);
  });

  it('is in ASCII where the locale is not Unicode, unless set otherwise', () => {
    expect(look({ LC_ALL: 'C' }).ascii).toBe(true);
    expect(look({ LC_ALL: '', LC_CTYPE: 'de_DE.ISO-8859-1' }).ascii).toBe(true);
    expect(look({ LC_ALL: 'C' }, { ascii: false }).ascii).toBe(false);
    expect(lookFor(nothing, { TERM: 'xterm' }, can).ascii).toBe(false);
  });

  it('goes without alternate screen where there is none', () => {
    expect(look({ TERM: 'linux' })).toMatchObject({ alternateScreen: false, ascii: true, aloud: false });
    expect(look({ TERM: 'vt100' }, { alternate_screen: true }).alternateScreen).toBe(true);
  });

  it('is read aloud where text cannot be placed, and says so', () => {
    expect(look({ TERM: 'dumb' })).toMatchObject({ aloud: true });
    expect(look({ TERM: 'dumb' }).remark).toMatch(/TERM=dumb.*set TERM/);
    expect(look({}, { screen_reader: true })).toMatchObject({ aloud: true, remark: null });
  });
});

it('themes tell good from bad and warnings by more than red against green where they say so', () => {
  for (const name of ['colour-blind', 'colour-blind-light'] as const) {
    const { good, bad, warn } = themes[name];
    expect(new Set([good.color, bad.color, warn.color]).size).toBe(3);
  }
});
