/** docs/keys.md, made from the key table (tools/keys.ts; a test compares). */
import { type TableKey, keyTable, signOf } from './keys.js';
import {
  type Definitions,
  type KeyScope,
  type Screen,
  type ScreenDefinition,
  allScreens,
  screenTitles,
  screens,
} from './state.js';

const overlays: [KeyScope, string][] = [
  ['help', 'The list of keys'],
  ['palette', 'The command palette'],
  ['edit', 'A line being typed'],
  ['confirm', 'A question'],
];

/** All actions by where they work; each is listed once. */
export function keyRows(
  definitions: Definitions,
): { title: string; screen: Screen | null; rows: readonly TableKey[] }[] {
  const table = keyTable(definitions);
  const everywhere = table.filter(({ places }) => allScreens.every((screen) => places.includes(screen)));
  const inRuns = table.filter(
    (key) => !everywhere.includes(key) && screens.every((screen) => key.places.includes(screen)),
  );
  return [
    { title: 'Every screen', screen: null, rows: everywhere },
    { title: 'Every screen of a run', screen: null, rows: inRuns },
    ...allScreens.map((screen) => ({
      title: screenTitles[screen],
      screen,
      rows: table.filter((key) => key.places.includes(screen) && !everywhere.includes(key) && !inRuns.includes(key)),
    })),
    ...overlays.map(([place, title]) => ({
      title,
      screen: null,
      rows: table.filter(({ places }) => places.includes(place)),
    })),
  ].filter(({ rows }) => rows.length > 0);
}

export function keysDocument(definitions: Definitions): string {
  const sections = keyRows(definitions).flatMap(({ title, screen, rows }) => [
    section(title, rows),
    ...(screen === null ? [] : (definitions.screens[screen].notes ?? []).map(notes)),
  ]);
  return `# Keys

Made from the key table that also drives input, footer, help (\`?\`) and the command palette (\`:\`): \`npm run keys\`. The name of an action is what [keys.json](terminal.md#your-own-keys) calls it.

${sections.join('\n')}`;
}

function section(title: string, keys: readonly TableKey[]): string {
  const rows = keys.map(
    ({ id, keys: names, help }) => `| ${names.map((name) => `\`${signOf(name)}\``).join(' ')} | ${help} | ${id} |`,
  );
  return `## ${title}\n\n| key | what it does | name |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** A vertical bar within a table's cell must be escaped, in code too. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function notes({ title, rows }: NonNullable<ScreenDefinition['notes']>[number]): string {
  const lines = rows.map(([typed, meaning]) => `| \`${cell(typed)}\` | ${cell(meaning)} |`);
  return `### ${title}\n\n| typed | what it finds |\n|---|---|\n${lines.join('\n')}\n`;
}
