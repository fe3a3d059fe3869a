import { describe, expect, it } from 'vitest';
import { makeLine, makeVisible } from '../../src/core/sanitize.js';

describe('makeVisible', () => {
  it.each([
    ['clears the screen', '\x1b[2J', '␛[2J'],
    ['sets the clipboard (OSC 52)', '\x1b]52;c;aGk=\x07', '␛]52;c;aGk=␇'],
    ['device control string', '\x1bP1$r\x1b\\', '␛P1$r␛\\'],
    ['8-bit CSI', '\x9b31m', '⟨U+009B⟩31m'],
    ['carriage return hides a line', 'safe\revil', 'safe␍evil'],
    ['backspace and delete', 'a\b\x7f', 'a␈␡'],
    ['right-to-left override', 'abc\u202etxt.exe', 'abc⟨U+202E⟩txt.exe'],
    ['bidi isolate', '\u2066x\u2069', '⟨U+2066⟩x⟨U+2069⟩'],
    ['zero-width space and joiner', 'a\u200bb\u200dc', 'a⟨U+200B⟩b⟨U+200D⟩c'],
    ['byte order mark', '\ufeffa', '⟨U+FEFF⟩a'],
    ['tag characters', 'a\u{e0041}', 'a⟨U+E0041⟩'],
    ['lone surrogate', 'a\ud800b', 'a⟨U+D800⟩b'],
    ['line separator', 'a\u2028b', 'a⟨U+2028⟩b'],
    ['Hangul filler', 'a\u3164', 'a⟨U+3164⟩'],
  ])('%s', (_, text, shown) => {
    expect(makeVisible(text)).toBe(shown);
  });

  it('leaves nothing in the output that a terminal obeys', () => {
    const every = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('');
    expect(makeVisible(every)).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
  });

  it('keeps newlines, expands tabs, and leaves letters of any script alone', () => {
    expect(makeVisible('a\n\tb\r\nc')).toBe('a\n    b\nc');
    expect(makeVisible('é 日本 שלום 👍')).toBe('é 日本 שלום 👍');
  });

  it('draws joined emoji as the emoji they are made of, since terminals disagree on their width', () => {
    expect(makeVisible('👨\u200d👩\u200d👧')).toBe('👨👩👧');
    expect(makeVisible('❤\ufe0f')).toBe('❤');
  });
});

describe('makeLine', () => {
  it('shows newlines and does not look at what cannot be seen', () => {
    expect(makeLine('a\nb', 10)).toBe('a⏎b');
    expect(makeLine('x'.repeat(100_000), 10).length).toBeLessThan(100);
  });
});
