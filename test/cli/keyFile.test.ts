import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { keyFile, parseBindings, readBindings } from '../../src/cli/keyFile.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the file of keys', () => {
  it('is beside the settings, unless named', () => {
    expect(keyFile({ XDG_CONFIG_HOME: '/config' })).toBe('/config/brevity/keys.json');
    expect(keyFile({ BREVITY_SETTINGS: '/one/settings.json' })).toBe('/one/keys.json');
    expect(keyFile({ BREVITY_KEYS: '/two/mine.json' })).toBe('/two/mine.json');
    expect(readBindings({ XDG_CONFIG_HOME: '/nowhere' })).toEqual({});
    expect(() => readBindings({ BREVITY_KEYS: '/nowhere/keys.json' })).toThrow(/cannot read \/nowhere\/keys.json/);
  });

  it('has keys by the names of actions; one key needs no list', () => {
    const { bindings, problems } = parseBindings('{"exclude": ["X", "ctrl+x"], "note": "f8", "curves": []}');
    expect(problems).toEqual([]);
    expect(bindings).toEqual({ exclude: ['X', 'ctrl+x'], note: ['f8'], curves: [] });
  });

  it('that is wrong is refused with file and line', () => {
    const file = path.join(folder, 'keys.json');
    writeFileSync(file, '{\n  "exclude": "X",\n  "swapp": "S"\n}');
    let error: unknown;
    try {
      readBindings({ BREVITY_KEYS: file });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      exitCode: 2,
      message: `${file}, line 3: there is no action "swapp"; did you mean swap?`,
    });
  });

  it.each([
    ['{"exclude": ', [{ line: null, text: expect.stringMatching(/^is not JSON/) }]],
    ['["exclude"]', [{ line: null, text: 'is no JSON object; expected {"action": ["key", …]}' }]],
    [
      '{\n"exclude": 5}',
      [{ line: 2, text: 'exclude: expected a key such as "x", or a list of keys such as ["x", "ctrl+x"]' }],
    ],
  ])('%j', (text, expected) => {
    expect(parseBindings(text).problems).toEqual(expected);
  });
});
