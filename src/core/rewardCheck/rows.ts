/**
 * Preference rows: prompts with responses that people have judged, to check a reward against. RewardBench 2's layout
 * (`chosen` and `rejected` are lists of texts), and plain preference pairs (one text each, or TRL's messages).
 *
 * Leaves out reading the file (io) and the measures (check.ts, ties.ts).
 */
import { z } from 'zod';
import { UserError } from '../errors.js';
import { type Message, type Prompt, messageSchema, promptSchema } from '../rows.js';

/** The subset of rows that name none. */
export const noSubset = '(none)';

/** Where a row of the Ties subset belongs: question N with one correct answer (`ref`), or with several (`tied`). */
export interface TiesPlace {
  kind: 'ref' | 'tied';
  question: number;
}

export interface LabelledRow {
  /** `FILE:LINE`, for errors. */
  where: string;
  prompt: Prompt;
  /** Texts; at least one each. */
  chosen: string[];
  rejected: string[];
  subset: string;
  /** null: the row is scored by the best of its responses. */
  ties: TiesPlace | null;
}

const texts = z.union(
  [z.string(), z.array(z.string()), z.array(messageSchema)],
  'expected a text, a list of texts, or messages of which the last is the response',
);

export const labelledRowSchema = z.looseObject({
  prompt: promptSchema.nullish(),
  chosen: texts,
  rejected: texts,
  subset: z.string('expected a text').nullish(),
  id: z.union([z.string(), z.number()], 'expected a text or a number').nullish(),
  num_correct: z.int('expected a whole number').nullish(),
  num_incorrect: z.int('expected a whole number').nullish(),
  total_completions: z.int('expected a whole number').nullish(),
});

/** RewardBench 2 scores this subset in its own way (ties.ts). */
export const isTies = (subset: string): boolean => subset.toLowerCase() === 'ties';

/** @throws UserError that names `where` and the key that cannot be used */
export function labelledRow(row: z.infer<typeof labelledRowSchema>, where: string): LabelledRow {
  const chosen = textsOf(row.chosen, 'chosen', where);
  const rejected = textsOf(row.rejected, 'rejected', where);
  const prompt = row.prompt ?? promptIn(row.chosen);
  if (prompt === null || prompt.length === 0)
    throw new UserError(`${where}: \`prompt\` is missing or empty; expected a text or messages`);
  const counts = {
    num_correct: chosen.length,
    num_incorrect: rejected.length,
    total_completions: chosen.length + rejected.length,
  };
  for (const [key, found] of Object.entries(counts)) {
    const said = row[key as keyof typeof counts];
    if (said != null && said !== found)
      throw new UserError(
        `${where}: \`${key}\` is ${said}, but \`chosen\` has ${chosen.length} and \`rejected\` ${rejected.length} responses`,
      );
  }
  const subset = row.subset == null || row.subset.trim() === '' ? noSubset : row.subset;
  const ties = isTies(subset) ? tiesPlace(String(row.id ?? ''), where) : null;
  if (ties?.kind === 'tied' && chosen.length < 2)
    throw new UserError(`${where}: a \`tied\` row of the Ties subset needs at least two texts in \`chosen\`, got one`);
  return { where, prompt, chosen, rejected, subset, ties };
}

function textsOf(given: z.infer<typeof texts>, key: string, where: string): string[] {
  const list = typeof given === 'string' ? [given] : isMessages(given) ? [given[given.length - 1].content] : given;
  if (list.length === 0) throw new UserError(`${where}: \`${key}\` has no response; expected at least one text`);
  const empty = list.findIndex((text) => text.trim() === '');
  if (empty >= 0)
    throw new UserError(
      `${where}: \`${key}\`${list.length === 1 ? '' : `, response ${empty + 1},`} is empty; expected a text`,
    );
  return list;
}

const isMessages = (given: string[] | Message[]): given is Message[] => typeof given[0] === 'object';

/** Some preference files have the prompt only inside `chosen`, as the messages before the last. */
function promptIn(chosen: z.infer<typeof texts>): Message[] | null {
  return typeof chosen !== 'string' && isMessages(chosen) ? chosen.slice(0, -1) : null;
}

function tiesPlace(id: string, where: string): TiesPlace {
  const match = /^(ref|tied):(\d+)$/.exec(id);
  if (match === null)
    throw new UserError(
      `${where}: \`id\` is ${JSON.stringify(id)}; rows of the Ties subset need \`ref:NUMBER\` or \`tied:NUMBER\``,
    );
  return { kind: match[1] as TiesPlace['kind'], question: Number(match[2]) };
}

/** @throws UserError if two rows of the Ties subset have the same id: the subset's score needs one of each */
export function refuseRepeatedTies(rows: readonly LabelledRow[]): void {
  const seen = new Map<string, string>();
  for (const { ties, where } of rows) {
    if (ties === null) continue;
    const id = `${ties.kind}:${ties.question}`;
    const before = seen.get(id);
    if (before !== undefined)
      throw new UserError(`${where}: \`id\` ${id} is also that of ${before}; remove one of them`);
    seen.set(id, where);
  }
}
