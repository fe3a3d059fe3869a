/** What `brevity help` finds, and the help of every command. */
import { expect, it } from 'vitest';
import { allCommands, commands } from '../../src/cli/commands.js';
import { textAfterHelp } from '../../src/cli/definitions.js';
import { findHelp } from '../../src/cli/help.js';
import { brevity } from './cli.js';

const all = await allCommands();
const found = (...words: string[]) =>
  Object.fromEntries(findHelp(all, words).map(({ heading, items }) => [heading, items.map(({ term }) => term)]));

it('finds commands, options and keys by their names and descriptions, in any case', () => {
  const { 'Commands:': named, 'Options:': options, 'Keys on the screens:': keys } = found('LENGTH');
  expect(named).toEqual(['brevity win-rate']);
  expect(options).toEqual(expect.arrayContaining(['--alpha <α>', '--length-penalty <λ>']));
  expect(keys).toContain('B');
});

it('needs every word, and lists an option of several commands once, with them', () => {
  const [{ heading, items }] = findHelp(all, ['peak', 'learning', 'rate']);
  expect(heading).toBe('Options:');
  expect(items).toHaveLength(2);
  expect(items[0]).toMatchObject({ term: '--lr <rate>' });
  expect(items.map(({ description }) => /\[.*\]$/.exec(description)?.[0])).toEqual(['[RUN, auto]', '[update]']);
  expect(found('peak', 'zebra')).toEqual({});
});

it('every command belongs to a group, is in the help of brevity, and shows an example of itself', () => {
  const { stdout } = brevity(['--help']);
  for (const { name, command } of all.slice(1)) {
    expect(stdout, name).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout, name).toContain(commands[name].group);
    expect(textAfterHelp(command), name).toMatch(new RegExp(`Examples?:\\n  brevity ${name}`));
  }
});

it('lists commands before options, and the options by purpose', () => {
  const { stdout } = brevity(['--help']);
  const headings = stdout.split('\n').filter((line) => /^\S.*:$/.test(line));
  expect(headings.indexOf('Runs:')).toBeLessThan(headings.indexOf('Options:'));
  for (const heading of ['A new run:', 'Sampling:', 'Objective:', 'Update:', 'Update jobs:', 'Screens:', 'Backend:'])
    expect(headings, heading).toContain(heading);
  expect(headings.filter((heading, i) => headings.indexOf(heading) !== i)).toEqual([]);
});

it('as a program: the help of a command, what was found, and one sentence where nothing was', () => {
  expect(brevity(['help']).stdout).toBe(brevity(['--help']).stdout);
  expect(brevity(['help', 'pair']).stdout).toBe(brevity(['pair', '--help']).stdout);
  const { stdout, status } = brevity(['help', 'win', 'rate']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Commands:\n {2}node \S+cli\.js win-rate +plain and length-controlled/);
  const nothing = brevity(['help', 'zebra']);
  expect([nothing.status, nothing.stdout]).toEqual([1, '']);
  expect(nothing.stderr).toMatch(/^brevity: no command, option or key mentions zebra; `.* --help` lists [^\n]*\n$/);
});
