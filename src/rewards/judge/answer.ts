/**
 * Reads a judge's answer: the better response (A or B) or a grade (1 to 10), as a probability or an expected value if
 * the server gives the log-probabilities of the deciding token's alternatives. Pure.
 *
 * The text decides whether there is an answer at all; log-probabilities only refine it. An alternative that is not
 * listed counts as impossible: of the 20 likeliest, its probability is at most a twentieth.
 */
import { z } from 'zod';
import type { Question } from './prompts.js';

const alternativeSchema = z.object({ token: z.string(), logprob: z.number() });
const tokensSchema = z.array(alternativeSchema.extend({ top_logprobs: z.array(alternativeSchema).nullish() }));

/** The part of a chat completion that is read. */
const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
        logprobs: z.object({ content: z.unknown() }).nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) }).nullish(),
});

interface Token {
  text: string;
  /** The likeliest tokens here, this one included, with their probabilities. */
  alternatives: { text: string; probability: number }[];
}

/** `value`: the probability that the first response is better, 0…1, or a grade, 1…10. `soft`: from log-probabilities. */
export type Judgement = { kind: 'usable'; value: number; soft: boolean } | { kind: 'refusal' | 'unparsable' };

export interface Answer {
  judgement: Judgement;
  /** The judge's words. */
  text: string;
  /** It reached `max_tokens`. */
  cut: boolean;
  /** The server gave log-probabilities. */
  listed: boolean;
  /** null if the server does not count. */
  usage: { input: number; output: number } | null;
}

/** @throws ZodError if it is no chat completion */
export function readAnswer(question: Question, completion: unknown): Answer {
  const { choices, usage } = completionSchema.parse(completion);
  const [{ message, finish_reason, logprobs }] = choices;
  const text = message.content ?? '';
  const refusal = message.refusal ?? '';
  const tokens = tokensOf(logprobs?.content);
  return {
    judgement:
      refusal !== '' || finish_reason === 'content_filter' ? { kind: 'refusal' } : judgementOf(question, text, tokens),
    text: text === '' ? refusal : text,
    cut: finish_reason === 'length',
    listed: tokens.length > 0,
    usage: usage == null ? null : { input: usage.prompt_tokens, output: usage.completion_tokens },
  };
}

/** Empty if there are none, or none that can be read. */
function tokensOf(content: unknown): Token[] {
  const { data } = tokensSchema.safeParse(content);
  return (data ?? []).map(({ token, logprob, top_logprobs }) => {
    const listed = top_logprobs ?? [];
    const all = listed.some((other) => other.token === token) ? listed : [...listed, { token, logprob }];
    return {
      text: token,
      alternatives: all.map((each) => ({ text: each.token, probability: Math.exp(Math.min(0, each.logprob)) })),
    };
  });
}

const refusals = /^\W*(?:I['’]m sorry|I am sorry|Sorry|I can(?:['’]t|not)|I am unable|I['’]m unable|As an AI)\b/i;

function judgementOf(question: Question, text: string, tokens: readonly Token[]): Judgement {
  const judgement = question === 'compare' ? comparison(text, tokens) : grade(text, tokens);
  return judgement ?? { kind: refusals.test(text) ? 'refusal' : 'unparsable' };
}

// The better response. Patterns begin at the text's start: searching from every character takes quadratic time.

/** Signs around a letter or a number: **A**, (B)., "A". */
const around = String.raw`[\s"'“”*_\`()\[\]{}<>#:.,]*`;
const named = '(?:final |better )?(?:answer|verdict|choice|response|option|assistant|winner)';
const choices = [
  /** MT-Bench's marks, where reasoning comes first: the last one counts. */
  /^.*\[\[(A|B|C|tie)\]\]/dis,
  /** "A", "Response B", "Answer: A", "The better response is B.", "Response A is better." */
  new RegExp(
    `^${around}(?:(?:the )?${named}(?: is)?${around}(?:${named}${around})?)?(A|B|tie)(?: is (?:the )?(?:better|best)(?: (?:one|response|answer))?)?${around}$`,
    'di',
  ),
  /** "A", then an explanation. */
  /^[\s"'*_`([]*([AB])["'*_`)\]]*(?:[.:)]\s|\s*\n)/d,
];

function comparison(text: string, tokens: readonly Token[]): Judgement | null {
  const found = find(text, choices);
  if (found === null) return null;
  const letter = found.text.toUpperCase();
  if (letter !== 'A' && letter !== 'B') return { kind: 'usable', value: 0.5, soft: false };
  const hard: Judgement = { kind: 'usable', value: letter === 'A' ? 1 : 0, soft: false };
  const at = tokenAt(text, tokens, found.at);
  if (at === null || bare(tokens[at].text).toUpperCase() !== letter) return hard;
  const mass = { A: 0, B: 0 };
  for (const { text: other, probability } of tokens[at].alternatives) {
    const name = bare(other);
    if (name === 'A' || name === 'B') mass[name] += probability;
  }
  const all = mass.A + mass.B;
  return all > 0 ? { kind: 'usable', value: mass.A / all, soft: true } : hard;
}

// A grade.

const number = String.raw`(\d{1,3}(?:\.\d+)?)(?:\s*(?:/|out of)\s*10)?`;
const gradeName = '(?:the )?(?:final |overall )?(?:grade|rating|score|mark)(?: is| of)?';
const grades = [
  /^.*\[\[(\d{1,3}(?:\.\d+)?)(?:\/10)?\]\]/ds,
  new RegExp(`^${around}(?:${gradeName}${around})?${number}${around}$`, 'di'),
  new RegExp(`^[\\s"'*_\`([]*${number}["'*_\`)\\]]*(?:[.:)]\\s|\\s*\\n)`, 'd'),
];

function grade(text: string, tokens: readonly Token[]): Judgement | null {
  const found = find(text, grades);
  if (found === null) return null;
  const value = Number(found.text);
  if (value < 1 || value > 10) return null;
  const at = tokenAt(text, tokens, found.at);
  const expected = at === null ? null : expectedGrade(found.text, tokens[at], tokens.at(at + 1));
  return expected === null ? { kind: 'usable', value, soft: false } : { kind: 'usable', value: expected, soft: true };
}

/**
 * Σ g·P(g) over the grades among the alternatives of the deciding token. Where a tokenizer writes 10 as 1 and 0, the
 * alternative "1" may begin either: the next token tells if "1" was written; else its share is left out.
 */
function expectedGrade(written: string, token: Token, next: Token | undefined): number | null {
  const own = bare(token.text);
  const inDigits = written === '10' && own === '1';
  if (own !== written && !inDigits) return null;
  const mass = new Float64Array(11);
  for (const { text, probability } of token.alternatives)
    if (/^(?:[1-9]|10)$/.test(bare(text))) mass[Number(bare(text))] += probability;
  if (mass[10] === 0) {
    const ones = mass[1];
    // The share of "1" that a "0" follows.
    const zero = (next?.alternatives ?? []).reduce(
      (sum, { text, probability }) => (/^0(?!\d)/.test(text) ? sum + probability : sum),
      0,
    );
    mass[10] = own === '1' ? ones * Math.min(1, zero) : 0;
    mass[1] = own === '1' ? ones - mass[10] : 0;
  }
  const all = mass.reduce((a, b) => a + b, 0);
  return all > 0 ? mass.reduce((sum, share, value) => sum + value * share, 0) / all : null;
}

// Where something stands.

/** The first pattern's group, in the whole text or else in its last line. */
function find(text: string, patterns: readonly RegExp[]): { text: string; at: number } | null {
  const trimmed = text.trimEnd();
  const lastLine = trimmed.lastIndexOf('\n') + 1;
  for (const pattern of patterns)
    for (const start of new Set([0, lastLine])) {
      const at = pattern.exec(trimmed.slice(start))?.indices?.[1];
      if (at !== undefined) return { text: trimmed.slice(start + at[0], start + at[1]), at: start + at[0] };
    }
  return null;
}

/** Index of the token that holds a character of the text; null if the tokens do not spell the text. */
function tokenAt(text: string, tokens: readonly Token[], character: number): number | null {
  // Reasoning comes before the text, and marks of turns may surround it.
  const start = tokens
    .map((token) => token.text)
    .join('')
    .lastIndexOf(text);
  if (start < 0) return null;
  let end = 0;
  for (const [i, token] of tokens.entries()) {
    end += token.text.length;
    if (end > start + character) return i;
  }
  return null;
}

/** A token without the signs and spaces around it; tokenizers join them, as in " A" and "[[B". */
const bare = (token: string): string =>
  token.length > longestToken ? '' : token.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');

/** Characters of a token that may hold a letter or a grade. */
const longestToken = 64;
