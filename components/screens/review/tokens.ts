/**
 * A response token by token, with the end of its prompt: which tokens are special, whether the turn ended, and how likely
 * each token is under the policy, under the reference, or under one compared with the other. Colours repeat what the
 * marks between the tokens say.
 */
import type { Queries, TokenSeen } from '../../../src/protocol/messages.js';
import { fixed, of, percent, signed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { cut, widthOf } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';

type Answer = Queries['read-tokens']['answer'];

/** What tokens are marked by: log π, log π_ref, or log π - log π_ref. */
export type TokenMeasure = 'policy' | 'reference' | 'ratio';
export const tokenMeasures: readonly TokenMeasure[] = ['policy', 'reference', 'ratio'];

export interface TokenCell {
  text: string;
  special: boolean;
  /** Part of the prompt. */
  prompt: boolean;
  /** The bar after the token. */
  mark: string;
  tone: Tone;
}
/** A line of tokens; `boundary` separates prompt and response. */
export type TokenLine = readonly TokenCell[] | 'boundary';

interface Step {
  /** Values up to this one, excluded, have the mark; of ratios values down to it. */
  below: number;
  mark: string;
  tone: Tone;
  name: string;
}

/** Log-probabilities, the least likely first. Marks grow with surprise. */
const likely: readonly Step[] = [
  { below: Math.log(0.01), mark: '█', tone: 'bad', name: '< 1 %' },
  { below: Math.log(0.1), mark: '▌', tone: 'warn', name: '1–10 %' },
  { below: Math.log(0.5), mark: '▎', tone: 'plain', name: '10–50 %' },
  { below: Infinity, mark: '│', tone: 'muted', name: '≥ 50 %' },
];

/** log π - log π_ref, the tokens that the policy has come to avoid first. */
const ratios: readonly Step[] = [
  { below: -1, mark: '▼', tone: 'second', name: '< -1' },
  { below: -0.1, mark: '-', tone: 'second', name: '-1 to -0.1' },
  { below: 0.1, mark: '│', tone: 'muted', name: '±0.1' },
  { below: 1, mark: '+', tone: 'first', name: '0.1 to 1' },
  { below: Infinity, mark: '▲', tone: 'first', name: '≥ 1' },
];

const stepsOf = (by: TokenMeasure): readonly Step[] => (by === 'ratio' ? ratios : likely);

const names: Record<TokenMeasure, string> = { policy: 'log π', reference: 'log π_ref', ratio: 'log π/π_ref' };

/** Values of the response's tokens; null: unknown. A policy that is its own reference has ratios of 0. */
export function valuesOf({ policy, reference }: Answer, by: TokenMeasure): readonly number[] | null {
  const compared = reference === 'policy' ? policy : reference;
  if (by === 'policy') return policy;
  if (by === 'reference') return compared;
  return policy === null || compared === null ? null : policy.map((value, i) => value - compared[i]);
}

/** The measures that tell tokens apart. */
export function knownMeasures(answer: Answer): TokenMeasure[] {
  if (answer.reference === 'policy') return answer.policy === null ? [] : ['policy'];
  return tokenMeasures.filter((by) => valuesOf(answer, by) !== null);
}

/** The wanted measure, or the first that is known; null: none. */
export function measureOf(answer: Answer, wanted: TokenMeasure): TokenMeasure | null {
  const known = knownMeasures(answer);
  return known.includes(wanted) ? wanted : (known[0] ?? null);
}

function stepOf(value: number, by: TokenMeasure): Step {
  const steps = stepsOf(by);
  return steps.find(({ below }) => value < below) ?? steps[steps.length - 1];
}

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

/** What the marks mean, with the mean and the sum of the values: pieces of a line. */
export function legendOf(answer: Answer, by: TokenMeasure): { text: string; tone: Tone }[] {
  const values = valuesOf(answer, by) ?? [];
  const show = by === 'ratio' ? signed : fixed;
  const ownReference = answer.reference === 'policy' ? '; the reference is the same model' : '';
  return [
    { text: `${names[by]} `, tone: 'title' },
    { text: `(mean ${show(mean(values), 2)}) `, tone: 'plain' },
    ...stepsOf(by).flatMap(({ mark, tone, name }): { text: string; tone: Tone }[] => [
      { text: ` ${mark}`, tone },
      { text: ` ${name} `, tone: 'plain' },
    ]),
    { text: `  sum ${show(sum(values), 1)} nats${ownReference}`, tone: 'muted' },
  ];
}

export interface NotableToken {
  /** From 1. */
  place: number;
  text: string;
  policy: number;
  /** NaN: unknown, or the same model. */
  ratio: number;
}

/** The tokens that stand out: the least likely ones, or those with the greatest difference from the reference. */
export function notableTokens(answer: Answer, by: TokenMeasure, most: number): NotableToken[] {
  const values = valuesOf(answer, by) ?? [];
  const ratio = answer.reference === 'policy' ? null : valuesOf(answer, 'ratio');
  const rank = by === 'ratio' ? (value: number) => -Math.abs(value) : (value: number) => value;
  return Array.from(values.keys())
    .sort((a, b) => rank(values[a]) - rank(values[b]) || a - b)
    .slice(0, most)
    .map((i) => ({
      place: i + 1,
      text: shownText(answer.response[i].text),
      policy: answer.policy?.[i] ?? NaN,
      ratio: ratio?.[i] ?? NaN,
    }));
}

/** The same in sentences, to be read aloud. */
export function likelihoodInWords(answer: Answer, wanted: TokenMeasure): string[] {
  const by = measureOf(answer, wanted);
  if (by === null) return ['Log-probabilities of the tokens are not known.'];
  const values = valuesOf(answer, by) ?? [];
  const notable = notableTokens(answer, by, 5).map(
    ({ place, text, policy, ratio }) =>
      `${text} at ${place}, ${percent(100 * Math.exp(policy))}${Number.isNaN(ratio) ? '' : `, ratio ${signed(ratio, 2)}`}`,
  );
  return [
    `Mean ${names[by]} ${fixed(mean(values), 2)} nats per token.`,
    `${by === 'ratio' ? 'Greatest differences' : 'Least likely'}: ${notable.join('; ')}.`,
  ];
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

function countSpecials(tokens: readonly TokenSeen[]): string {
  const counts = new Map<string, number>();
  for (const token of tokens) if (token.special) counts.set(nameOf(token), (counts.get(nameOf(token)) ?? 0) + 1);
  const told = [...counts].map(([name, count]) => `${count} × ${name}`);
  return told.length === 0 ? '' : `: ${told.join(', ')}`;
}

function nameOf({ text, id }: TokenSeen): string {
  return `${makeVisible(text).replace(/\n/g, '⏎')} (${id})`;
}

/** With spaces as dots and newlines as ⏎. */
const shownText = (text: string): string => makeVisible(text).replace(/\n/g, '⏎').replace(/ /g, '·');

const lines = new WeakMap<Answer, { key: string; lines: TokenLine[] }>();

/** As many tokens per line as fit, with a bar after each; spaces are shown as dots. */
export function tokenLines(answer: Answer, columns: number, wanted: TokenMeasure): TokenLine[] {
  const by = measureOf(answer, wanted);
  const key = `${columns} ${by}`;
  const found = lines.get(answer);
  if (found?.key === key) return found.lines;
  const values = by === null ? null : valuesOf(answer, by);
  const made = [
    ...flow(answer.prompt, columns, () => ({ mark: '│', tone: 'muted', prompt: true })),
    'boundary' as const,
    ...flow(answer.response, columns, (i) =>
      by === null || values === null
        ? { mark: '│', tone: 'plain', prompt: false }
        : { ...stepOf(values[i], by), prompt: false },
    ),
  ];
  lines.set(answer, { key, lines: made });
  return made;
}

function flow(
  tokens: readonly TokenSeen[],
  columns: number,
  look: (index: number) => Pick<TokenCell, 'mark' | 'tone' | 'prompt'>,
): TokenCell[][] {
  const out: TokenCell[][] = [];
  let used = Infinity;
  for (const [i, { text, special }] of tokens.entries()) {
    const shown = cut(shownText(text), columns - 3);
    const width = widthOf(shown) + 1 + (special ? 2 : 0);
    if (used + width > columns) {
      out.push([]);
      used = 0;
    }
    const { mark, tone, prompt } = look(i);
    out[out.length - 1].push({ text: shown, special, prompt, mark, tone });
    used += width;
    if (text.includes('\n')) used = Infinity;
  }
  return out;
}
