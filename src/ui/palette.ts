/** The command palette: everything the keys do, found by typing some of its letters in order. */
import { type TableKey, activeKeys, keysOf } from './keys.js';
import { type Screen, type State, screens, screenTitles } from './state.js';

export interface PaletteEntry {
  key: TableKey;
  /** Which of the key's names it stands for: `go` has one entry a screen. */
  name: string;
  text: string;
  /** The screen that it is done on; null: the one that is open. */
  screen: Screen | null;
}

/** Commands that can be given now come first, then those of other screens, each by how well it fits. */
export function paletteEntries(state: State, typed: string): PaletteEntry[] {
  const here = activeKeys({ ...state, modal: null }).flatMap((key) => entriesOf(key, null));
  const known = new Set(here.map(({ key }) => key));
  const elsewhere = screens
    .filter((screen) => screen !== state.screen && state.file === null && state.home === null)
    .flatMap((screen) =>
      keysOf(screen)
        .filter((key) => key.owner === screen && !known.has(key))
        .filter(({ when }) => when === undefined || when({ ...state, modal: null, screen }))
        .flatMap((key) => entriesOf(key, screen)),
    );
  return [...here, ...elsewhere]
    .flatMap((entry) => {
      const score = fuzzyScore(typed, entry.text);
      return score === null ? [] : [{ entry, score }];
    })
    .sort((a, b) => b.score - a.score)
    .map(({ entry }) => entry);
}

function entriesOf(key: TableKey, screen: Screen | null): PaletteEntry[] {
  if (key.id === 'palette') return [];
  if (key.id === 'go')
    return screens.map((target, i) => ({
      key,
      name: key.keys[i],
      text: `go to ${screenTitles[target]}`,
      screen: null,
    }));
  const text = screen === null ? key.help : `${screenTitles[screen]}: ${key.help}`;
  return [{ key, name: key.keys[0], text, screen }];
}

/**
 * How well the typed letters fit: all in order, better together and at the starts of words; null where they do not.
 * Nothing typed fits all alike.
 */
export function fuzzyScore(typed: string, text: string): number | null {
  const [wanted, candidate] = [typed.toLowerCase().replace(/\s+/g, ''), text.toLowerCase()];
  let [at, score, last] = [0, 0, -2];
  for (const letter of wanted) {
    const found = candidate.indexOf(letter, at);
    if (found < 0) return null;
    score += found === last + 1 ? 3 : 0;
    score += found === 0 || /[^\p{L}\p{N}]/u.test(candidate[found - 1]) ? 2 : 0;
    score -= Math.min(3, (found - at) / 10);
    [at, last] = [found + 1, found];
  }
  return score;
}
