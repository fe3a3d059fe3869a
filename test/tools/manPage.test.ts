import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { allCommands, commands } from '../../src/cli/commands.js';
import { visibleOptions } from '../../src/cli/definitions.js';
import { brevityVersion } from '../../src/io/version.js';
import { manPage } from '../../tools/manPage.js';

const file = path.resolve(import.meta.dirname, '../../man/brevity.1');
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

it('man/brevity.1 is what the commands say: `npm run man` writes it', async () => {
  expect(readFileSync(file, 'utf8')).toBe(manPage(await allCommands(), commands, brevityVersion));
});

it('has every command and every option, in ASCII', async () => {
  const page = readFileSync(file, 'utf8');
  expect(page).toMatch(/^[\n\x20-\x7e]*$/);
  for (const { name, command } of await allCommands()) {
    if (name !== '') expect(page).toContain(`\n.SS brevity ${name}`);
    for (const { long } of visibleOptions(command)) expect(page).toContain((long ?? '').replaceAll('-', '\\-'));
  }
});

it.runIf(has('groff'))('groff formats it without a warning', () => {
  const { status, stdout, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', file], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('α');
});

it.runIf(has('mandoc'))('mandoc finds nothing to correct', () => {
  const { stdout } = spawnSync('mandoc', ['-Tlint', '-Wwarning', file], { encoding: 'utf8' });
  // The page says its version instead: a date would change with every build.
  expect(stdout.replace(/^.*missing date.*\n/m, '')).toBe('');
});
