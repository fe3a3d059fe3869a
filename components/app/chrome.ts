/** What surrounds a screen and can be clicked: the tabs in the header, and the keys in the footer. */
import { type TableKey, activeKeys, keyOfSign, keyTable, meaningOf, signOf } from './keys.js';
import { currentRound } from './selectors.js';
import { type Screen, type State, screenOf, screenTitles, screens } from './state.js';
import { widthOf } from '../parts/text.js';

export interface Tab {
  screen: Screen;
  /** With the brackets or blanks around it. */
  text: string;
  /** The column that it begins in. */
  x: number;
}

/** Below this many columns only the open screen has its name. */
const wide = 78;
/** Below this many columns the engine's tab is shown only while it is open. */
const wider = 100;

/** The open screen in brackets, a dot at the one that shows what is being worked on. None without a run. */
export function tabsOf(state: State): Tab[] {
  if (state.workspace !== 'run') return [];
  const { columns } = state.size;
  const round = currentRound(state);
  const working = round === null ? null : screenOf[round.stage];
  const keys = keyTable(state.definitions).find(({ id }) => id === 'go')?.keys ?? [];
  const shown = screens.filter(
    (screen) => screen !== 'engine' || screen === state.screen || columns < wide || columns >= wider,
  );
  const texts = shown.map((screen) => {
    const named = screen === state.screen || columns >= wide;
    const title = `${signOf(keys[screens.indexOf(screen)])}${named ? ` ${screenTitles[screen]}` : ''}${screen === working ? '•' : ''}`;
    return screen === state.screen ? `[${title}]` : ` ${title} `;
  });
  let x = columns - texts.reduce((sum, text) => sum + widthOf(text), 0);
  return texts.map((text, i) => {
    const tab = { screen: shown[i], text, x };
    x += widthOf(text);
    return tab;
  });
}

export function tabAt(state: State, x: number): Screen | null {
  return tabsOf(state).find((tab) => x >= tab.x && x < tab.x + widthOf(tab.text))?.screen ?? null;
}

export interface Hint {
  key: TableKey;
  sign: string;
  label: string;
  /** The column that it begins in. */
  x: number;
}

/** Columns between a sign and its label, and after the label. */
const [beforeLabel, afterLabel] = [1, 2];

const widthOfHint = ({ sign, label }: Pick<Hint, 'sign' | 'label'>): number =>
  widthOf(sign) + beforeLabel + widthOf(label) + afterLabel;

/** The keys that do something here and now, as many as fit; help and detach always do. */
export function footerHints(state: State): Hint[] {
  const hints = activeKeys(state)
    .filter(({ label, keys }) => label !== '' && keys.length > 0)
    .map((key) => ({ key, sign: key.sign ?? signOf(key.keys[0]), label: key.label }));
  const isLast = ({ key: { id } }: { key: TableKey }): boolean =>
    id === 'help' || id === 'detach' || id.startsWith('quit');
  const last = hints.filter(isLast);
  let room = state.size.columns - last.reduce((sum, hint) => sum + widthOfHint(hint), 0);
  const first = hints.filter((hint) => !isLast(hint) && (room -= widthOfHint(hint)) >= 0);
  let x = 0;
  return [...first, ...last].map((hint) => {
    const placed = { ...hint, x };
    x += widthOfHint(hint);
    return placed;
  });
}

/** The action and key that a click in the footer stands for: of a sign for several keys, such as `←→`, the one it hits. */
export function hintAt(state: State, x: number): { action: TableKey; key: string } | null {
  const hint = footerHints(state).find((one) => x >= one.x && x < one.x + widthOfHint(one) - afterLabel);
  if (hint === undefined) return null;
  const part = hint.key.sign === undefined ? undefined : [...hint.sign][x - hint.x];
  const key = part === undefined ? hint.key.keys[0] : keyOfSign(part);
  const action = meaningOf(key, state);
  return action === null ? { action: hint.key, key: hint.key.keys[0] } : { action, key };
}
