/**
 * Reads what public evaluations exchange: their questions, and the judgments of AlpacaEval 2 (`annotations.json`) and
 * Arena-Hard v2 (`model_judgment/JUDGE/MODEL.jsonl`) with the answers that they judge. Judgments of other answers are
 * refused, because every number from them would be wrong.
 */
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import type { Question } from '../core/publicAnswers.js';
import type { MarkdownCounts } from '../core/styleControl.js';
import type { PreferenceRow } from '../core/winRate.js';
import { plainText } from '../core/sanitize.js';
import { readTextFile } from './files.js';
import { parseLine, parseRow, readJsonLines } from './jsonl.js';
import { promptEntrySchema } from './prompts.js';

interface Located<T> {
  row: T;
  /** `FILE:LINE`, or `FILE, entry 3` of an array. */
  where: string;
}

/** The entries of a JSON array or of JSON lines, whichever the text is. @throws UserError that names the place */
function entriesOf<T>(text: string, name: string, schema: z.ZodType<T>): Located<T>[] {
  if (!text.trimStart().startsWith('['))
    return text.split('\n').flatMap((line, i) => {
      if (line.trim() === '') return [];
      const where = `${name}:${i + 1}`;
      return [{ row: parseRow(parseLine(line, where), schema, where), where }];
    });
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UserError(`${name} is not JSON (${messageOf(cause)}); write it again`, { cause });
  }
  return (value as unknown[]).map((entry, i) => {
    const where = `${name}, entry ${i + 1}`;
    return { row: parseRow(entry, schema, where), where };
  });
}

function filledEntries<T>(text: string, name: string, schema: z.ZodType<T>): Located<T>[] {
  const entries = entriesOf(text, name, schema);
  if (entries.length === 0) throw new UserError(`${name} is empty; expected JSON lines or a JSON array`);
  return entries;
}

// Questions.

const id = z.union([z.string().min(1), z.number()]);
const questionSchema = z.looseObject({
  prompt: z.unknown().optional(),
  prompt_ids: z.unknown().optional(),
  instruction: z.string().optional(),
  turns: z.array(z.string()).min(1, 'turns is empty; expected the messages of the user').optional(),
  dataset: z.string().optional(),
  uid: id.optional(),
  question_id: id.optional(),
});

/**
 * Questions in any of the forms that Brevity and the evaluations have: rows with "prompt" or "prompt_ids", AlpacaEval's
 * "instruction", Arena-Hard's "uid" and "prompt", MT-Bench's "question_id" and "turns".
 *
 * @param name of the file, for errors
 * @throws UserError that names file and line of an unusable question
 */
export function parseQuestions(text: string, name: string): Question[] {
  return filledEntries(text, name, questionSchema).map(({ row, where }) => {
    const { turns, dataset, uid, question_id } = row;
    const prompt = row.prompt ?? row.instruction ?? turns?.[0];
    const entry = parseRow(
      {
        ...(prompt === undefined ? {} : { prompt }),
        ...(row.prompt_ids === undefined ? {} : { prompt_ids: row.prompt_ids }),
      },
      promptEntrySchema,
      where,
    );
    const blank = turns?.findIndex((turn) => turn.trim() === '') ?? -1;
    if (blank >= 0) throw new UserError(`${where}: turn ${blank + 1} is empty; remove the line or write one`);
    return {
      where,
      prompt: entry.prompt,
      prompt_ids: entry.prompt_ids,
      turns,
      dataset,
      uid: uid === undefined ? undefined : String(uid),
      question_id,
    };
  });
}

// Judgments of other answers.

/** Collects judgments that do not belong to the answers. */
class Mismatches {
  private first: string | null = null;
  private count = 0;

  add(problem: string): void {
    this.first ??= problem;
    this.count++;
  }

  /** @throws UserError that names the first one and how many there are */
  refuse(judgments: number, advice: string): void {
    if (this.first === null) return;
    throw new UserError(
      `${this.first}; ${this.count} of ${judgments} judgments ${this.count === 1 ? 'belongs' : 'belong'} to other answers; ${advice}`,
    );
  }
}

function excerpt(text: string): string {
  const clean = plainText(text).replace(/\s+/g, ' ').trim();
  return clean.length > 60 ? `"${clean.slice(0, 60)}…"` : `"${clean}"`;
}

// AlpacaEval 2.

const annotationText = z.string("expected a text, as in alpaca_eval's annotations.json");
const annotationSchema = z.looseObject({
  instruction: annotationText,
  output_1: annotationText,
  output_2: annotationText,
  generator_1: z.string().optional(),
  generator_2: z.string().optional(),
  /** 1: the baseline's output is better, 2: the model's; 0 and 1.5 are draws. null: the judge gave no answer. */
  preference: z
    .number()
    .nullable()
    .refine((value) => value === null || value === 0 || (value >= 1 && value <= 2), 'expected a number from 1 to 2'),
});
const outputText = z.string("expected a text, as in alpaca_eval's model_outputs.json");
const outputSchema = z.looseObject({ instruction: outputText, output: outputText, generator: z.string().optional() });

export interface JudgedOutputs {
  rows: PreferenceRow[];
  model: string;
  baseline: string;
  /** Annotations without a preference; they are left out. */
  unjudged: number;
  /** Outputs that no annotation judges. */
  missing: number;
}

/**
 * Reads AlpacaEval's annotations. Lengths are in characters (code points, as Python counts), as its length-controlled
 * win rate has them.
 *
 * @param files `outputs`, `baseline`: the outputs that must have been judged; `difficulties`: see readDifficulties
 * @throws UserError if annotations belong to other outputs or to several models
 */
export function readAnnotations(
  file: string,
  files: { outputs?: string; baseline?: string; difficulties?: string } = {},
): JudgedOutputs {
  const annotations = filledEntries(readTextFile(file), file, annotationSchema);
  const model = onlyOne(annotations, 'generator_2', file);
  const baseline = onlyOne(annotations, 'generator_1', file);
  const sides = [
    { key: 'output_2', outputs: files.outputs },
    { key: 'output_1', outputs: files.baseline },
  ] as const;
  let missing = 0;
  for (const { key, outputs } of sides) {
    if (outputs === undefined) continue;
    const left = matchOutputs(annotations, key, outputs);
    if (key === 'output_2') missing = left;
  }
  const difficulties = files.difficulties === undefined ? null : readDifficulties(files.difficulties);
  if (difficulties !== null && difficulties.length !== annotations.length)
    throw new UserError(
      `${files.difficulties} holds ${difficulties.length} difficulties and ${file} ${annotations.length} annotations; difficulties belong to positions in the whole set, so give annotations of all of it`,
    );
  const judged = annotations.map(({ row }, i) => ({ row, difficulty: difficulties?.[i] }));
  const rows = judged.flatMap(({ row: { preference, output_1, output_2 }, difficulty }): PreferenceRow[] =>
    preference === null
      ? []
      : [
          {
            preference: preference === 0 ? 0.5 : preference - 1,
            length_model: characters(output_2),
            length_baseline: characters(output_1),
            ...(difficulty === undefined ? {} : { difficulty }),
          },
        ],
  );
  if (rows.length === 0)
    throw new UserError(`${file} has no annotation with a preference; expected numbers from 1 to 2`);
  return { rows, model, baseline, unjudged: annotations.length - rows.length, missing };
}

/** Python's len: code points, where JavaScript's length counts some characters twice. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

type Annotation = z.infer<typeof annotationSchema>;

function onlyOne(annotations: Located<Annotation>[], key: 'generator_1' | 'generator_2', file: string): string {
  const names = [...new Set(annotations.map(({ row }) => row[key] ?? ''))];
  if (names.length === 1) return names[0];
  throw new UserError(
    `${file} holds annotations of several models in "${key}" (${names.slice(0, 3).map(excerpt).join(', ')}); give the annotations of one model against one baseline`,
  );
}

/** @returns number of outputs without an annotation. @throws UserError if annotations judge other outputs */
function matchOutputs(annotations: Located<Annotation>[], key: 'output_1' | 'output_2', file: string): number {
  // An instruction may occur more than once, each time with its own output.
  const left = new Map<string, string[]>();
  const outputs = filledEntries(readTextFile(file), file, outputSchema);
  for (const { row } of outputs) left.set(row.instruction, [...(left.get(row.instruction) ?? []), row.output]);
  const mismatches = new Mismatches();
  let matched = 0;
  for (const { row, where } of annotations) {
    const own = left.get(row.instruction);
    if (own === undefined) {
      mismatches.add(`${where} judges the instruction ${excerpt(row.instruction)}, which ${file} does not have`);
      continue;
    }
    const at = own.indexOf(row[key]);
    if (at < 0) {
      const there = own.length === 0 ? 'nothing more' : excerpt(own[0]);
      mismatches.add(
        `${where} judges the output ${excerpt(row[key])} (${key}) to ${excerpt(row.instruction)}, and ${file} has ${there}`,
      );
      continue;
    }
    own.splice(at, 1);
    matched++;
  }
  mismatches.refuse(annotations.length, `annotate the outputs of ${file}, or give the file that was annotated`);
  return outputs.length - matched;
}

/**
 * AlpacaEval's difficulties of instructions, in the set's order: `instruction_difficulty.csv` of its data set, whose
 * column "instruction_difficulty" is read.
 *
 * @throws UserError that names the line
 */
export function readDifficulties(file: string): number[] {
  const lines = readTextFile(file)
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const column = lines[0].findIndex((name) => name.trim().replace(/^"|"$/g, '') === 'instruction_difficulty');
  if (column < 0)
    throw new UserError(
      `${file}:1 has no column "instruction_difficulty"; expected AlpacaEval's CSV file of that name`,
    );
  return lines.slice(1).flatMap((cells, i) => {
    if (cells.every((cell) => cell.trim() === '')) return [];
    const cell = cells.at(column)?.trim() ?? '';
    const value = Number(cell);
    if (cell === '' || !Number.isFinite(value))
      throw new UserError(`${file}:${i + 2} has the difficulty ${excerpt(cell)}; expected a number`);
    return [value];
  });
}

// Arena-Hard v2.

const games = {
  'A>>B': { wins: 1, battles: 3 },
  'A>B': { wins: 1, battles: 1 },
  'A=B': { wins: 0.5, battles: 1 },
  'A<B': { wins: 0, battles: 1 },
  'A<<B': { wins: 0, battles: 3 },
  'B>>A': { wins: 0, battles: 3 },
  'B>A': { wins: 0, battles: 1 },
  'B=A': { wins: 0.5, battles: 1 },
  'B<A': { wins: 1, battles: 1 },
  'B<<A': { wins: 1, battles: 3 },
} as const;
type Verdict = keyof typeof games;

const gameSchema = z
  .looseObject({
    score: z.enum(Object.keys(games) as [Verdict, ...Verdict[]], 'expected a verdict such as A>>B').nullable(),
    /** The judge's messages, which hold both answers. */
    prompt: z.array(z.looseObject({ content: z.unknown().optional() })).optional(),
  })
  .nullable();
const judgmentSchema = z.looseObject({
  uid: id.transform(String),
  category: z.string().optional(),
  model: z.string(),
  baseline: z.string(),
  games: z.tuple([gameSchema, gameSchema], 'expected two games, the second with the answers in the other order'),
});
const count = z.number().min(0);
const answerSchema = z.looseObject({
  uid: id.transform(String),
  model: z.string(),
  messages: z
    .array(z.looseObject({ content: z.union([z.string(), z.looseObject({ answer: z.string() })]) }))
    .min(1, 'has no messages'),
  metadata: z
    .looseObject({
      token_len: count,
      header_count: z.object({ h1: count, h2: count, h3: count, h4: count, h5: count, h6: count }),
      list_count: z.object({ ordered: count, unordered: count }),
      bold_count: z.object({ '**': count, __: count }),
    })
    .nullish(),
  token_len_by: z.string().optional(),
});

export interface ArenaAnswer {
  text: string;
  /** null if the file has none. */
  metadata: (MarkdownCounts & { token_len: number }) | null;
}

export interface ArenaJudgment {
  category: string;
  /** The model's share of a battle, 0, ½ or 1, once per battle: a verdict such as A>>B is three battles. */
  battles: number[];
  answer: ArenaAnswer;
  baseline: ArenaAnswer;
}

export interface ArenaJudgments {
  model: string;
  baseline: string;
  judgments: ArenaJudgment[];
  /** Judgments without two verdicts; they are left out. */
  unjudged: number;
  /** Answers that no judgment judges. */
  missing: number;
  /** Which tokenizer counted each file's tokens, if the file says so: Arena-Hard's own files do not. */
  counters: { answers: string | null; baseline: string | null };
}

/**
 * Reads Arena-Hard's judgments of a model with the answers of both sides.
 *
 * @throws UserError if judgments belong to other answers, or to several models
 */
export function readJudgments(file: string, files: { answers: string; baseline: string }): ArenaJudgments {
  const rows = readJsonLines(file, judgmentSchema, { torn: 'error', withLines: true });
  if (rows.length === 0) throw new UserError(`${file} is empty; expected Arena-Hard's judgments, one per line`);
  const answers = readArenaAnswers(files.answers);
  const baseline = readArenaAnswers(files.baseline);
  const mismatches = new Mismatches();
  const judgments: ArenaJudgment[] = [];
  const seen = new Map<string, number>();
  for (const { row, line } of rows) {
    const where = `${file}:${line}`;
    const earlier = seen.get(row.uid);
    if (earlier !== undefined)
      throw new UserError(`${where} judges uid ${row.uid} again after line ${earlier}; remove one of the two`);
    seen.set(row.uid, line);
    const problem =
      otherAnswer(row, 'model', answers, files.answers) ?? otherAnswer(row, 'baseline', baseline, files.baseline);
    if (problem !== null) {
      mismatches.add(`${where} ${problem}`);
      continue;
    }
    const [asB, asA] = row.games;
    if (asB?.score == null || asA?.score == null) continue;
    judgments.push({
      category: row.category ?? '',
      // The model is B in the first game and A in the second.
      battles: [...battlesOf(asA.score), ...battlesOf(asB.score).map((won) => 1 - won)],
      answer: answers.byUid.get(row.uid) as ArenaAnswer,
      baseline: baseline.byUid.get(row.uid) as ArenaAnswer,
    });
  }
  mismatches.refuse(rows.length, 'give the answers that were judged, or judge these');
  if (judgments.length === 0)
    throw new UserError(`${file} has no judgment with two verdicts; expected scores such as A>>B in both games`);
  return {
    model: answers.model,
    baseline: baseline.model,
    judgments,
    unjudged: rows.length - judgments.length,
    missing: [...answers.byUid.keys()].filter((uid) => !seen.has(uid)).length,
    counters: { answers: answers.counter, baseline: baseline.counter },
  };
}

const battlesOf = (verdict: Verdict): number[] => new Array<number>(games[verdict].battles).fill(games[verdict].wins);

interface ArenaAnswers {
  model: string;
  byUid: Map<string, ArenaAnswer>;
  counter: string | null;
}

function readArenaAnswers(file: string): ArenaAnswers {
  const rows = readJsonLines(file, answerSchema, { torn: 'error', withLines: true });
  if (rows.length === 0) throw new UserError(`${file} is empty; expected Arena-Hard's answers, one per line`);
  const byUid = new Map<string, ArenaAnswer>();
  const { model } = rows[0].row;
  for (const { row, line } of rows) {
    if (row.model !== model)
      throw new UserError(
        `${file}:${line} is an answer of ${excerpt(row.model)} among those of ${excerpt(model)}; give one model's answers`,
      );
    if (byUid.has(row.uid)) throw new UserError(`${file}:${line} answers uid ${row.uid} again; remove one of the two`);
    byUid.set(row.uid, { text: textOf(row.messages), metadata: row.metadata ?? null });
  }
  return { model, byUid, counter: rows[0].row.token_len_by ?? null };
}

function textOf(messages: z.infer<typeof answerSchema>['messages']): string {
  const { content } = messages[messages.length - 1];
  return typeof content === 'string' ? content : content.answer;
}

/** Why a judgment belongs to another answer; null if it does not. */
function otherAnswer(
  row: z.infer<typeof judgmentSchema>,
  side: 'model' | 'baseline',
  { model, byUid }: ArenaAnswers,
  file: string,
): string | null {
  if (row[side] !== model)
    return `judges ${side === 'model' ? 'the model' : 'against'} ${excerpt(row[side])}, and ${file} holds answers of ${excerpt(model)}`;
  const answer = byUid.get(row.uid);
  if (answer === undefined) return `judges uid ${row.uid}, which ${file} does not have`;
  // The model is B in the first game and A in the second.
  const other = row.games.some((game, g) => {
    const letter = (g === 0) === (side === 'model') ? 'B' : 'A';
    return game?.prompt?.some(({ content }) => typeof content === 'string' && showsOther(content, letter, answer.text));
  });
  return other
    ? `judges another answer to uid ${row.uid} than ${file} has, which begins ${excerpt(answer.text)}`
    : null;
}

/** Whether a judge's message in Arena-Hard's template shows another answer of this assistant. */
function showsOther(message: string, letter: 'A' | 'B', answer: string): boolean {
  const begin = `<|The Start of Assistant ${letter}'s Answer|>\n`;
  return message.includes(begin) && !message.includes(`${begin}${answer}\n<|The End of Assistant ${letter}'s Answer|>`);
}
