/** A response token by token, with the end of its prompt: which tokens are special, and whether the turn ended. */
import type { Queries, TokenSeen } from '../../../src/protocol/messages.js';
import { of } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { cut, widthOf } from '../../parts/text.js';

type Answer = Queries['read-tokens']['answer'];

export interface TokenCell {
  text: string;
  special: boolean;
  /** Part of the prompt. */
  prompt: boolean;
}
/** A line of tokens; `boundary` separates prompt and response. */
export type TokenLine = readonly TokenCell[] | 'boundary';

/** Two sentences: on the prompt's tokens, and on the response's. */
export function tokenFacts({ prompt_tokens, prompt, response }: Answer, truncated: boolean): string[] {
  const last = response.at(-1);
  const ended = last?.special === true;
  const end = ended
    ? `ends its turn with ${nameOf(last)}`
    : truncated
      ? 'no end of turn: it met the length limit'
      : 'no end of turn';
  const inner = response.slice(0, ended ? -1 : undefined).filter(({ special }) => special);
  return [
    `Prompt: ${of(prompt_tokens, 'token')}${countSpecials(prompt)}.${prompt.length < prompt_tokens ? ` The last ${prompt.length} are shown.` : ''}`,
    `Response: ${of(response.length, 'token')}, ${end}.${inner.length > 0 ? ` Special tokens within${countSpecials(inner)}.` : ''}`,
  ];
}

function countSpecials(tokens: readonly TokenSeen[]): string {
  const counts = new Map<string, number>();
  for (const token of tokens) if (token.special) counts.set(nameOf(token), (counts.get(nameOf(token)) ?? 0) + 1);
  const told = [...counts].map(([name, count]) => `${count} × ${name}`);
  return told.length === 0 ? '' : `: ${told.join(', ')}`;
}

function nameOf({ text, id }: TokenSeen): string {
  return `${makeVisible(text).replace(/\n/g, '⏎')} (${id})`;
}

const lines = new WeakMap<Answer, { columns: number; lines: TokenLine[] }>();

/** As many tokens per line as fit, with a bar after each; spaces are shown as dots. */
export function tokenLines(answer: Answer, columns: number): TokenLine[] {
  const found = lines.get(answer);
  if (found?.columns === columns) return found.lines;
  const made = [...flow(answer.prompt, true, columns), 'boundary' as const, ...flow(answer.response, false, columns)];
  lines.set(answer, { columns, lines: made });
  return made;
}

function flow(tokens: readonly TokenSeen[], prompt: boolean, columns: number): TokenCell[][] {
  const out: TokenCell[][] = [];
  let used = Infinity;
  for (const { text, special } of tokens) {
    const shown = cut(makeVisible(text).replace(/\n/g, '⏎').replace(/ /g, '·'), columns - 3);
    const width = widthOf(shown) + 1 + (special ? 2 : 0);
    if (used + width > columns) {
      out.push([]);
      used = 0;
    }
    out[out.length - 1].push({ text: shown, special, prompt });
    used += width;
    if (text.includes('\n')) used = Infinity;
  }
  return out;
}
