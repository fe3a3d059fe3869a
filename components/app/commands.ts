/** The command palette: everything the keys do, found by the name of a command, an alias or words of its description. */
import { type TableKey, activeKeys, keysOf } from './keys.js';
import { type HelpGroup, type Screen, type State, helpGroups, screenTitles, screens } from './state.js';

export interface PaletteEntry {
  key: TableKey;
  /** Which of the key's names it stands for: `go` has one entry per screen. */
  name: string;
  command: string;
  text: string;
  /** The screen that it is done on; null: the one that is open. */
  screen: Screen | null;
  /** Whether it does something now. */
  available: boolean;
  /** What it is for, as the help has it. */
  group: string;
}

/** Nobody goes to another screen to move its selection. */
const movements = /^(up|down|first|last|top|newest|oldest|better|worse|page-.*|scroll-.*|next-.*|previous-.*)$/;

/** Selecting with a key is quicker than by a command. */
const groupsInOrder = [
  ...Object.values(helpGroups).filter((title) => title !== helpGroups.moving),
  helpGroups.moving,
] as string[];
const elsewhere = 'Other screens';

/** The part of the help that an action belongs to. */
export const groupOf = ({ group, owner }: TableKey): HelpGroup => group ?? (owner === 'run' ? 'run' : 'screen');

/**
 * Commands that match, best first; without text by purpose; of equal matches those that can be given now, then those of the open screen. Commands
 * without effect at the moment are found by what was typed, never listed unasked.
 */
export function paletteEntries(state: State, typed: string): PaletteEntry[] {
  const ranked = allEntries({ ...state, modal: null }).flatMap((entry) => {
    const place = groupsInOrder.indexOf(entry.group);
    const unasked = entry.available ? (place < 0 ? groupsInOrder.length : place) : null;
    const rank = typed.trim() === '' ? unasked : matchRank(typed, wordsOf(entry));
    return rank === null ? [] : [{ entry, rank }];
  });
  return ranked
    .sort((a, b) => a.rank - b.rank || Number(b.entry.available) - Number(a.entry.available))
    .map(({ entry }) => entry);
}

function allEntries(state: State): PaletteEntry[] {
  const active = activeKeys(state);
  const idle = keysOf(state, state.screen).filter((key) => isIdle(state, key, active));
  const here = [
    ...active.flatMap((key) => entriesOf(key, null, true)),
    ...idle.flatMap((key) => entriesOf(key, null, false)),
  ];
  if (state.workspace !== 'run') return here;
  const known = new Set([...active, ...idle]);
  const onOthers = screens
    .filter((screen) => screen !== state.screen)
    .flatMap((screen) =>
      keysOf(state, screen)
        .filter((key) => !known.has(key) && !movements.test(commandOf(key)))
        .flatMap((key) => entriesOf(key, screen, key.when === undefined || key.when({ ...state, screen }))),
    );
  return [...here, ...onePerKey(onOthers)];
}

/** It may work later. Of two keys with one command, such as start-run and start-now, the active one stands for both. */
function isIdle(state: State, key: TableKey, active: readonly TableKey[]): boolean {
  if (active.some((one) => one === key || commandOf(one) === commandOf(key))) return false;
  return state.workspace === 'file' ? key.owner !== 'run' && key.only !== 'run' : key.only !== 'file';
}

/** A key that works on several other screens is offered on the first where it has an effect. */
function onePerKey(entries: readonly PaletteEntry[]): PaletteEntry[] {
  const first = new Map<TableKey, PaletteEntry>();
  for (const entry of entries) {
    const found = first.get(entry.key);
    if (found === undefined || (entry.available && !found.available)) first.set(entry.key, entry);
  }
  return [...first.values()];
}

export const commandOf = ({ id, command }: TableKey): string => command ?? id;

function entriesOf(key: TableKey, screen: Screen | null, available: boolean): PaletteEntry[] {
  if (key.id === 'palette') return [];
  if (key.id === 'go')
    return screens.map((target, i) => ({
      key,
      name: key.keys[i],
      command: `go-${target}`,
      text: `go to ${screenTitles[target]}`,
      screen: null,
      available,
      group: helpGroups[groupOf(key)],
    }));
  const text = screen === null ? key.help : `${screenTitles[screen]}: ${key.help}`;
  const group = screen === null ? helpGroups[groupOf(key)] : elsewhere;
  return [{ key, name: key.keys.at(0) ?? '', command: commandOf(key), text, screen, available, group }];
}

export interface CommandWords {
  command: string;
  aliases: readonly string[];
  text: string;
}

function wordsOf({ key, command, text }: PaletteEntry): CommandWords {
  const aliases = key.id === 'go' ? [command.slice('go-'.length)] : (key.aliases ?? []);
  return { command, aliases: key.label === '' ? aliases : [...aliases, key.label], text };
}

/**
 * How well a command matches, 0 the best: its name, the start of its name, an alias, words of all these, words of the
 * description, then abbreviations and slips of the keyboard. null: unrelated.
 */
export function matchRank(typed: string, { command, aliases, text }: CommandWords): number | null {
  const wanted = plain(typed);
  const name = plain(command);
  const names = aliases.map(plain);
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (names.includes(wanted)) return 2;
  if (names.some((alias) => alias.startsWith(wanted))) return 3;
  const words = wanted.split(' ');
  const short = [name, ...names].join(' ').split(' ');
  const all = [...short, ...(plain(text).match(/[\p{L}\p{N}]+/gu) ?? [])];
  if (words.every((word) => short.some((one) => one.startsWith(word)))) return 4;
  if (words.every((word) => all.some((one) => one.startsWith(word)))) return 5;
  return words.every((word) => short.some((one) => one.startsWith(word) || abbreviates(word, one))) ? 6 : null;
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ')
    .trim();

/** `lnch` and `luanch` are meant for `launch`: most of its letters in order from the first, or two exchanged. */
function abbreviates(typed: string, word: string): boolean {
  if (typed.length < 3 || typed[0] !== word[0]) return false;
  if (typed.length * 2 > word.length && inOrder(typed, word)) return true;
  return [...typed].some((_, i) => typed.slice(0, i) + (typed[i + 1] ?? '') + typed[i] + typed.slice(i + 2) === word);
}

function inOrder(letters: string, word: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = word.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
