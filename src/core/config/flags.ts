/** Maps command-line flags to configuration keys. Ranges, defaults and descriptions come from the schema. */

export type Group = 'sampling' | 'pairs' | 'dpo' | 'update' | 'evaluation' | 'rewards' | 'trackers';

/** A flag that sets one key: `--top-p` sets `sampling.top_p`. */
export interface Flag {
  flags: string;
  group: Group;
  key: string;
}

const flag = (flags: string, group: Group, key: string): Flag => ({ flags, group, key });

export const samplingFlags = [
  flag('-n, --samples-per-prompt <K>', 'sampling', 'samples_per_prompt'),
  flag('--temperature <T>', 'sampling', 'temperature'),
  flag('--top-p <P>', 'sampling', 'top_p'),
  flag('--top-k <K>', 'sampling', 'top_k'),
  flag('--min-p <P>', 'sampling', 'min_p'),
  flag('--repetition-penalty <R>', 'sampling', 'repetition_penalty'),
  flag('--max-new-tokens <N>', 'sampling', 'max_new_tokens'),
  flag('--sampling-batch <N>', 'sampling', 'batch_size'),
];

/** Of one response: how many are sampled for each prompt is a flag of its own, or fixed. */
export const decodingFlags = samplingFlags.filter(({ key }) => key !== 'samples_per_prompt');

export const dpoFlags = [
  flag('--objective <name>', 'dpo', 'objective'),
  flag('--beta <β>', 'dpo', 'beta'),
  flag('--alpha <α>', 'dpo', 'alpha'),
  flag('--gamma-ratio <γ/β>', 'dpo', 'gamma_ratio'),
  flag('--ld-scale <a>', 'dpo', 'ld_scale'),
  flag('--label-smoothing <ε>', 'dpo', 'label_smoothing'),
  flag('--nll-weight <λ>', 'dpo', 'nll_weight'),
];

export const updateFlags = [
  flag('--lr <rate>', 'update', 'lr'),
  flag('--batch-size <pairs>', 'update', 'batch_size'),
  flag('--micro-batch <pairs>', 'update', 'micro_batch'),
  flag('--epochs <n>', 'update', 'epochs'),
  flag('--steps <n>', 'update', 'steps'),
  flag('--schedule <kind>', 'update', 'schedule'),
  flag('--warmup <share>', 'update', 'warmup'),
  flag('--weight-decay <λ>', 'update', 'weight_decay'),
  flag('--decay <which>', 'update', 'decay'),
  flag('--clip <norm>', 'update', 'clip'),
  flag('--held-out-share <share>', 'update', 'held_out_share'),
  flag('--eval-steps <n>', 'update', 'eval_steps'),
];

export const pairsFlags = [
  flag('--strategy <kind>', 'pairs', 'strategy'),
  flag('--length-penalty <λ>', 'pairs', 'length_penalty'),
  flag('--pairs-per-prompt <n>', 'pairs', 'per_prompt'),
  flag('--min-gap <reward>', 'pairs', 'min_gap'),
  flag('--pair-weight <kind>', 'pairs', 'weight'),
];

export const rewardFlags = [
  flag('--reward-timeout <seconds>', 'rewards', 'timeout_seconds'),
  flag('--reward-retries <n>', 'rewards', 'retries'),
  flag('--reward-concurrency <n>', 'rewards', 'concurrency'),
  flag('--reward-batch <n>', 'rewards', 'batch_size'),
  flag('--judge-mode <mode>', 'rewards', 'judge.mode'),
  flag('--judge-compare-prompt <file>', 'rewards', 'judge.compare_prompt'),
  flag('--judge-grade-prompt <file>', 'rewards', 'judge.grade_prompt'),
  flag('--judge-temperature <T>', 'rewards', 'judge.temperature'),
  flag('--judge-max-tokens <n>', 'rewards', 'judge.max_tokens'),
  flag('--judge-max-comparisons <pairs>', 'rewards', 'judge.max_comparisons'),
  flag('--judge-max-unusable <share>', 'rewards', 'judge.max_unusable'),
  flag('--judge-price-input <price>', 'rewards', 'judge.price_input'),
  flag('--judge-price-output <price>', 'rewards', 'judge.price_output'),
];

/** `--sample-server` takes several URLs, separated by commas. */
export const serverFlags = [
  flag('--sample-server <url,…>', 'sampling', 'server.endpoints'),
  flag('--server-kind <kind>', 'sampling', 'server.kind'),
  flag('--server-weights <how>', 'sampling', 'server.weights'),
  flag('--server-restart <command>', 'sampling', 'server.restart'),
  flag('--server-key-variable <name>', 'sampling', 'server.key_variable'),
  flag('--server-concurrency <n>', 'sampling', 'server.concurrency'),
  flag('--server-timeout <seconds>', 'sampling', 'server.timeout_seconds'),
  flag('--server-startup <seconds>', 'sampling', 'server.startup_seconds'),
  flag('--server-retries <n>', 'sampling', 'server.retries'),
  flag('--server-probes <n>', 'sampling', 'server.probes'),
  flag('--server-tolerance <nats>', 'sampling', 'server.tolerance'),
  flag('--server-paths <local=remote,…>', 'sampling', 'server.paths'),
];

export const trackerFlags = [
  flag('--tensorboard <dir>', 'trackers', 'tensorboard'),
  flag('--wandb <project>', 'trackers', 'wandb.project'),
  flag('--trackio <project>', 'trackers', 'trackio.project'),
];

/** Flags that `brevity RUN` and `brevity auto RUN` accept for a new run. */
export const runFlags = [
  ...samplingFlags,
  ...serverFlags,
  ...pairsFlags,
  ...dpoFlags,
  ...updateFlags,
  ...rewardFlags,
  ...trackerFlags,
];

/** Flags of keys outside the groups. `update.lora.rank` sets the whole of `update.lora`. */
const otherFlags: Record<string, string> = {
  model: '--model',
  reward: '--reward',
  prompts: '--prompts',
  held_out: '--held-out',
  preferences: '--preferences',
  seed: '--seed',
  backend: '--backend',
  threads: '--threads',
  precision: '--precision',
  'dpo.reference': '--reference',
  'update.lora.rank': '--lora',
  'update.job.launcher': '--job',
  'update.job.command': '--job-command',
  'update.job.setup': '--job-setup',
  'update.job.sbatch': '--sbatch',
  'update.job.ray': '--job-ray',
  'update.job.ray_gpus': '--job-ray-gpus',
  'update.job.submit': '--job-submit',
  'update.job.status': '--job-status',
  'update.job.cancel': '--job-cancel',
  'update.job.poll_seconds': '--job-poll',
  'update.job.paths': '--job-paths',
};

/** The flag of each dotted key that has one. */
export const flagNames: ReadonlyMap<string, string> = new Map([
  ...runFlags.map(({ flags, group, key }): [string, string] => [`${group}.${key}`, longName(flags)]),
  ...Object.entries(otherFlags),
]);

/** `-n, --samples-per-prompt <K>` becomes `--samples-per-prompt`. */
function longName(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}
