import { describe, expect, it } from 'vitest';
import { isKeyName, keysIn, plainKeys } from '../../../components/terminal/keys.js';

describe('keysIn', () => {
  it.each<[string, string[]]>([
    ['\x1b[D\x1bOC\x1b[A', ['left', 'right', 'up']],
    ['\x1b[1;2D\x1b[1;5C\x1b[1;3A\x1b[1;6B', ['shift+left', 'ctrl+right', 'alt+up', 'ctrl+shift+down']],
    ['\x1b[Z\x1b[3~\x1b[3;5~\x1b[5~\x1b[7~\x1b[F', ['shift+tab', 'delete', 'ctrl+delete', 'pageup', 'home', 'end']],
    ['\x1b[a\x1bOd\x1b[5^\x1b[6$', ['shift+up', 'ctrl+left', 'ctrl+pageup', 'shift+pagedown']],
    ['\x1bOP\x1b[15~\x1b[[C\x1b[1;5R', ['f1', 'f5', 'f3', 'ctrl+f3']],
    ['0.05\r', ['0', '.', '0', '5', 'enter']],
    ['G q', ['G', 'space', 'q']],
    ['\x03\x1a\x15\x00\x1f', ['ctrl+c', 'ctrl+z', 'ctrl+u', 'ctrl+space', 'ctrl+_']],
    ['\t\n\b\x7f\x1b', ['tab', 'enter', 'backspace', 'backspace', 'escape']],
    ['\x1bb\x1b\x7f\x1bB\x1b\x1bq', ['alt+b', 'alt+backspace', 'alt+B', 'escape', 'alt+q']],
    // Characters of several bytes and code units, one key each.
    ['é日👩α', ['é', '日', '👩', 'α']],
    // Sequences that are no keys, of kitty and of terminals that report more than they are asked.
    ['\x1b[97;5uj\x1b[27;5;9~\x1b[?1;2ck\x1b[Il', ['j', 'k', 'l']],
    ['\x9bx', ['x']],
  ])('%j', (typed, names) => {
    expect(keysIn(typed)).toEqual(names);
  });
});

it('a modifier that means nothing is dropped; Alt and a character may be two keys on a slow line', () => {
  expect(plainKeys('ctrl+left')).toEqual(['left']);
  expect(plainKeys('shift+up')).toEqual(['up']);
  expect(plainKeys('alt+q')).toEqual(['escape', 'q']);
  expect(plainKeys('alt++')).toEqual(['escape', '+']);
  expect(plainKeys('alt+enter')).toEqual(['escape', 'enter']);
  for (const key of ['q', '+', 'ctrl+r', 'shift+tab', 'up']) expect(plainKeys(key)).toEqual([]);
});

it('knows which keys a terminal can send', () => {
  const names = [
    'x',
    'X',
    'é',
    '+',
    'space',
    'f5',
    'up',
    'shift+up',
    'ctrl+x',
    'ctrl+shift+left',
    'alt+x',
    'alt+enter',
  ];
  for (const key of [...names, 'shift+tab', 'ctrl+space', 'ctrl+\\']) expect(isKeyName(key), key).toBe(true);
  // ctrl+i is tab, ctrl+m enter, ctrl+h backspace; Shift gives another character.
  const none = ['', ' ', 'ctrl+i', 'ctrl+m', 'ctrl+h', 'ctrl+X', 'shift+x', 'ctrl+1', 'Up', 'return', 'xx', 'cmd+x'];
  for (const key of [...none, 'alt+ctrl+x', 'ctrl+enter', '\x1b', 'ctrl+']) expect(isKeyName(key), key).toBe(false);
});
