/** How a key is written on the screen; components/terminal/keys.ts names the keys. */

const signs: Record<string, string> = {
  left: '←',
  right: '→',
  up: '↑',
  down: '↓',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  insert: 'Ins',
  delete: 'Del',
  escape: 'esc',
};

/** A key as it is written on the screen. */
export function signOf(key: string): string {
  const [, modifiers = '', bare = key] = /^((?:ctrl\+|alt\+|shift\+)*)(.+)$/su.exec(key) ?? [];
  return `${modifiers.replace('shift+', '⇧')}${signs[bare] ?? bare}`;
}

/** The key that a sign stands for: `←` is `left`. */
export function keyOfSign(sign: string): string {
  return Object.keys(signs).find((key) => signs[key] === sign) ?? sign;
}
