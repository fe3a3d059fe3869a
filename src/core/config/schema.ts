/**
 * The configuration of a run: every key, its range, its default and a sentence on what it does. The same names are used
 * in run.json, config files, command-line flags and on the screens.
 *
 * Leaves out reporting problems (partial.ts) and reading files (io/configFile.ts).
 */
import { z } from 'zod';
import { decodingProblem } from '../heldOutDecoding.js';
import { referenceProblem } from './reference.js';
import {
  LR_DPO_ALPHA,
  neutral,
  notUsed,
  objectiveNames,
  objectives,
  unusedSettings,
  usualSettings,
  type ObjectiveName,
} from '../objectives/index.js';

// Upper limits of counts are far above any real run, and low enough that sums and arrays of them stay in bounds.
const MAX_PROMPTS = 10_000_000;
const MAX_TOKENS = 2 ** 20;
const MAX_STEPS = 1_000_000;
/** The largest α. */
export const MAX_ALPHA = 100;

const fraction = z.number().min(0).max(1);

/** Folders that another machine sees under another path. */
const pathsSchema = z
  .array(z.string().regex(/^\/[^=]*=\/[^=]*$/, 'expected LOCAL=REMOTE, two absolute folders'))
  .default([])
  .describe('LOCAL=REMOTE: folders that the other machines see under another name');

export const serverKinds = ['vllm', 'sglang'] as const;

export const serverSchema = z.strictObject({
  endpoints: z
    .array(z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }))
    .min(1)
    .max(256)
    .describe('URLs of vLLM or SGLang servers; prompts are balanced over them'),
  kind: z
    .enum(['auto', ...serverKinds])
    .default('auto')
    .describe('which program serves; auto asks it'),
  weights: z
    .enum(['adapter', 'reload', 'restart'])
    .default('reload')
    .describe('how new weights reach a server: as a LoRA adapter, by a reload in place, or by your restart command'),
  restart: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('shell command that restarts the server of {endpoint} on the folder {weights}'),
  key_variable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable')
    .nullable()
    .default(null)
    .describe('environment variable that holds the API key; the key itself is never written anywhere'),
  concurrency: z.int().min(1).max(4096).default(64).describe('requests in flight at each endpoint'),
  timeout_seconds: z.number().gt(0).max(86_400).default(600).describe('time given to one request'),
  startup_seconds: z.number().gt(0).max(86_400).default(1800).describe('time given to a server to load new weights'),
  retries: z
    .int()
    .min(0)
    .max(100)
    .default(5)
    .describe('retries of a failed request before its endpoint counts as down'),
  probes: z.int().min(1).max(256).default(16).describe('token sequences that policy verification compares'),
  tolerance: z
    .number()
    .gt(0)
    .max(10)
    .default(0.1)
    .describe("largest mean difference between a server's and the trainer's log-probabilities, nats per token"),
  paths: pathsSchema,
});

export const samplingSchema = z.strictObject({
  samples_per_prompt: z.int().min(2).max(1024).default(4).describe('responses sampled for each prompt (K)'),
  temperature: z.number().min(0).max(10).default(0.8).describe('softmax temperature; 0 is greedy'),
  top_p: z.number().gt(0).max(1).default(0.95).describe('nucleus: smallest set of tokens with this probability'),
  top_k: z
    .int()
    .min(0)
    .max(MAX_TOKENS * 16)
    .default(0)
    .describe('only the k likeliest tokens; 0 is all'),
  min_p: fraction.default(0).describe('drop tokens below this share of the likeliest one; 0 is off'),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(10)
    .default(1)
    .describe('divides positive logits of tokens already seen; 1 is off'),
  max_new_tokens: z
    .int()
    .min(1)
    .max(MAX_TOKENS)
    .default(256)
    .describe('longest response, the end-of-turn token included'),
  prompts_per_round: z
    .int()
    .min(0)
    .max(MAX_PROMPTS)
    .default(0)
    .describe('prompts drawn for each round; 0 is all of them'),
  batch_size: z.int().min(1).max(4096).default(32).describe('responses decoded together'),
  raw: z.boolean().default(false).describe('send text prompts as they stand, without the chat template'),
  server: serverSchema.nullable().default(null).describe('sample on vLLM or SGLang servers instead of this machine'),
});

export const pairStrategies = ['best-worst', 'best-random', 'length-penalized', 'wpo'] as const;
export type PairStrategy = (typeof pairStrategies)[number];

export const pairsSchema = z.strictObject({
  strategy: z
    .enum(pairStrategies)
    .default('best-worst')
    .describe('which responses make a pair; length-penalized orders them by reward minus λ·length'),
  length_penalty: z
    .number()
    .min(0)
    .max(MAX_ALPHA)
    .default(0)
    .describe('λ of the strategy length-penalized: reward that a response loses per token of its length'),
  per_prompt: z
    .int()
    .min(1)
    .max(512)
    .default(1)
    .describe('most pairs of one prompt: the n-th best against the n-th worst, or further random ones'),
  min_gap: z
    .number()
    .min(0)
    .default(0)
    .describe('smallest margin of a pair, in the reward that the strategy orders by'),
  weight: z
    .enum(['none', 'margin'])
    .default('none')
    .describe("weight of a pair: 1, or its margin divided by the mean margin of the round's pairs, at most 3"),
});

/** Why settings of pairs do not fit together; null: they do. Always about `length_penalty`. */
export function lengthPenaltyProblem({
  strategy,
  length_penalty: penalty,
}: Pick<z.infer<typeof pairsSchema>, 'strategy' | 'length_penalty'>): string | null {
  if (strategy === 'length-penalized')
    return penalty > 0 ? null : `${penalty}: strategy length-penalized needs λ above 0, in reward per token`;
  return penalty === 0 ? null : `${penalty}: strategy ${strategy} does not use it; leave it out`;
}

/**
 * Why a prompt cannot give so many pairs; null: it can. Only new runs are checked: while a round samples, a person may
 * lower the number of samples, and then a prompt has fewer pairs.
 *
 * @param samples responses per prompt
 */
export function perPromptProblem(
  { strategy, per_prompt: pairs }: Pick<z.infer<typeof pairsSchema>, 'strategy' | 'per_prompt'>,
  samples: number,
): string | null {
  const random = strategy === 'best-random';
  const most = random ? samples - 1 : Math.floor(samples / 2);
  const needed = random ? pairs + 1 : 2 * pairs;
  return pairs <= most
    ? null
    : `${pairs}: ${samples} samples per prompt make at most ${most} with ${strategy}; ${pairs} need ${needed}`;
}

/** A run's. */
const runPairsSchema = pairsSchema.superRefine((pairs, context) => {
  const message = lengthPenaltyProblem(pairs);
  if (message !== null) context.addIssue({ code: 'custom', path: ['length_penalty'], message });
});

export const loraSchema = z.strictObject({
  rank: z.int().min(1).max(1024).describe('rank of the adapter matrices'),
  alpha: z.number().gt(0).max(65_536).default(16).describe('scale: the update is (alpha / rank)·B·A'),
  targets: z
    .array(z.string())
    .min(1)
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
    .describe('names of the linear layers that get an adapter'),
});

export const dpoSchema = z.strictObject({
  objective: z.enum(objectiveNames).default('lr-dpo').describe('the loss that an update minimizes'),
  beta: z.number().gt(0).max(100).default(0.1).describe('β: how strongly the policy is held to the reference'),
  alpha: z.number().min(0).max(MAX_ALPHA).default(LR_DPO_ALPHA).describe('α: length-penalty coefficient, per token'),
  label_smoothing: z.number().min(0).lt(0.5).default(0).describe('share of preferences assumed to be wrong'),
  gamma_ratio: z.number().min(0).max(100).default(neutral.gamma_ratio).describe('simpo: target margin γ/β'),
  ld_scale: fraction
    .default(neutral.ld_scale)
    .describe("ld-dpo: share a that tokens beyond the shorter response's length count; 1 is DPO"),
  nll_weight: z
    .number()
    .min(0)
    .max(100)
    .default(neutral.nll_weight)
    .describe("λ: adds -λ·log π(chosen response) per token, which keeps the chosen response's likelihood up"),
  reference: z
    .string()
    .min(1)
    .superRefine((spec, context) => {
      const problem = referenceProblem(spec);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .default('round')
    .describe(
      '`round` (the policy this round started from), `base` (the first policy), a model folder, or two of them interpolated: 0.5*round+0.5*base',
    ),
});

/** β and α that are not given are those of the objective. What is no objective is left for the schema to report. */
export function withUsualSettings<T>(dpo: T): T {
  if (typeof dpo !== 'object' || dpo === null) return dpo;
  const { objective = 'lr-dpo' } = dpo as { objective?: unknown };
  if (!objectiveNames.includes(objective as ObjectiveName)) return dpo;
  const given = Object.entries(dpo).filter(([, value]) => value !== undefined);
  return { ...usualSettings(objective as ObjectiveName), ...Object.fromEntries(given) } as T;
}

/** A run's: settings that its objective does not use are refused. */
const runDpoSchema = z.preprocess(
  withUsualSettings,
  dpoSchema.superRefine((dpo, context) => {
    const unused: (keyof typeof dpo)[] = unusedSettings(dpo);
    if (!objectives[dpo.objective].reference && dpo.reference !== 'round') unused.push('reference');
    for (const key of unused)
      context.addIssue({ code: 'custom', path: [key], message: `${dpo[key]}: ${notUsed(dpo.objective)}` });
  }),
);

export const launcherNames = ['process', 'slurm', 'ray', 'command'] as const;

export const jobSchema = z.strictObject({
  launcher: z
    .enum(launcherNames)
    .describe('starts the update as a process here, or through Slurm, Ray or your commands'),
  command: z
    .string()
    .min(1)
    .default('brevity job {dir}')
    .describe(
      'shell command that executes the job folder {dir}: `brevity job {dir}`, `torchrun … -m brevity_trainer {dir}`',
    ),
  setup: z.array(z.string()).default([]).describe('shell lines before the command: modules, environment, container'),
  sbatch: z
    .array(z.string().regex(/^--?[A-Za-z]/, 'expected an sbatch option such as --partition=gpu'))
    .default([])
    .describe('sbatch options, one per entry: --partition=gpu, --gres=gpu:8, --time=04:00:00'),
  ray: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .default('http://127.0.0.1:8265')
    .describe('address of the Ray dashboard, which serves the Jobs API'),
  ray_gpus: z.number().min(0).max(4096).default(0).describe('GPUs that Ray reserves for the job (entrypoint_num_gpus)'),
  submit: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('launcher command: submits {script} under the name {name} and prints an id as its last line'),
  status: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('launcher command: prints queued, running, done or failed for {id}, then a reason'),
  cancel: z.string().min(1).nullable().default(null).describe('launcher command: cancels {id}'),
  poll_seconds: z.number().gt(0).max(3600).default(5).describe('seconds between looks at the scheduler'),
  paths: pathsSchema,
});

export const updateSchema = z.strictObject({
  lr: z.number().gt(0).max(1).default(5e-7).describe('peak learning rate'),
  batch_size: z.int().min(1).max(MAX_STEPS).default(32).describe('pairs an optimizer step'),
  micro_batch: z.int().min(1).max(MAX_STEPS).default(8).describe('pairs computed at once; halved when memory runs out'),
  epochs: z.int().min(1).max(100).default(1).describe('passes over the pairs'),
  steps: z.int().min(0).max(MAX_STEPS).default(0).describe('stop after this many steps; 0 is all epochs'),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine').describe('learning rate after the warm-up'),
  warmup: fraction.default(0.1).describe('share of the steps in which the learning rate rises'),
  weight_decay: z.number().min(0).max(10).default(0).describe('decoupled weight decay'),
  decay: z.enum(['all', 'matrices']).default('matrices').describe('which parameters decay'),
  clip: z.number().min(0).default(1).describe('largest gradient norm; 0 is no clipping'),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the first moment'),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe('decay of the second moment'),
  adam_eps: z.number().gt(0).max(1).default(1e-8).describe('added to the root of the second moment'),
  activation_checkpointing: z.boolean().default(false).describe('recompute layers in the backward pass to save memory'),
  lora: loraSchema.nullable().default(null).describe('train a LoRA adapter instead of all weights'),
  held_out_share: z
    .number()
    .min(0)
    .max(0.9)
    .default(0)
    .describe('share of the prompts whose pairs are held out: never trained on, loss and accuracy on them are tracked'),
  eval_steps: z
    .int()
    .min(0)
    .max(MAX_STEPS)
    .default(0)
    .describe('steps between evaluations of the held-out pairs; 0 is about ten times an update'),
  checkpoint_seconds: z.number().min(0).default(60).describe('keep the state of an unfinished update this often'),
  job: jobSchema.nullable().default(null).describe('run the update as a job of its own, possibly on another machine'),
});

export const evaluationSchema = z.strictObject({
  max_prompts: z.int().min(0).max(MAX_PROMPTS).default(0).describe('held-out prompts used; 0 is all of them'),
  temperature: z.number().min(0).max(10).default(0.8).describe('temperature of the held-out responses'),
  responses: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe('responses to each held-out prompt; more of them make the intervals narrower'),
  best_of: z
    .int()
    .min(1)
    .max(65_536)
    .default(1)
    .describe('candidates for each held-out response, of which the best by the reward is kept'),
  beam: z
    .int()
    .min(1)
    .max(256)
    .default(1)
    .describe('beams of a beam search that answers held-out prompts; 1 samples instead'),
  length_penalty: z
    .number()
    .min(-10)
    .max(10)
    .default(1)
    .describe('of beam search: score = log π / length^λ; above 0 favours long responses'),
  metric: z
    .array(z.string().min(1))
    .max(16)
    .default([])
    .describe('metric:FILE, each a JavaScript module that scores a response with its row of the held-out file'),
  judge: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('a second judge that training never sees: a reward specification like `reward`'),
  probes: z
    .int()
    .min(0)
    .max(64)
    .default(3)
    .describe('held-out prompts answered while the policy is trained; 0 is none'),
  probe_steps: z
    .int()
    .min(0)
    .max(MAX_STEPS)
    .default(0)
    .describe('steps between such answers; 0 is about five times an update, at most 5% of its time'),
  probe_tokens: z.int().min(1).max(MAX_TOKENS).default(64).describe('longest answer to a probe prompt'),
});

/** A run's. */
const runEvaluationSchema = evaluationSchema.superRefine((evaluation, context) => {
  const problem = decodingProblem(evaluation, (key) => `evaluation.${key}`);
  if (problem !== null) context.addIssue({ code: 'custom', path: [problem.key], message: problem.message });
});

const promptFile = z.string().min(1).nullable().default(null);
const price = z.number().min(0).max(1e6).nullable().default(null);

export const judgeModes = ['tournament', 'pointwise'] as const;

/** How `judge:` rewards ask. */
export const judgeSchema = z.strictObject({
  mode: z
    .enum(judgeModes)
    .default('tournament')
    .describe("a response's reward: its win probability against the prompt's other responses, or a grade from 1 to 10"),
  compare_prompt: promptFile.describe(
    'file with {prompt}, {first} and {second} that asks for the better response, A or B',
  ),
  grade_prompt: promptFile.describe('file with {prompt} and {response} that asks for a grade from 1 to 10'),
  temperature: z.number().min(0).max(2).default(0).describe('temperature of the judge'),
  max_tokens: z
    .int()
    .min(1)
    .max(MAX_TOKENS)
    .default(16)
    .describe('longest answer of the judge; more if it reasons first'),
  max_comparisons: z
    .int()
    .min(1)
    .max(MAX_STEPS)
    .default(64)
    .describe('most pairs of responses that a tournament compares per prompt, each in both orders'),
  max_unusable: fraction
    .default(0.1)
    .describe('share of refusals and unparsable answers from which on the judge is given up'),
  price_input: price.describe('price of a million input tokens, to report the cost'),
  price_output: price.describe('price of a million output tokens'),
});

export const rewardOptionsSchema = z.strictObject({
  timeout_seconds: z.number().gt(0).max(86_400).default(60).describe('time given to one request or one call'),
  retries: z.int().min(0).max(20).default(3).describe('tries after a failed request'),
  concurrency: z.int().min(1).max(256).default(4).describe('requests under way at once'),
  batch_size: z.int().min(1).max(4096).default(16).describe('responses in one request or forward pass'),
  judge: judgeSchema.prefault({}),
});

const projectSchema = z
  .string()
  .regex(/^[^/\\#?%:]{1,128}$/, 'expected a name of at most 128 characters without / \\ # ? % :');

export const trackersSchema = z.strictObject({
  tensorboard: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('folder that TensorBoard event files are written to'),
  wandb: z
    .strictObject({
      project: projectSchema.describe('Weights & Biases project, through the Python package wandb'),
      entity: projectSchema.nullable().default(null).describe('user or team of the project; null is the default one'),
    })
    .nullable()
    .default(null)
    .describe('send metrics to Weights & Biases'),
  trackio: z
    .strictObject({ project: projectSchema.describe('trackio project, through the Python package trackio') })
    .nullable()
    .default(null)
    .describe('store metrics in a local trackio project'),
});

export const backendNames = ['cuda', 'tensorflow', 'native', 'wasm'] as const;
export type BackendName = (typeof backendNames)[number];
export const backendSchema = z.enum(['auto', ...backendNames]);
export type BackendChoice = z.infer<typeof backendSchema>;

/** The type that operands of matrix products are rounded to on `cuda` and `native`; sums are always float32. */
export const precisionSchema = z.enum(['bf16', 'tf32', 'fp32']);
export type Precision = z.infer<typeof precisionSchema>;

const threadsExpected = 'expected a whole number from 1 to 256, or none for as many as this process may use';
export const threadsSchema = z.int(threadsExpected).min(1, threadsExpected).max(256, threadsExpected);

export const configSchema = z.strictObject({
  model: z.string().min(1).describe('Hugging Face folder of the base policy'),
  reward: z
    .string()
    .min(1)
    .describe(
      'hf:DIR, module:FILE, http:URL, judge:http://HOST/v1#MODEL, or a weighted sum such as 0.7*hf:A+0.3*module:B.mjs',
    ),
  prompts: z.string().min(1).describe('JSON lines with a `prompt` each'),
  held_out: z.string().min(1).describe('JSON lines of the prompts that rounds are evaluated on'),
  preferences: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("JSON lines of people's preferences, which the reward is checked against before round 1"),
  seed: z.int().min(0).default(0).describe('every random choice of the run follows from it'),
  backend: backendSchema.default('auto').describe('tensor backend'),
  threads: threadsSchema
    .nullable()
    .default(null)
    .describe('threads that the native backend computes with; null is as many as the process may use'),
  precision: precisionSchema
    .nullable()
    .default(null)
    .describe('what operands of matrix products are rounded to; null is bf16 on the cuda backend and fp32 on native'),
  sampling: samplingSchema.prefault({}),
  rewards: rewardOptionsSchema.prefault({}),
  pairs: runPairsSchema.prefault({}),
  dpo: runDpoSchema.prefault({}),
  update: updateSchema.prefault({}),
  evaluation: runEvaluationSchema.prefault({}),
  trackers: trackersSchema.prefault({}),
});

/** A complete, checked configuration. */
export type Config = z.infer<typeof configSchema>;
export type ServerConfig = z.infer<typeof serverSchema>;
export type JobConfig = z.infer<typeof jobSchema>;
export type SamplingConfig = Config['sampling'];
export type UpdateConfig = Config['update'];
export type DpoConfig = Config['dpo'];
export type LoraConfig = z.infer<typeof loraSchema>;
export type RewardOptions = Config['rewards'];
export type JudgeOptions = RewardOptions['judge'];
export type PairsConfig = Config['pairs'];
