import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { lookFor } from '../../../components/app/look.js';
import { settingsFile } from '../../../src/io/trust.js';
import { themes } from '../../../components/app/theme.js';
import { readSettings } from '../../../src/cli/preferences.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: string): { BREVITY_SETTINGS: string } {
  const file = path.join(folder, 'settings.json');
  writeFileSync(file, content);
  return { BREVITY_SETTINGS: file };
}

const unset = { XDG_CONFIG_HOME: '/nowhere' };
const nothing = { theme: null, ascii: null, mouse: null, alternate_screen: null, screen_reader: null };

describe('settings', () => {
  it('are none where nobody set any', () => {
    expect(readSettings({}, unset)).toEqual(nothing);
    expect(settingsFile({ XDG_CONFIG_HOME: '/config' })).toBe('/config/brevity/settings.json');
  });

  it('of the command line go before the environment, that before the file', () => {
    const env = {
      ...fileOf('{"theme": "light", "mouse": false, "ascii": true}'),
      BREVITY_THEME: 'none',
      BREVITY_ASCII: '0',
    };
    expect(readSettings({ theme: 'colour-blind', ascii: undefined }, env)).toEqual({
      ...nothing,
      theme: 'colour-blind',
      ascii: false,
      mouse: false,
    });
  });

  it('take Ink’s name for the screen reader', () => {
    expect(readSettings({}, { ...unset, INK_SCREEN_READER: 'true' }).screen_reader).toBe(true);
  });

  it('report every problem at once, and where', () => {
    const env = { ...fileOf('{"theme": "blue", "mous": false}'), BREVITY_MOUSE: 'maybe' };
    let error: unknown;
    try {
      readSettings({}, env);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UserError);
    const { message, exitCode } = error as UserError;
    expect(exitCode).toBe(2);
    expect(message).toContain('BREVITY_MOUSE: expected 1 or 0, got "maybe"');
    expect(message).toContain('settings.json: theme: expected one of dark, light, colour-blind');
    expect(message).toContain('unknown setting mous');
  });

  it.each([
    ['{', /is not JSON/],
    ['[]', /is no JSON object/],
  ])('file %s', (content, problem) => {
    expect(() => readSettings({}, fileOf(content))).toThrow(problem);
  });

  it('file that is named and not there', () => {
    expect(() => readSettings({}, { BREVITY_SETTINGS: '/nowhere/s.json' })).toThrow(/does not exist/);
  });
});

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
        remark: null,
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
