/** The fields of the form that starts a run: what each sets, what it is, and which values it takes. */
import { z } from 'zod';
import { backendSchema, configSchema, precisionSchema } from '../config/schema.js';
import { commandLine } from '../invocation.js';

export const fieldIds = [
  'directory',
  'model',
  'reward',
  'prompts',
  'held_out',
  'samples_per_prompt',
  'max_new_tokens',
  'temperature',
  'alpha',
  'beta',
  'lr',
  'trains',
  'lora_rank',
  'backend',
  'precision',
] as const;
export type FieldId = (typeof fieldIds)[number];

/** What a person typed or chose, as text. */
export type Values = Record<FieldId, string>;

export interface Field {
  id: FieldId;
  label: string;
  kind: 'path' | 'reward' | 'number' | 'choice';
  /** Where it stands in the configuration; none: the run directory is no part of it. */
  key: readonly string[];
  /** Said after the schema's own description. */
  more: string;
  choices?: readonly string[];
}

export const allWeights = 'all weights';
export const adapter = 'LoRA adapter';

const field = (id: FieldId, label: string, kind: Field['kind'], key: string, more: string): Field => ({
  ...{ id, label, kind, more },
  key: key === '' ? [] : key.split('.'),
});

export const fields: readonly Field[] = [
  field(
    'directory',
    'run directory',
    'path',
    '',
    'Where everything of this run is kept; it is made, or must be empty.',
  ),
  field(
    'model',
    'model folder',
    'path',
    'model',
    'config.json, safetensors and the tokenizer; a PEFT adapter works too.',
  ),
  field('reward', 'reward', 'reward', 'reward', 'What the responses are judged by: higher is better.'),
  field('prompts', 'prompts', 'path', 'prompts', 'Each round samples responses to these and learns from them.'),
  field('held_out', 'held-out prompts', 'path', 'held_out', 'Never trained on.'),
  field(
    'samples_per_prompt',
    'samples per prompt',
    'number',
    'sampling.samples_per_prompt',
    'The best and the worst of them make the pair: more samples, clearer pairs.',
  ),
  field(
    'max_new_tokens',
    'max new tokens',
    'number',
    'sampling.max_new_tokens',
    'Longer ones are truncated, which their reward does not know.',
  ),
  field('temperature', 'temperature', 'number', 'sampling.temperature', 'Higher: more varied responses.'),
  field(
    'alpha',
    'α length penalty',
    'number',
    'dpo.alpha',
    'Of a pair, the longer side counts for α less with each token that it is longer; 0 is plain DPO. Review moves it.',
  ),
  field('beta', 'β', 'number', 'dpo.beta', 'Higher: the policy stays closer. Can be moved in review.'),
  field('lr', 'learning rate', 'number', 'update.lr', 'Of AdamW; 5e-7 is usual for all weights, 5e-5 for LoRA.'),
  {
    ...field(
      'trains',
      'trains',
      'choice',
      '',
      'All weights, or a LoRA adapter: much less memory, a little less effect.',
    ),
    choices: [allWeights, adapter],
  },
  field('lora_rank', 'LoRA rank', 'number', 'update.lora.rank', 'Higher: more is trained.'),
  {
    ...field(
      ...(['backend', 'backend', 'choice', 'backend'] as const),
      `auto takes the best that loads; \`${commandLine('doctor')}\` shows them.`,
    ),
    choices: backendSchema.options,
  },
  {
    ...field('precision', 'precision', 'choice', 'precision', 'Sums are float32 in each, as are the weights.'),
    choices: precisionSchema.options,
  },
];

export const fieldOf = (id: FieldId): Field => fields.find((each) => each.id === id) as Field;

/** The fields that count with these values. */
export function visibleFields(values: Values): readonly Field[] {
  const asked: Partial<Record<FieldId, boolean>> = {
    lora_rank: values.trains === adapter,
    precision: values.backend === 'cuda',
  };
  return fields.filter(({ id }) => asked[id] ?? true);
}

/** The schema of a key; a group that may be null is looked into. */
export function schemaOf(key: readonly string[]): z.ZodType {
  return key.reduce<z.ZodType>((schema, part) => {
    let inner = schema;
    while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable)
      inner = inner.unwrap() as z.ZodType;
    return (inner as z.ZodObject).shape[part] as z.ZodType;
  }, configSchema);
}

/** One or two sentences: the schema's description, the range, and what helps to choose. */
export function explanation({ key, more, kind }: Pick<Field, 'key' | 'more' | 'kind'>): string {
  if (key.length === 0) return more;
  const schema = schemaOf(key);
  const text = schema.description ?? '';
  const range = kind === 'number' ? ` (${rangeOf(schema)})` : '';
  // α stays α, whose capital looks like an A, and `hf:DIR` stays as it is typed.
  return `${text.replace(/^[a-z](?![a-z]*:)/, (first) => first.toUpperCase())}${range}. ${more}`;
}

/** The limits of a number in words: "2 to 1024", "above 0", "0 or more". */
export function rangeOf(schema: z.ZodType): string {
  const { minimum, exclusiveMinimum, maximum } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
  const most = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? maximum : null;
  const upTo = most === null ? '' : ` to ${most}`;
  if (typeof exclusiveMinimum === 'number') return `above ${exclusiveMinimum}${upTo}`;
  return `${String(minimum)}${upTo === '' ? ' or more' : upTo}`;
}

/** What is wrong with a number; null where nothing is. Nothing typed stands for the default. */
export function numberProblem({ key }: Field, text: string): string | null {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value))
    return `${JSON.stringify(text)} is no number; expected ${rangeOf(schemaOf(key))}`;
  const result = schemaOf(key).safeParse(value);
  if (result.success) return null;
  const [{ message }] = result.error.issues;
  return `${text}: ${message.replace(/^(Invalid input|Too small|Too big): /, '')}`;
}

/** The text of a number's default; null where it has none. */
export function defaultText({ key }: Field): string | null {
  const { data } = schemaOf(key).safeParse(undefined);
  return typeof data === 'number' ? String(data) : null;
}
