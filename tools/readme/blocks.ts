/**
 * The code blocks of a page in Markdown, and what `npm run readme` does with each. A block of `sh` is commands. An HTML
 * comment in the line before it says more:
 *
 *     <!-- skip: why it cannot run here -->
 *     <!-- screen: text that its screen shows -->   opens a screen; run in a terminal until it shows the text
 */
export type Plan = { kind: 'run' } | { kind: 'skip'; reason: string } | { kind: 'screen'; text: string };

export interface Block {
  language: string;
  /** Line of the opening fence, from 1. */
  line: number;
  /** Commands, continued lines joined; of `sh` alone. */
  commands: string[];
  plan: Plan;
}

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const language = /^```(\S*)/.exec(lines[i])?.[1];
    if (language === undefined) continue;
    const end = lines.findIndex((line, at) => at > i && line.startsWith('```'));
    if (end < 0) throw new Error(`line ${i + 1}: a code block has no end`);
    const commands = language === 'sh' ? commandsOf(lines.slice(i + 1, end)) : [];
    const plan = language === 'sh' ? planOf(lines[i - 1] ?? '', i) : { kind: 'skip' as const, reason: 'no commands' };
    blocks.push({ language, line: i + 1, commands, plan });
    i = end;
  }
  return blocks;
}

function planOf(before: string, line: number): Plan {
  const comment = /^<!--\s*(.*?)\s*-->$/.exec(before)?.[1];
  if (comment === undefined) return { kind: 'run' };
  const mark = /^(skip|screen):\s*(.+)$/.exec(comment);
  if (mark === null)
    throw new Error(`line ${line}: expected <!-- skip: REASON --> or <!-- screen: TEXT -->, got <!-- ${comment} -->`);
  return mark[1] === 'skip' ? { kind: 'skip', reason: mark[2] } : { kind: 'screen', text: mark[2] };
}

/** Lines that end in a backslash are continued; comments and empty lines are dropped. */
function commandsOf(lines: readonly string[]): string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of lines) {
    if (open === '' && /^\s*(#.*)?$/.test(line)) continue;
    open += line;
    if (line.endsWith('\\')) {
      open += '\n';
      continue;
    }
    commands.push(open);
    open = '';
  }
  if (open !== '') throw new Error(`the command ${open} ends in a backslash`);
  return commands;
}
