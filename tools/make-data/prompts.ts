/** Divides the world's questions into training and held-out prompts. */
import { Random } from '../../src/core/seeds.js';
import { type Fact, facts } from './world.js';

export interface PromptRow {
  prompt: string;
  kind: string;
  answer: string;
}

/** Number of held-out prompts, and most training prompts. */
const HELD_OUT = 96;
const TRAINING = 320;

/**
 * Every question is in one set only. Both sets may ask about the same fact in different words, so that what an update
 * teaches about a fact shows in another wording.
 */
export function splitPrompts(seed: number): { training: PromptRow[]; heldOut: PromptRow[] } {
  const random = new Random(seed);
  const rows = facts().flatMap((fact) =>
    fact.questions.map((prompt) => ({ prompt, kind: fact.kind, answer: fact.answer })),
  );
  random.shuffle(rows);
  return { heldOut: rows.slice(0, HELD_OUT), training: rows.slice(HELD_OUT, HELD_OUT + TRAINING) };
}

/** Maps each question to its fact. */
export function factsByQuestion(): Map<string, Fact> {
  return new Map(facts().flatMap((fact) => fact.questions.map((question) => [question, fact] as const)));
}
