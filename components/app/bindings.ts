/**
 * Keys that a person has given to actions, by the actions' ids. They replace the keys of the definitions, so that input,
 * footer, help, palette and `brevity keys` all have them.
 */
import { isKeyName } from '../terminal/keys.js';
import { keyTable, signOf, type TableKey } from './keys.js';
import {
  type Definitions,
  type KeyScope,
  type ScopedAction,
  type Screen,
  type ScreenDefinition,
  allScreens,
  screenTitles,
} from './state.js';

export type Bindings = Readonly<Record<string, readonly string[]>>;

/** What is wrong with a binding: the action's id as it was written, and why. */
export interface BindingProblem {
  id: string;
  text: string;
}

/** Without a key for these nobody gets out of a text field, a question, the help or the terminal. */
const needed = [
  'close',
  'close-help',
  'no',
  'apply',
  'run-command',
  'palette',
  'help',
  'detach',
  'quit',
  'quit-list',
  'detach-now',
];
const textFields: readonly KeyScope[] = ['edit', 'palette'];
const placeNames: Partial<Record<KeyScope, string>> = {
  help: 'in the help',
  palette: 'in the command palette',
  edit: 'in a text field',
  confirm: 'in a question',
};

/** @param nearest the known id that was probably meant; null if none resembles it */
export function bindingProblems(
  definitions: Definitions,
  bindings: Bindings,
  nearest: (id: string, known: string[]) => string | null,
): BindingProblem[] {
  const table = keyTable(definitions);
  const ids = table.map(({ id }) => id);
  const problems = Object.entries(bindings).flatMap(([id, keys]): BindingProblem[] => {
    const action = table.find((one) => one.id === id);
    if (action === undefined) {
      const near = nearest(id, ids);
      const meant = near === null ? '`brevity keys` lists the names' : `did you mean ${near}?`;
      return [{ id, text: `there is no action ${JSON.stringify(id)}; ${meant}` }];
    }
    return keysProblems(action, keys).map((text) => ({ id, text }));
  });
  return problems.length > 0 ? problems : conflicts(definitions, bindings);
}

function keysProblems({ id, places, keys: usual }: TableKey, keys: readonly string[]): string[] {
  if (keys.length === 0 && needed.includes(id)) return [`${id} needs a key`];
  if (id === 'go' && keys.length !== usual.length) return [`go needs ${usual.length} keys, one for each screen`];
  return keys.flatMap((key) => {
    if (!isKeyName(key))
      return [
        `${JSON.stringify(key)} is no key that a terminal sends; expected a character such as "x", or a name such as "f5", "ctrl+x", "alt+x", "shift+up", "pagedown"`,
      ];
    const isCharacter = [...key].length === 1 || key === 'space';
    if (isCharacter && places.some((place) => textFields.includes(place)))
      return [`${JSON.stringify(key)} is typed into the text field; expected a key such as "ctrl+x", "alt+x" or "f5"`];
    return [];
  });
}

/** Two actions of one place may have one key only if they are known never to work at one time. */
function conflicts(definitions: Definitions, bindings: Bindings): BindingProblem[] {
  const exclusive = exclusiveActions(definitions);
  const table = keyTable(withBindings(definitions, bindings));
  return table.flatMap((a, i) =>
    table.slice(i + 1).flatMap((b): BindingProblem[] => {
      const place = a.places.find((one) => b.places.includes(one));
      const key = a.keys.find((one) => b.keys.includes(one));
      if (place === undefined || key === undefined || exclusive(a.id, b.id, place)) return [];
      const [own, other] = a.id in bindings ? [a, b] : [b, a];
      const where = placeNames[place] ?? `on the screen ${screenTitles[place as Screen]}`;
      const text = `${JSON.stringify(key)} is also the key of ${other.id} (${other.help}) ${where}; give one of them another key`;
      return [{ id: own.id, text }];
    }),
  );
}

/**
 * Two actions that share a key by default never work at one time, which tests check; neither do two others with the
 * same conditions.
 */
function exclusiveActions(definitions: Definitions): (a: string, b: string, place: KeyScope) => boolean {
  const conditions = new Map<string, unknown>(
    [
      ...definitions.first,
      ...definitions.last,
      ...allScreens.flatMap((screen) => definitions.screens[screen].actions),
    ].map(({ id, when }) => [id, when ?? id]),
  );
  const table = keyTable(definitions);
  const found = table.flatMap((a, i) =>
    table
      .slice(i + 1)
      .filter((b) => a.keys.some((key) => b.keys.includes(key)))
      .map((b) => ({ a, b, places: a.places.filter((place) => b.places.includes(place)) })),
  );
  return (a, b, place) => {
    const [of, other] = [conditions.get(a), conditions.get(b)];
    return found.some((pair) => {
      if (!pair.places.includes(place)) return false;
      const [one, two] = [conditions.get(pair.a.id), conditions.get(pair.b.id)];
      return (one === of && two === other) || (one === other && two === of);
    });
  };
}

/** The definitions with these keys. @param bindings without problems */
export function withBindings(definitions: Definitions, bindings: Bindings): Definitions {
  if (Object.keys(bindings).length === 0) return definitions;
  const lost = lostKeys(definitions, bindings);
  const bind = <A extends Keyed>(action: A, places: readonly KeyScope[]): A => bound(action, places, bindings, lost);
  const ofAll = (actions: readonly ScopedAction[]) => actions.map((action) => bind(action, action.places));
  const ofScreen = (screen: Screen): ScreenDefinition => {
    const definition = definitions.screens[screen];
    return { ...definition, actions: definition.actions.map((action) => bind(action, [screen])) };
  };
  return {
    screens: Object.fromEntries(allScreens.map((screen) => [screen, ofScreen(screen)])) as Definitions['screens'],
    first: ofAll(definitions.first),
    last: ofAll(definitions.last),
  };
}

/** The default keys that actions have lost, with the places where they have. */
function lostKeys(definitions: Definitions, bindings: Bindings): { key: string; places: readonly KeyScope[] }[] {
  return keyTable(definitions).flatMap(({ id, keys, places }) =>
    id in bindings ? keys.filter((key) => !bindings[id].includes(key)).map((key) => ({ key, places })) : [],
  );
}

/** An action of a screen or of several. */
interface Keyed {
  readonly id: string;
  readonly keys: readonly string[];
  readonly sign?: string;
  run(state: never, key: string): unknown;
}

function bound<A extends Keyed>(
  action: A,
  places: readonly KeyScope[],
  bindings: Bindings,
  lost: ReturnType<typeof lostKeys>,
): A {
  const { id, keys, sign } = action;
  const own = Object.hasOwn(bindings, id) ? bindings[id] : null;
  // A sign for several keys, such as ↑↓, no longer holds once one of them is gone.
  const holds = !lost.some(
    (one) => sign?.includes(signOf(one.key)) === true && one.places.some((place) => places.includes(place)),
  );
  if (own === null) return holds ? action : { ...action, sign: undefined };
  return {
    ...action,
    keys: own,
    sign: holds ? sign : undefined,
    // Some actions tell their keys apart: each stands for the default key in its place.
    run: (state: never, key: string) => action.run(state, keys.at(own.indexOf(key)) ?? keys[0]),
  };
}
