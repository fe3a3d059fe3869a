/**
 * What a branch may change, as the fields of the form that starts one. Leaves out how held-out prompts are answered:
 * rounds are compared by them.
 */
import { z } from 'zod';
import type { RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { messageOf } from '../../../src/core/errors.js';
import { parseRewardSpec } from '../../../src/core/config/rewardSpec.js';
import { settingOf } from '../../../src/core/rounds.js';
import { explanation, rangeOf, schemaOf } from '../../../src/core/form/fields.js';

export interface ForkField {
  /** The configuration's dotted name. */
  key: string;
  label: string;
  kind: 'number' | 'choice' | 'text';
  choices: readonly string[];
}

const field = (key: string, label: string): ForkField => {
  const schema = innermost(schemaOf(key.split('.')));
  if (schema instanceof z.ZodEnum) return { key, label, kind: 'choice', choices: schema.options.map(String) };
  return { key, label, kind: schema instanceof z.ZodNumber ? 'number' : 'text', choices: [] };
};

/** In the order of the form. */
export const forkFields: readonly ForkField[] = [
  field('dpo.alpha', 'α length penalty'),
  field('dpo.beta', 'β'),
  field('update.lr', 'learning rate'),
  field('sampling.samples_per_prompt', 'samples per prompt'),
  field('sampling.max_new_tokens', 'max new tokens'),
  field('sampling.temperature', 'temperature'),
  field('sampling.top_p', 'top-p'),
  field('sampling.top_k', 'top-k'),
  field('sampling.min_p', 'min-p'),
  field('sampling.repetition_penalty', 'repetition penalty'),
  field('sampling.prompts_per_round', 'prompts a round'),
  field('reward', 'reward'),
  field('pairs.strategy', 'pairs: strategy'),
  field('pairs.min_gap', 'pairs: least gap'),
  field('dpo.reference', 'reference policy'),
  field('dpo.label_smoothing', 'label smoothing'),
  field('update.batch_size', 'update: batch size'),
  field('update.epochs', 'update: epochs'),
  field('update.steps', 'update: steps'),
  field('update.schedule', 'update: schedule'),
  field('update.warmup', 'update: warm-up'),
  field('update.weight_decay', 'update: weight decay'),
  field('update.clip', 'update: clip'),
];

export const forkField = (key: string): ForkField | null => forkFields.find((each) => each.key === key) ?? null;

/** A sentence or two on what a field does, with its range. */
export function explained({ key, kind, choices }: ForkField): string {
  const text = explanation({ key: key.split('.'), more: '', kind: kind === 'number' ? 'number' : 'path' }).trim();
  return kind === 'choice' ? `${text} One of ${choices.join(', ')}.` : text;
}

/** What the parent has, which the branch goes on with unless it is changed. */
export function presentValue(config: Snapshot['config'], parent: RoundState, key: string): string {
  const value = settingOf(config, parent, key);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What is wrong with a text; null where nothing is. What needs the engine's files is the engine's to say. */
export function fieldProblem(field: ForkField, text: string): string | null {
  const { key, kind, choices } = field;
  if (kind === 'number') {
    const schema = schemaOf(key.split('.'));
    const value = decimal(text) === '' ? NaN : Number(decimal(text));
    return schema.safeParse(value).success
      ? null
      : `expected ${isWhole(schema) ? 'a whole number' : 'a number'}, ${rangeOf(schema)}`;
  }
  if (kind === 'choice') return choices.includes(text) ? null : `${text}: expected ${choices.join(' or ')}`;
  if (text.trim() === '') return 'expected something; esc leaves it as it is';
  if (key !== 'reward') return null;
  try {
    parseRewardSpec(text);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** As it goes to the engine. @param text that has no problem */
export function fieldValue({ kind }: ForkField, text: string): number | string {
  return kind === 'number' ? Number(decimal(text)) : text.trim();
}

const decimal = (text: string): string => text.trim().replace(',', '.');

const isWhole = (schema: z.ZodType): boolean => z.toJSONSchema(schema, { io: 'input' }).type === 'integer';

function innermost(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}
