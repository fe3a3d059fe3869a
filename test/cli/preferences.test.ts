import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { settingsFile } from '../../src/io/trust.js';
import { readSettings } from '../../src/cli/preferences.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: string): { BREVITY_SETTINGS: string } {
  const file = path.join(folder, 'settings.json');
  writeFileSync(file, content);
  return { BREVITY_SETTINGS: file };
}

const unset = { XDG_CONFIG_HOME: '/nowhere' };
const nothing = { theme: null, ascii: null, mouse: null, notify: null, alternate_screen: null, screen_reader: null };

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
