/** docs/keys.md, made from the key table (tools/keys.ts; a test compares). */
import { type TableKey, keyTable, signOf } from './keys.js';
import { type Definitions, type KeyScope, type ScreenDefinition, allScreens, screenTitles, screens } from './state.js';

const overlays: [KeyScope, string][] = [
  ['help', 'The list of keys'],
  ['palette', 'The command palette'],
  ['edit', 'A line being typed'],
  ['confirm', 'A question'],
];

export function keysDocument(definitions: Definitions): string {
  const table = keyTable(definitions);
  const everywhere = table.filter(({ places }) => allScreens.every((screen) => places.includes(screen)));
  const inRuns = table.filter(
    (key) => !everywhere.includes(key) && screens.every((screen) => key.places.includes(screen)),
  );
  const sections = [
    section('Every screen', everywhere),
    section('Every screen of a run', inRuns),
    ...allScreens.flatMap((screen) => [
      section(
        screenTitles[screen],
        table.filter((key) => key.places.includes(screen) && !everywhere.includes(key) && !inRuns.includes(key)),
      ),
      ...(definitions.screens[screen].notes ?? []).map(notes),
    ]),
    ...overlays.map(([place, title]) =>
      section(
        title,
        table.filter(({ places }) => places.includes(place)),
      ),
    ),
  ];
  return `# Keys

Made from the key table that also drives input, footer, help (\`?\`) and the command palette (\`:\`): \`npm run keys\`.

${sections.join('\n')}`;
}

function section(title: string, keys: readonly TableKey[]): string {
  if (keys.length === 0) return '';
  const rows = keys.map(
    ({ keys: names, help }) => `| ${names.map((name) => `\`${signOf(name)}\``).join(' ')} | ${help} |`,
  );
  return `## ${title}\n\n| key | what it does |\n|---|---|\n${rows.join('\n')}\n`;
}

/** A vertical bar within a table's cell must be escaped, in code too. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function notes({ title, rows }: NonNullable<ScreenDefinition['notes']>[number]): string {
  const lines = rows.map(([typed, meaning]) => `| \`${cell(typed)}\` | ${cell(meaning)} |`);
  return `### ${title}\n\n| typed | what it finds |\n|---|---|\n${lines.join('\n')}\n`;
}
