/**
 * Questions and answers in the formats of public evaluations: AlpacaEval's `model_outputs.json`, Arena-Hard v2's
 * `model_answer/MODEL.jsonl` and MT-Bench's `model_answer/MODEL.jsonl` (FastChat, `fastchat/llm_judge`). Pure: reading
 * and writing are in io/publicEvaluations.ts.
 */
import { createHash } from 'node:crypto';
import { UserError } from './errors.js';
import { type MarkdownCounts, markdownCounts } from './styleControl.js';
import type { Message, Prompt } from './rows.js';

export const answerFormats = ['jsonl', 'alpaca-eval', 'arena-hard', 'mt-bench'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** A prompt with what its evaluation knows it by. */
export interface Question {
  /** `FILE:LINE`, for errors. */
  where: string;
  /** The first turn. */
  prompt?: Prompt;
  prompt_ids?: number[];
  /** MT-Bench: the user's messages, one after the other. At least one. */
  turns?: string[];
  /** AlpacaEval: the subset that the instruction comes from. */
  dataset?: string;
  /** Arena-Hard. */
  uid?: string;
  /** MT-Bench. */
  question_id?: number | string;
}

/** The question's first message as text. @throws UserError if it has another form */
function instruction({ prompt, where }: Question, format: AnswerFormat): string {
  if (typeof prompt === 'string') return prompt;
  if (prompt?.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  throw new UserError(
    `${where}: the format ${format} holds one user message per question, and this prompt has ${prompt === undefined ? 'token ids only' : 'several messages or another role'}; give a text prompt, or write --format jsonl`,
  );
}

/** @throws UserError that names the first question that the format cannot hold */
export function checkQuestions(questions: readonly Question[], format: AnswerFormat): void {
  const seen = new Map<string, string>();
  for (const question of questions) {
    const { where, turns } = question;
    if (format !== 'mt-bench' && turns !== undefined && turns.length > 1)
      throw new UserError(`${where} has ${turns.length} turns, which only --format mt-bench answers`);
    if (format === 'jsonl') continue;
    instruction(question, format);
    if (format === 'alpaca-eval') continue;
    const key = format === 'arena-hard' ? 'uid' : 'question_id';
    const id = question[key];
    if (id === undefined)
      throw new UserError(`${where} has no "${key}", by which ${format} knows its questions; read its question.jsonl`);
    const earlier = seen.get(String(id));
    if (earlier !== undefined)
      throw new UserError(`${where} has the same "${key}" as ${earlier}; remove one of the two`);
    seen.set(String(id), where);
  }
}

export interface AlpacaOutput {
  instruction: string;
  output: string;
  generator: string;
  dataset: string;
}

export function alpacaOutput(question: Question, output: string, generator: string): AlpacaOutput {
  return { instruction: instruction(question, 'alpaca-eval'), output, generator, dataset: question.dataset ?? '' };
}

export interface ArenaHardMetadata extends MarkdownCounts {
  /** Tokens of the whole answer. */
  token_len: number;
}

/**
 * @param tokens the answer's length in tokens of the tokenizer `counter`; Arena-Hard itself counts with GPT-4o's
 * @param seconds since 1970
 */
export function arenaHardAnswer(
  question: Question,
  answer: string,
  model: string,
  tokens: number,
  counter: string,
  seconds: number,
) {
  const prompt = instruction(question, 'arena-hard');
  // Arena-Hard's style features are the sums of all keys here, in this order, so no key may be added.
  const metadata: ArenaHardMetadata = { token_len: tokens, ...markdownCounts(answer) };
  return {
    uid: question.uid as string,
    ans_id: answerId(model, String(question.uid), answer),
    model,
    messages: [
      { role: 'user', content: prompt },
      { role: 'assistant', content: { answer } },
    ],
    tstamp: seconds,
    metadata,
    token_len_by: counter,
  };
}

/** @param turns the model's answers, one per turn */
export function mtBenchAnswer(question: Question, turns: string[], model: string, seconds: number) {
  return {
    question_id: question.question_id as number | string,
    answer_id: answerId(model, String(question.question_id), ...turns),
    model_id: model,
    choices: [{ index: 0, turns }],
    tstamp: seconds,
  };
}

/** An id like those of shortuuid, which depends on the answer only. */
const answerId = (...parts: string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('base64url').replace(/[-_]/g, '').slice(0, 22);

/** The messages before turn `turn`: earlier turns with the model's answers, and the user's next message. */
export function conversation(question: Question, turn: number, answers: readonly string[]): Prompt {
  const turns = question.turns as string[];
  if (turn === 0) return turns[0];
  const earlier = answers.slice(0, turn).flatMap((content, t): Message[] => [
    { role: 'user', content: turns[t] },
    { role: 'assistant', content },
  ]);
  return [...earlier, { role: 'user', content: turns[turn] }];
}
