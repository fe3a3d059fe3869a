/** The fields of the form that starts a run: the key that each sets, its description, and its valid values. */
import { z } from 'zod';
import {
  backendSchema,
  configSchema,
  launcherNames,
  pairStrategies,
  precisionSchema,
  serverKinds,
} from '../config/schema.js';
import { objectiveNames, objectives, usualSettings, type ObjectiveName } from '../objectives/index.js';
import { unwrap } from '../config/partial.js';
import { commandLine } from '../shell.js';

export const fieldIds = [
  'directory',
  'model',
  'reward',
  'prompts',
  'held_out',
  'preferences',
  'samples_on',
  'endpoints',
  'server_kind',
  'server_weights',
  'restart',
  'key_variable',
  'server_paths',
  'samples_per_prompt',
  'max_new_tokens',
  'temperature',
  'objective',
  'alpha',
  'beta',
  'gamma_ratio',
  'ld_scale',
  'lr',
  'pair_strategy',
  'length_penalty',
  'pairs_per_prompt',
  'pair_weight',
  'updates_on',
  'job_command',
  'job_setup',
  'sbatch',
  'ray',
  'ray_gpus',
  'submit',
  'job_status',
  'job_cancel',
  'job_paths',
  'trains',
  'lora_rank',
  'held_out_share',
  'backend',
  'precision',
] as const;
export type FieldId = (typeof fieldIds)[number];

/** Typed or chosen values, as text. */
export type Values = Record<FieldId, string>;

export interface Field {
  id: FieldId;
  label: string;
  /** `text` may be empty if the key may be null; `list` holds several entries in one line (`entriesOf`). */
  kind: 'path' | 'reward' | 'number' | 'choice' | 'text' | 'list';
  section: Section;
  /** Path of the key in the configuration; empty for the run directory, which is not part of it. */
  key: readonly string[];
  /** Added after the schema's own description. */
  more: string;
  choices?: readonly string[];
}

export const sections = ['run', 'sampling', 'update'] as const;
export type Section = (typeof sections)[number];

/** Choices of where to sample and where to update. */
export const thisMachine = 'this machine';
export const onServers = 'servers';
/** The launcher `process` with trainer/ on the GPUs that PyTorch sees here; fills in its command. */
export const onGpu = 'PyTorch on GPU';

export const allWeights = 'all weights';
export const adapter = 'LoRA adapter';

const fieldIn =
  (section: Section) =>
  (id: FieldId, label: string, kind: Field['kind'], key: string, more: string, choices?: readonly string[]): Field => ({
    ...{ id, label, kind, more, section },
    key: key === '' ? [] : key.split('.'),
    ...(choices === undefined ? {} : { choices }),
  });
const field = fieldIn('run');
const sampling = fieldIn('sampling');
const update = fieldIn('update');

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
    'preferences',
    'preferences',
    'path',
    'preferences',
    'Rows of {"prompt", "chosen", "rejected"}; empty: the reward is not checked. docs/rewards.md tells what to look for.',
  ),
  sampling(
    'samples_on',
    'samples on',
    'choice',
    '',
    'Responses come from this machine, or from vLLM or SGLang servers that share a file system with it.',
    [thisMachine, onServers],
  ),
  sampling('endpoints', 'endpoints', 'list', 'sampling.server.endpoints', 'Separated by commas: http://node1:8000.'),
  sampling('server_kind', 'server', 'choice', 'sampling.server.kind', '', ['auto', ...serverKinds]),
  sampling(
    'server_weights',
    'new weights by',
    'choice',
    'sampling.server.weights',
    'Policy verification proves after each round that every server has them.',
    ['adapter', 'reload', 'restart'],
  ),
  sampling('restart', 'restart command', 'text', 'sampling.server.restart', 'It is executed as you.'),
  sampling('key_variable', 'API key in', 'text', 'sampling.server.key_variable', 'Empty: the servers want no key.'),
  sampling(
    'server_paths',
    'server paths',
    'list',
    'sampling.server.paths',
    'Separated by commas; empty: the same names.',
  ),
  sampling(
    'samples_per_prompt',
    'samples per prompt',
    'number',
    'sampling.samples_per_prompt',
    'Two of them make a pair: more samples, clearer pairs.',
  ),
  sampling(
    'max_new_tokens',
    'max new tokens',
    'number',
    'sampling.max_new_tokens',
    'Longer ones are truncated, which their reward does not know.',
  ),
  sampling('temperature', 'temperature', 'number', 'sampling.temperature', 'Higher: more varied responses.'),
  update(
    'objective',
    'objective',
    'choice',
    'dpo.objective',
    'lr-dpo holds lengths down by α; docs/objectives.md explains the others.',
    objectiveNames,
  ),
  update(
    'alpha',
    'α length penalty',
    'number',
    'dpo.alpha',
    'Of a pair, the longer side counts for α less with each token that it is longer; 0 is plain DPO. Review moves it.',
  ),
  update('beta', 'β', 'number', 'dpo.beta', 'Higher: the policy stays closer. Can be moved in review.'),
  update('gamma_ratio', 'target margin γ/β', 'number', 'dpo.gamma_ratio', '0 is no margin.'),
  update('ld_scale', 'share a', 'number', 'dpo.ld_scale', '0.5 is usual.'),
  update('lr', 'learning rate', 'number', 'update.lr', 'Of AdamW; 5e-7 is usual for all weights, 5e-5 for LoRA.'),
  update(
    'pair_strategy',
    'pairs',
    'choice',
    'pairs.strategy',
    'Review shows the lengths that each gives, and can make the pairs again.',
    pairStrategies,
  ),
  update('length_penalty', 'penalty λ per token', 'number', 'pairs.length_penalty', ''),
  update(
    'pairs_per_prompt',
    'pairs per prompt',
    'number',
    'pairs.per_prompt',
    'At most half of the samples per prompt.',
  ),
  update('pair_weight', 'pair weight', 'choice', 'pairs.weight', 'Review can set it for single prompts.', [
    'none',
    'margin',
  ]),
  update(
    'updates_on',
    'updates on',
    'choice',
    '',
    `The engine of this machine; PyTorch on its GPUs with the command filled in; or a job of your own command as a process, through Slurm, Ray, or commands of yours.`,
    [thisMachine, onGpu, ...launcherNames],
  ),
  update('job_command', 'job command', 'text', 'update.job.command', 'It is executed as you.'),
  update(
    'job_setup',
    'job setup',
    'list',
    'update.job.setup',
    'Separated by semicolons: module load cuda; source venv/bin/activate.',
  ),
  update('sbatch', 'sbatch options', 'list', 'update.job.sbatch', 'Separated by spaces.'),
  update('ray', 'Ray address', 'text', 'update.job.ray', ''),
  update('ray_gpus', 'Ray GPUs', 'number', 'update.job.ray_gpus', ''),
  update('submit', 'submit command', 'text', 'update.job.submit', 'It is executed as you.'),
  update('job_status', 'status command', 'text', 'update.job.status', 'It is executed as you.'),
  update('job_cancel', 'cancel command', 'text', 'update.job.cancel', 'It is executed as you.'),
  update('job_paths', 'job paths', 'list', 'update.job.paths', 'Separated by commas; empty: the same names.'),
  update('trains', 'trains', 'choice', '', 'All weights, or a LoRA adapter: much less memory, a little less effect.', [
    allWeights,
    adapter,
  ]),
  update('lora_rank', 'LoRA rank', 'number', 'update.lora.rank', 'Higher: more is trained.'),
  update(
    'held_out_share',
    'held-out pairs',
    'number',
    'update.held_out_share',
    'With 0.1 the update screen shows when further steps fit the training pairs only; 0 trains on all pairs.',
  ),
  update(
    'backend',
    'backend',
    'choice',
    'backend',
    `auto takes the best that loads; \`${commandLine('doctor')}\` shows them.`,
    backendSchema.options,
  ),
  update(
    'precision',
    'precision',
    'choice',
    'precision',
    'Sums are float32 in each, as are the weights.',
    precisionSchema.options,
  ),
];

export const fieldOf = (id: FieldId): Field => fields.find((each) => each.id === id) as Field;

/** Settings of the loss with a field that only some objectives use. */
export const optionalOfLoss = ['alpha', 'gamma_ratio', 'ld_scale'] as const;

/** What is no objective is reported in its own field. */
function usesSetting(objective: string, key: (typeof optionalOfLoss)[number]): boolean {
  if (!Object.hasOwn(objectives, objective)) return key === 'alpha';
  return objectives[objective as ObjectiveName].uses.includes(key);
}

/** The fields that count with these values. */
export function visibleFields(values: Values): readonly Field[] {
  const served = values.samples_on === onServers;
  const job = values.updates_on !== thisMachine;
  const launched = (launcher: string): boolean => values.updates_on === launcher;
  const asked: Partial<Record<FieldId, boolean>> = {
    ...Object.fromEntries(optionalOfLoss.map((key) => [key, usesSetting(values.objective, key)])),
    ...{ endpoints: served, server_kind: served, server_weights: served, key_variable: served, server_paths: served },
    restart: served && values.server_weights === 'restart',
    ...{ job_command: job, job_setup: job && !launched(onGpu), sbatch: launched('slurm') },
    ...{ ray: launched('ray'), ray_gpus: launched('ray') },
    ...{ submit: launched('command'), job_status: launched('command'), job_cancel: launched('command') },
    job_paths: job && !launched(onGpu) && !launched('process'),
    length_penalty: values.pair_strategy === 'length-penalized',
    lora_rank: values.trains === adapter,
    precision: values.backend === 'cuda',
  };
  return fields.filter(({ id }) => asked[id] ?? true);
}

/** The schema of a key; unwraps groups that may be null. */
export function schemaOf(key: readonly string[]): z.ZodType {
  return key.reduce<z.ZodType>(
    (schema, part) => (unwrap(schema) as z.ZodObject).shape[part] as z.ZodType,
    configSchema,
  );
}

/** One or two sentences: the schema's description, the range, and advice for choosing. */
export function explanation({ key, more, kind }: Pick<Field, 'key' | 'more' | 'kind'>): string {
  if (key.length === 0) return more;
  const schema = schemaOf(key);
  const text = schema.description ?? '';
  const range = kind === 'number' ? ` (${rangeOf(schema)})` : '';
  // α is not capitalized, as its capital looks like an A, and `hf:DIR` stays as it is typed.
  return `${text.replace(/^[a-z](?![a-z]*:)/, (first) => first.toUpperCase())}${range}. ${more}`.trimEnd();
}

/** How the entries of a list are separated in one line: before each option of sbatch, by semicolons, else by commas. */
const separators: Partial<Record<FieldId, { split: RegExp; join: string }>> = {
  sbatch: { split: /\s+(?=--?[A-Za-z])/, join: ' ' },
  job_setup: { split: /;/, join: '; ' },
};
const commas = { split: /,/, join: ', ' };

export function entriesOf(id: FieldId, text: string): string[] {
  const { split } = separators[id] ?? commas;
  return text
    .split(split)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

export function joinedEntries(id: FieldId, entries: readonly unknown[]): string {
  return entries.map(String).join((separators[id] ?? commas).join);
}

/** The problem with a text or a list; null if it is valid. */
export function textProblem({ id, key, kind, label }: Field, text: string): string | null {
  const schema = schemaOf(key);
  const value = kind === 'list' ? entriesOf(id, text) : text.trim() === '' ? null : text.trim();
  const needed = kind === 'list' ? id === 'endpoints' : !optional.includes(id);
  if (needed && (value === null || value.length === 0)) return `${label} is missing; enter to write it`;
  const result = schema.safeParse(value);
  if (result.success) return null;
  const [{ message, path: at }] = result.error.issues;
  const entry = Array.isArray(value) && typeof at[0] === 'number' ? String(value[at[0]]) : text.trim();
  return `${JSON.stringify(entry)}: ${message.replace(/^(Invalid input|Too small|Too big): /, '')}`;
}

/** Fields that may be left empty: their key is null then. */
export const optional: readonly FieldId[] = ['key_variable', 'preferences'];

/** The limits of a number in words: "2 to 1024", "above 0", "0 or more". */
export function rangeOf(schema: z.ZodType): string {
  const { minimum, exclusiveMinimum, maximum } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
  const most = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? maximum : null;
  const upTo = most === null ? '' : ` to ${most}`;
  if (typeof exclusiveMinimum === 'number') return `above ${exclusiveMinimum}${upTo}`;
  return `${String(minimum)}${upTo === '' ? ' or more' : upTo}`;
}

/** The problem with a number; null if it is valid. Empty text means the default. */
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
export function defaultText({ id, key }: Field, { objective }: Pick<Values, 'objective'>): string | null {
  if ((id === 'alpha' || id === 'beta') && Object.hasOwn(objectives, objective))
    return String(usualSettings(objective as ObjectiveName)[id]);
  const { data } = schemaOf(key).safeParse(undefined);
  return typeof data === 'number' ? String(data) : null;
}
