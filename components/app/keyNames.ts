/** Names of keys: what Ink reads as one word, and how a key is written on the screen. */
import type { Key as InkKey } from 'ink';

const signs: Record<string, string> = {
  left: '←',
  right: '→',
  up: '↑',
  down: '↓',
  'shift+left': '⇧←',
  'shift+right': '⇧→',
  'shift+up': '⇧↑',
  'shift+down': '⇧↓',
  'shift+tab': '⇧tab',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  escape: 'esc',
};

/** A key as it is written on the screen. */
export function signOf(key: string): string {
  return signs[key] ?? key;
}

/** The names of what Ink has read; a burst of typed or pasted characters is one name each. */
export function keyNames(input: string, key: InkKey): string[] {
  const shift = key.shift ? 'shift+' : '';
  if (key.leftArrow) return [`${shift}left`];
  if (key.rightArrow) return [`${shift}right`];
  if (key.upArrow) return [`${shift}up`];
  if (key.downArrow) return [`${shift}down`];
  if (key.pageUp) return ['pageup'];
  if (key.pageDown) return ['pagedown'];
  if (key.home) return ['home'];
  if (key.end) return ['end'];
  if (key.return) return ['enter'];
  if (key.escape) return ['escape'];
  if (key.tab) return [`${shift}tab`];
  // Terminals send DEL for backspace; Ink calls that delete.
  if (key.backspace || key.delete) return ['backspace'];
  if (key.ctrl) return [`ctrl+${input}`];
  // Escape and the next key may arrive in one piece over a slow line, which looks like Alt.
  const before = key.meta ? ['escape'] : [];
  const typed = [...input].flatMap((character) => {
    if (character === ' ') return ['space'];
    return character < ' ' || character === '\x7f' ? controlNames(character) : [character];
  });
  return [...before, ...typed];
}

/** A control character among others is a key as well: over a slow line several come in one piece. */
function controlNames(character: string): string[] {
  switch (character) {
    case '\r':
    case '\n':
      return ['enter'];
    case '\t':
      return ['tab'];
    case '\b':
    case '\x7f':
      return ['backspace'];
    case '\x1b':
      return ['escape'];
    default: {
      const letter = String.fromCharCode(character.charCodeAt(0) + 0x60);
      return letter >= 'a' && letter <= 'z' ? [`ctrl+${letter}`] : [];
    }
  }
}
