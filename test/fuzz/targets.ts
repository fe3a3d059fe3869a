/** One target for each reader of data from outside: makes a damaged input, and reads it as the program does. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { readJournal as readAnswerJournal } from '../../src/cli/answerFile.js';
import { publicWinRates } from '../../src/cli/publicWinRates.js';
import { winRateCommand } from '../../src/cli/winRate.js';
import { keySchema, parserFor } from '../../src/cli/options.js';
import { runFlags } from '../../src/core/config/flags.js';
import { UserError } from '../../src/core/errors.js';
import { HttpFailure } from '../../src/io/http.js';
import { parseJson } from '../../src/core/limits.js';
import {
  MetricsTail,
  readControl,
  readDone,
  readJobProbes,
  readLaunch,
  readLogTail,
  readPairs,
  readRequest,
  readStatus,
} from '../../src/remote/jobs/contract.js';
import { EndpointFault, type Protocol, type ProtocolContext } from '../../src/remote/servers/protocol.js';
import { Sglang } from '../../src/remote/servers/sglang.js';
import { Vllm } from '../../src/remote/servers/vllm.js';
import { readEndpoints, readNoise, readPolicyProbes } from '../../src/run/stages/policyProbes.js';
import { readPolicyFiles } from '../../src/model/policyFiles.js';
import {
  dpoSchema,
  evaluationSchema,
  pairsSchema,
  rewardOptionsSchema,
  trackersSchema,
  samplingSchema,
  updateSchema,
} from '../../src/core/config/schema.js';
import { referenceLogps } from '../../src/train/referenceLogps.js';
import { parseRequest } from '../../src/protocol/wire.js';
import { isQuery } from '../../src/engine/queries.js';
import { RoundView } from '../../src/engine/view.js';
import { readModelConfig } from '../../src/model/config.js';
import { weightFiles } from '../../src/model/files.js';
import { readAdapterConfig } from '../../src/model/peft.js';
import { SafetensorsReader, writeSafetensors } from '../../src/model/safetensors.js';
import { compileTemplate } from '../../src/model/jinja.js';
import { Tokenizer } from '../../src/model/tokenizer.js';
import { readPrompts } from '../../src/io/prompts.js';
import { checkLines } from '../../src/core/rewardCheck/words.js';
import type { Reward } from '../../src/rewards/index.js';
import { checkedReward, readLabelledRows, scoreLabelled } from '../../src/run/rewardCheck.js';
import { parseQuestions, readAnnotations, readDifficulties, readJudgments } from '../../src/io/publicEvaluations.js';
import { readScoredFile } from '../../src/run/reviewFile.js';
import { parseFilter, type FilterNumber } from '../../src/core/review/filter.js';
import { openHttpReward } from '../../src/rewards/http.js';
import { parseRewardSpec, resolveRewardSpec } from '../../src/core/config/rewardSpec.js';
import { readAnswer } from '../../src/rewards/judge/answer.js';
import { finiteReward } from '../../src/rewards/types.js';
import { readHeldOut } from '../../src/run/stages/answers.js';
import { readCheckpoint } from '../../src/run/stages/checkpoint.js';
import { readAnswers } from '../../src/run/stages/evaluate.js';
import { streamReview } from '../../src/run/stages/reviewFiles.js';
import { trainingPairs } from '../../src/run/stages/update.js';
import { branchesOf, newRound, overriddenKeys, settingOf, treeOf } from '../../src/core/rounds.js';
import { lockHolder } from '../../src/io/lock.js';
import { RowIndex } from '../../src/run/rowIndex.js';
import { Run } from '../../src/run/run.js';
import { sampleRowSchema } from '../../src/core/rows.js';
import { Keyboard } from '../../components/terminal/keyboard.js';
import { readJournal } from '../../src/cli/reviewSession.js';
import { Bench, config, evaluation } from '../engine/fakes.js';
import { goldenFolder } from '../golden.js';
import type { Mutator } from './mutate.js';
import { checkConfig, readConfigFile } from '../../src/io/configFile.js';
import { namedByUser } from '../../src/core/trust.js';
import { readSettings } from '../../src/cli/preferences.js';

export interface Target {
  /** What the reader takes: the bytes of a file, a line, an answer. */
  make(mutator: Mutator): Buffer;
  read(input: Buffer): unknown;
  close?(): void;
}

const chosenLetter = {
  token: ' A',
  logprob: -0.1,
  top_logprobs: [
    { token: ' A', logprob: -0.1 },
    { token: 'B', logprob: -2.5 },
  ],
};
const judged = {
  choices: [
    {
      message: { content: 'Answer: A', refusal: null },
      finish_reason: 'stop',
      logprobs: { content: [{ token: 'Answer:', logprob: 0 }, chosenLetter] },
    },
  ],
  usage: { prompt_tokens: 100, completion_tokens: 3 },
};
const judgeWords = ['[[', ']]', 'A', 'B', '10', '7/10', '**', 'Answer: ', '\n', '1e9', '٣', ' '.repeat(2000)];

/** A usable judgement is in its range, whatever was read. */
function readJudge(question: 'compare' | 'grade', completion: unknown): void {
  let judgement: ReturnType<typeof readAnswer>['judgement'];
  try {
    ({ judgement } = readAnswer(question, completion));
  } catch (error) {
    // The judge makes one sentence of it.
    if ((error as Error).name !== 'ZodError') throw error;
    return;
  }
  const [least, most] = question === 'compare' ? [0, 1] : [1, 10];
  if (judgement.kind === 'usable' && !(judgement.value >= least && judgement.value <= most))
    throw new Error(`${question}: the answer was read as ${judgement.value}`);
}

const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };

const response = (ids: number[]) => ({
  ...{ ids, text: ids.join(' '), logps: -1.5, token_logprobs: ids.map(() => -0.5), finish_reason: 'stop' as const },
});
const samples = [0, 1, 2].map((prompt_index) => ({
  ...{ prompt_index, prompt: `p${prompt_index}`, prompt_ids: [1, 2], responses: [response([3, 4]), response([5])] },
}));
const reviewRows = samples.map(({ prompt_index, prompt }) => ({
  ...{ prompt_index, prompt, rewards: [1, 0], lengths: [2, 1], truncated: [false, false], logps: [-1, -2] },
  parts: [
    [1, 0],
    [0, 1],
  ],
  ...{ automatic: { chosen: 0, rejected: 1 }, chosen_text: '3 4', rejected_text: '5' },
}));
const pair = {
  prompt_index: 0,
  prompt: 'p0',
  prompt_ids: [1],
  chosen_ids: [2, 3],
  rejected_ids: [4],
  chosen_reward: 1,
  rejected_reward: 0,
};
const metrics = Object.fromEntries(
  [
    ...['step', 'total_steps', 'epoch', 'loss', 'grad_norm', 'learning_rate', 'rewards/chosen', 'rewards/rejected'],
    ...[
      'rewards/margins',
      'rewards/accuracies',
      'logps/chosen',
      'logps/rejected',
      'lengths/chosen',
      'lengths/rejected',
    ],
    ...['lengths/margin', 'weights/mean', 'tokens', 'tokens_per_second', 'micro_batch', 'memory_mb'],
  ].map((name) => [name, 1]),
);
const decision = (prompt_index: number, ruling: unknown) => ({
  at: 'now',
  action: 'decide',
  decision: { prompt_index, ruling, note: '' },
});

/** Files of a round, with rows that are sound. */
const roundFiles: Record<string, unknown[]> = {
  'samples.jsonl': samples,
  'scores.jsonl': samples.map(({ prompt_index }) => ({ prompt_index, rewards: [1, 0] })),
  'pairs.jsonl': [pair, { ...pair, prompt_index: 1 }],
  'review.jsonl': reviewRows,
  'decisions.jsonl': [
    decision(0, { kind: 'pair', chosen: 1, rejected: 0 }),
    decision(1, { kind: 'exclude' }),
    { at: 'now', action: 'undo' },
    {
      at: 'now',
      action: 'decide-all',
      decisions: [{ prompt_index: 1, ruling: null, note: 'n', weight: 2, reviewer: 'ann', samples: '0' }],
    },
  ],
  'metrics.jsonl': [metrics],
  'probes.jsonl': [{ step: 0, probe: 0, prompt: 'p', text: 't', length: 1, truncated: false }],
  'reference.jsonl': [{ key: 'k', logps: -1 }],
  'held-out-samples.jsonl': samples,
  'held-out-scores.jsonl': samples.map(({ prompt_index }) => ({ prompt_index, rewards: [1] })),
};

const lossOfJob = {
  name: 'lr-dpo' as const,
  ...{ beta: 0.1, alpha: 0.02, label_smoothing: 0, gamma_ratio: 0, ld_scale: 1, nll_weight: 0.1 },
};

/** Files of an update job. */
const jobContents: Record<string, object | unknown[]> = {
  'request.json': {
    ...{ version: 2, id: 'brevity-1a2b3c4d-r0003', round: 3, policy: '/m', reference: '/m', same: true },
    objective: lossOfJob,
    update: {
      ...{ lr: 5e-7, batch_size: 32, micro_batch: 8, epochs: 1, steps: 0, schedule: 'cosine', warmup: 0.1 },
      ...{ weight_decay: 0, decay: 'matrices', clip: 1, adam_beta1: 0.9, adam_beta2: 0.999, adam_eps: 1e-8 },
      ...{ activation_checkpointing: false, lora: null, checkpoint_seconds: 60 },
    },
    ...{ seed: 1, precision: null, threads: null, backend: 'auto', probe_tolerance: null },
  },
  'pairs.jsonl': [
    { ...pair, ref_chosen_logps: -1, ref_rejected_logps: -2, weight: 2 },
    { ...pair, chosen_win_probability: 0.7, rejected_win_probability: 0.2 },
  ],
  'probes.jsonl': [{ prompt_ids: [1], response_ids: [2, 3], server_logprobs: [-1, -2] }],
  'status.json': {
    ...{ state: 'training', done: 1, total: 2, host: 'h', pid: 1, processes: 1, device: 'cpu', executor: 'e' },
    ...{ attempt: 1, started: '2026-01-01T00:00:00Z', updated: '2026-01-01T00:00:00Z', z_error: null },
  },
  'done.json': {
    ...{ version: 1, outcome: 'done', steps: 2, message: null, executor: 'e', seconds: 1, memory_mb: 1 },
    ...{ z_error: 0, probes: { start: [[-1, -2]], end: [[-1, -1]] } },
  },
  'launch.json': {
    ...{ version: 1, id: 'brevity-1a2b3c4d-r0003', launcher: 'slurm', attempt: 1, state: 'submitted', job: '12' },
    ...{ submitted_at: '2026-01-01T00:00:00Z', started_at: null, told: null, end: null },
  },
  'metrics.jsonl': [metrics, { ...metrics, step: 2 }],
  log: ['a line', 'another'],
  control: ['stop'],
};
const policyProbes = {
  ...{ round: 2, parent: 1, by: 'trainer', sequences: [{ prompt_ids: [1], response_ids: [2, 3] }] },
  ...{ start: [[-1, -2]], end: [[-1, -1]] },
};
const verification = {
  ...{ at: '2026-01-01T00:00:00Z', url: 'http://a:1', kind: 'vllm', version: '0.32.0', noise: 1e-7 },
  verification: { weights: 'round 1', tokens: 2, mean: 0.1, max: 0.2, shift: 1, verdict: 'verified', note: null },
};

function writeRound(run: Run): void {
  for (const [name, rows] of Object.entries(roundFiles))
    writeFileSync(run.files.file(1, name), rows.map((row) => JSON.stringify(row) + '\n').join(''));
}

function newRun(directory: string): Run {
  rmSync(directory, { recursive: true, force: true });
  const run = Run.create(directory, config);
  run.addRound({ ...newRound(0, null, settings), stage: 'done', evaluation });
  run.addRound({ ...newRound(1, 0, settings), stage: 'review', pairs: 2 });
  run.addRound({ ...newRound(2, 1, settings), stage: 'done', name: 'two', evaluation });
  run.select(1);
  writeRound(run);
  return run;
}

const readAll = async (rows: AsyncIterable<unknown>) => {
  for await (const _ of rows);
};

const llama = readFileSync(`${goldenFolder}llama-tied-gqa/model/config.json`, 'utf8');
const template = readFileSync(`${goldenFolder}tokenizers/bpe-qwen/chat_template.jinja`, 'utf8');
const templateWords = [
  ...[
    '{{',
    '}}',
    '{%',
    '%}',
    '{% for i in range(10**9) %}',
    '{% endfor %}',
    '{% if x %}',
    '{% endif %}',
    'messages',
    '|',
  ],
  ...[
    ' | tojson',
    ' | join(messages)',
    ' ~ ',
    ' * ',
    '[',
    ']',
    '(',
    ')',
    '{% set ns = namespace(x=1) %}',
    'ns.x',
    'loop',
  ],
  ...[
    '{% set x = x ~ x %}',
    '| indent(99999)',
    '.split("")',
    '.replace("", "xxxxxxxx")',
    '{% macro f() %}',
    '{% endmacro %}',
    '**',
  ],
];
const messages = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi.' },
];

/** Public evaluations. */
const questions = [
  { instruction: 'a' },
  { uid: 'u1', category: 'hard_prompt', prompt: 'a' },
  { question_id: 81, turns: ['a', 'b'] },
  { prompt_ids: [1, 2] },
];
const annotations = ['a', 'a', 'b'].map((instruction, i) => ({
  ...{ instruction, output_1: 'one', output_2: i === 0 ? 'two' : 'zwei 🙂', generator_1: 'b', generator_2: 'm' },
  preference: [1.9, 1, null][i],
}));
const counts = {
  header_count: { h1: 1, h2: 0, h3: 0, h4: 0, h5: 0, h6: 0 },
  list_count: { ordered: 0, unordered: 3 },
  bold_count: { '**': 2, __: 0 },
};
const arenaAnswers = ['u1', 'u2', 'u3'].map((uid, i) => ({
  ...{ uid, ans_id: 'x', model: 'm', tstamp: 0, metadata: { token_len: 5 + i, ...counts } },
  messages: [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: { answer: 'a' } },
  ],
}));
const arenaJudgments = ['u1', 'u2', 'u3'].map((uid, i) => ({
  ...{ uid, category: 'hard_prompt', judge: 'j', model: 'm', baseline: 'b' },
  games: [{ score: ['A>>B', 'B>A', 'A=B'][i], prompt: messages }, { score: 'A>B' }],
}));

/** A rate must be a number: JSON writes null for what is not. Intervals of few prompts are null. */
function expectRates(rows: object[] | null): void {
  const text = JSON.stringify(rows);
  if (/(rate|style|length|headers|lists|bold|low|high)":null/.test(text))
    throw new Error(`a rate is not a number: ${text}`);
}

/** @param directory an empty folder that the targets may fill */
export async function targets(directory: string): Promise<Record<string, Target>> {
  const inside = (...names: string[]) => path.join(directory, ...names);
  const folder = (name: string) => {
    mkdirSync(inside(name), { recursive: true });
    return inside(name);
  };

  const run = newRun(inside('run'));
  const runJson = JSON.parse(readFileSync(inside('run', 'run.json'), 'utf8')) as object;
  const damaged = newRun(inside('rounds'));
  const names = Object.keys(roundFiles);
  let last = names[0];

  const weights = folder('weights');
  writeSafetensors(path.join(weights, 'model.safetensors'), [
    { name: 'a', shape: [2, 2], dtype: 'F32', values: () => Float32Array.of(1, 2, 3, 4) },
    { name: 'b', shape: [3], dtype: 'BF16', values: () => Float32Array.of(1, 2, 3) },
  ]);
  const sound = readFileSync(path.join(weights, 'model.safetensors'));
  const headerLength = Number(sound.readBigUInt64LE());
  const header = JSON.parse(sound.subarray(8, 8 + headerLength).toString()) as object;
  const shards = folder('shards');
  writeFileSync(path.join(shards, 'model-1.safetensors'), sound);
  const checkpoint = folder('checkpoint');
  const tokenizer = folder('tokenizer');
  const tokenizerJson = JSON.parse(readFileSync(`${goldenFolder}tokenizers/bpe-gpt2/tokenizer.json`, 'utf8')) as {
    model: { vocab: Record<string, number>; merges: unknown[] };
  };
  // A small one is as good to damage and much faster to read.
  tokenizerJson.model.vocab = Object.fromEntries(Object.entries(tokenizerJson.model.vocab).slice(0, 270));
  tokenizerJson.model.merges = [];
  const configured = folder('configured');
  writeFileSync(path.join(configured, 'tokenizer.json'), JSON.stringify(tokenizerJson));
  const model = folder('model');
  const adapter = folder('adapter');

  let answer: Buffer = Buffer.alloc(0);
  const server: Server = createServer((request, reply) => {
    request.resume();
    request.on('end', () => reply.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = rewardOptionsSchema.parse({ retries: 0, batch_size: 2, concurrency: 1 });

  const bench = new Bench(newRun(inside('engine')));
  await bench.start();
  const groups = {
    sampling: samplingSchema,
    pairs: pairsSchema,
    dpo: dpoSchema,
    update: updateSchema,
    evaluation: evaluationSchema,
    rewards: rewardOptionsSchema,
    trackers: trackersSchema,
  };

  const jsonLinesFile = (name: string, rows: unknown[], read: (file: string) => unknown): Target => ({
    make: (mutator) => mutator.jsonLines(rows),
    read(input) {
      writeFileSync(inside(name), input);
      return read(inside(name));
    },
  });
  const jsonFile = (file: string, value: object, read: () => unknown): Target => ({
    make: (mutator) => mutator.jsonFile(value),
    read(input) {
      writeFileSync(file, input);
      return read();
    },
  });
  const readWeights = (dir: string) => {
    const reader = SafetensorsReader.open(dir);
    try {
      for (const name of reader.names()) reader.readFloats(name);
    } finally {
      reader.close();
    }
  };

  const job = folder('job');
  const jobReaders: Record<string, () => unknown> = {
    'request.json': () => readRequest(job),
    'pairs.jsonl': () => readPairs(job, { version: 2, objective: lossOfJob }),
    'probes.jsonl': () => readJobProbes(job),
    'status.json': () => readStatus(job),
    'done.json': () => readDone(job),
    'launch.json': () => readLaunch(job),
    'metrics.jsonl': () => new MetricsTail(path.join(job, 'metrics.jsonl')).read(),
    log: () => readLogTail(job, 4096),
    control: () => readControl(job),
  };

  let written = 0;
  return {
    'run.json': jsonFile(inside('run', 'run.json'), runJson, () => {
      const opened = Run.open(run.directory);
      treeOf(opened.rounds);
      branchesOf(opened.rounds);
      for (const round of opened.rounds) {
        opened.descendants(round.id);
        overriddenKeys(round);
        settingOf(opened.config, round, 'sampling.top_p');
        if (round.damaged === undefined && opened.rounds.every(({ damaged: why }) => why === undefined))
          opened.branch(round.id);
      }
      opened.nextId();
      // Writing syncs the disk, which is slow.
      if (written++ % 50 !== 0) return;
      opened.setPending(null);
      Run.open(run.directory);
    }),

    'round files': {
      make(mutator) {
        const name = mutator.pick(names);
        return Buffer.concat([Buffer.from(`${name}\n`), mutator.jsonLines(roundFiles[name])]);
      },
      async read(input) {
        const end = input.indexOf(10);
        const name = input.subarray(0, end).toString();
        const rows = roundFiles[last];
        writeFileSync(damaged.files.file(1, last), rows.map((row) => JSON.stringify(row) + '\n').join(''));
        writeFileSync(damaged.files.file(1, name), input.subarray(end + 1));
        last = name;
        JSON.stringify(RoundView.read(damaged, 1).data());
        const attempts: (() => unknown)[] = [
          () => readHeldOut(damaged.files, 1),
          () => readAnswers({ config, files: damaged.files } as never, 1),
          () => trainingPairs({ config, files: damaged.files, round: damaged.round(1) }),
          () => readAll(streamReview(damaged.files, 1)),
          () => new RowIndex(damaged.files.file(1, 'samples.jsonl'), sampleRowSchema).row(1),
          () => referenceLogps(damaged.files.file(1, 'reference.jsonl'), 'f', [], () => Promise.resolve([])),
        ];
        let refused: unknown = null;
        for (const attempt of attempts) {
          try {
            await attempt();
          } catch (error) {
            if ((error as Error).name !== 'UserError') throw error;
            refused = error;
          }
        }
        if (refused !== null) throw refused;
      },
    },

    'configuration file': jsonFile(inside('config.json'), { ...config, prompts: 'p.jsonl', held_out: 'h.jsonl' }, () =>
      checkConfig(readConfigFile(inside('config.json')), (key) => key),
    ),

    flags: {
      make: (mutator) =>
        Buffer.from(
          mutator.text(mutator.pick(['1', '0.5', '1e-6', 'cosine', 'best-worst', '-1', '1e999', '0x10', ' 7 '])),
        ),
      read(input) {
        for (const { group, key } of runFlags) {
          try {
            parserFor(keySchema(groups[group], key))(input.toString());
          } catch (error) {
            // Commander's own error for an argument, which it prints as a sentence.
            if ((error as { code?: string }).code !== 'commander.invalidArgument') throw error;
          }
        }
      },
    },

    prompts: jsonLinesFile(
      'prompts.jsonl',
      [{ prompt: 'text' }, { prompt: messages }, { prompt_ids: [1, 2, 3], mine: { a: 1 } }],
      readPrompts,
    ),

    'model config.json': jsonFile(path.join(model, 'config.json'), JSON.parse(llama) as object, () =>
      readModelConfig(model),
    ),

    'safetensors header': {
      make(mutator) {
        const text = mutator.jsonFile(header);
        const length = Buffer.alloc(8);
        const kind = mutator.below(6);
        length.writeBigUInt64LE(
          kind === 0 ? 2n ** 63n : BigInt(Math.max(0, text.length + (kind === 1 ? mutator.below(9) - 4 : 0))),
        );
        const file = Buffer.concat([length, text, sound.subarray(8 + headerLength)]);
        return mutator.below(4) === 0 ? mutator.bytes(file) : file;
      },
      read(input) {
        writeFileSync(path.join(weights, 'model.safetensors'), input);
        readWeights(weights);
      },
    },

    'shard index': jsonFile(
      path.join(shards, 'model.safetensors.index.json'),
      { metadata: { total_size: 22 }, weight_map: { a: 'model-1.safetensors', b: 'model-1.safetensors' } },
      () => {
        weightFiles(shards, 'model');
        readWeights(shards);
      },
    ),

    'update checkpoint': {
      make: (mutator) => mutator.bytes(mutator.below(2) === 0 ? sound : mutator.bytes(sound)),
      read(input) {
        writeFileSync(path.join(checkpoint, 'state.safetensors'), input);
        return readCheckpoint(checkpoint, 4);
      },
    },

    'tokenizer.json': jsonFile(path.join(tokenizer, 'tokenizer.json'), tokenizerJson, () => {
      const loaded = Tokenizer.load(tokenizer);
      loaded.decode(loaded.encode('Hello, world! ß 😀'));
    }),

    'tokenizer_config.json': jsonFile(
      path.join(configured, 'tokenizer_config.json'),
      {
        chat_template: [
          { name: 'default', template },
          { name: 'tool', template: 'x' },
        ],
        bos_token: '<s>',
        eos_token: { content: '</s>' },
      },
      () => {
        const loaded = Tokenizer.load(configured);
        if (loaded.hasChatTemplate) loaded.conversationIds(messages);
      },
    ),

    'chat template': {
      make: (mutator) => Buffer.from(mutator.text(mutator.below(3) === 0 ? '' : template, templateWords)),
      read(input) {
        let compiled: ReturnType<typeof compileTemplate>;
        try {
          compiled = compileTemplate(input.toString());
          compiled.render({ messages, add_generation_prompt: true });
        } catch (error) {
          // chat.ts makes one sentence of whatever a template throws.
          if (!(error instanceof Error)) throw error;
        }
      },
    },

    'adapter_config.json': jsonFile(
      path.join(adapter, 'adapter_config.json'),
      { peft_type: 'LORA', base_model_name_or_path: model, r: 8, lora_alpha: 16, bias: 'none', rank_pattern: {} },
      () => readAdapterConfig(adapter),
    ),

    'reward answer': {
      make: (mutator) => mutator.jsonFile({ rewards: [1, 0.5] }),
      async read(input) {
        answer = input;
        const reward = await openHttpReward(new URL(`${base}/get_reward`), options, namedByUser);
        await reward.score(
          [
            { prompt: 'p', response: 'a' },
            { prompt: 'p', response: 'b' },
          ],
          { onReward: () => {} },
        );
      },
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    },

    'reward answer of vLLM': {
      make: (mutator) =>
        mutator.jsonFile({
          data: [
            { index: 0, probs: [1] },
            { index: 1, probs: [0.5] },
          ],
        }),
      async read(input) {
        answer = input;
        const reward = await openHttpReward(new URL(`${base}/classify?model=m`), options, namedByUser);
        await reward.score(
          [
            { prompt: 'p', response: 'a' },
            { prompt: 'p', response: 'b' },
          ],
          { onReward: () => {} },
        );
      },
    },

    "judge's answer": {
      make: (mutator) => mutator.jsonFile(judged),
      read(input) {
        let completion: unknown;
        try {
          completion = parseJson(input.toString());
        } catch {
          // io/http.ts reports it.
          return;
        }
        for (const question of ['compare', 'grade'] as const) readJudge(question, completion);
      },
    },

    "judge's words": {
      make: (mutator) => Buffer.from(mutator.text('Both are good.\nVerdict: [[A]]', judgeWords)),
      read(input) {
        const completion = { choices: [{ message: { content: input.toString() } }] };
        for (const question of ['compare', 'grade'] as const) readJudge(question, completion);
      },
    },

    'reward value': {
      make: (mutator) => mutator.jsonFile([1]),
      read(input) {
        let value: unknown;
        try {
          value = JSON.parse(input.toString());
        } catch {
          value = input.toString();
        }
        return finiteReward(value, 'module:r.mjs', { prompt: 'p' });
      },
    },

    'reward specification': {
      make: (mutator) =>
        Buffer.from(
          mutator.text('0.7*hf:a+0.3*module:b.mjs+http://h/predict?tokenizer=t', [
            '+',
            '*',
            'hf:',
            'http://',
            '1e',
            '%',
            '@',
            '[',
            '..',
          ]),
        ),
      read(input) {
        parseRewardSpec(input.toString());
        resolveRewardSpec(input.toString(), '/base');
      },
    },

    'socket request': {
      make: (mutator) =>
        mutator.jsonFile(
          mutator.pick<object>([
            { id: 1, type: 'attach', client: 'tui' },
            { id: 1, type: 'fork', parent: 0, settings: { alpha: 0.1 }, overrides: { sampling: { top_p: 0.5 } } },
            { id: 1, type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 1, rejected: 0 }, note: 'n' },
            { id: 1, type: 'decide-all', prompts: [0, 1], ruling: 'exclude', weight: 2, reviewer: 'ann' },
            { id: 1, type: 'take-decisions', file: '/none' },
            { id: 1, type: 'set', settings: { alpha: 0.1, beta: 0.2, lr: 1e-6 } },
            { id: 1, type: 'name-round', round: 1, name: 'n', note: 'm' },
            { id: 1, type: 'judge', round: 2, verdict: 'accepted' },
            { id: 1, type: 'fewer-samples', samples_per_prompt: 2 },
            { id: 1, type: 'read-tokens', round: 1, prompt_index: 0, sample: 0 },
            { id: 1, type: 'read-detail', round: 1, prompt_index: 0 },
            { id: 1, type: 'read-plan', round: 1 },
            { id: 1, type: 'read-hacking', round: 1 },
            { id: 1, type: 'read-held-out', round: 2 },
            { id: 1, type: 'undo' },
          ]),
        ),
      async read(input) {
        const request = parseRequest(input.toString());
        if ('problem' in request) throw request.problem;
        if (isQuery(request)) return bench.engine.answer(request);
        if (request.type === 'attach' || request.type === 'take-over' || request.type === 'shutdown') return;
        if (request.type === 'fork' || request.type === 'redo-round' || request.type === 'next-round') return;
        bench.engine.handle(request);
      },
    },

    'lock file': jsonFile(
      path.join(folder('locked'), 'lock'),
      { pid: process.pid, host: 'h', started: '1', since: 'now', socket: '/s' },
      () => lockHolder(inside('locked')),
    ),

    'settings file': jsonFile(inside('settings.json'), { theme: 'dark', mouse: true, ascii: null }, () =>
      readSettings({}, { BREVITY_SETTINGS: inside('settings.json') }),
    ),

    filter: {
      make: (mutator) =>
        Buffer.from(
          mutator.text('dlen>50 r<0.1 -flipped w:"capital city"', [
            'dlen',
            '>',
            '<=',
            'or',
            'flipped',
            '"',
            'w:',
            '-',
            '1e999',
            ' ',
          ]),
        ),
      read(input) {
        const filter = parseFilter(input.toString());
        if (filter.ok) filter.test({ number: (_field: FilterNumber) => 1, flag: () => true, has: () => false });
      },
    },

    keyboard: {
      make: (mutator) =>
        mutator.bytes(
          Buffer.from(
            mutator.text('q\u001b[<0;10;5M\u001b[0n\u001b[200~text\u001b[201~\u001b[A', [
              '\u001b[',
              '\u001b[<',
              '9;',
              '\u001b[200~',
              'M',
            ]),
          ),
        ),
      read(input) {
        const real = Object.assign(new PassThrough(), { setRawMode: () => real }) as unknown as NodeJS.ReadStream;
        const nothing = () => {};
        const keyboard = new Keyboard(real, {
          typed: nothing,
          key: nothing,
          mouse: nothing,
          pasted: nothing,
          answered: nothing,
          hungUp: nothing,
        });
        for (const piece of [input.subarray(0, 9), input.subarray(9)]) real.emit('data', piece.toString());
        keyboard.close();
      },
    },

    'win-rate rows': jsonLinesFile(
      'preferences.jsonl',
      [
        { preference: 1, length_model: 10, length_baseline: 12, difficulty: 0.1 },
        { preference: 0.5, length_model: 20, length_baseline: 7, difficulty: -1 },
        { preference: 0, length_model: 3, length_baseline: 9, difficulty: 2 },
      ],
      async (file) => {
        await winRateCommand().parseAsync(['--in', file, '--out', inside('rates.jsonl')], { from: 'user' });
        const text = readFileSync(inside('rates.jsonl'), 'utf8');
        // JSON writes null for what is not a number; of a single row the standard error is null.
        if (/rate":null/.test(text)) throw new Error(`a rate is not a number: ${text}`);
      },
    ),

    'preference rows': jsonLinesFile(
      'people.jsonl',
      [
        { prompt: 'p', chosen: ['a'], rejected: ['b', 'c'], subset: 'Math', id: '1', num_correct: 1 },
        { prompt: 'p', chosen: 'a', rejected: 'b' },
        { prompt: messages, chosen: [messages[1]], rejected: [messages[1]], subset: null },
        { prompt: 'p', chosen: ['a'], rejected: ['b'], subset: 'Ties', id: 'ref:1' },
        { prompt: 'p', chosen: ['a', 'b'], rejected: ['c'], subset: 'Ties', id: 'tied:1' },
      ],
      async (file) => {
        const scores = inside('people-scores.jsonl');
        rmSync(scores, { force: true });
        const length: Reward = {
          spec: 'module:length.mjs',
          score: (inputs, { onReward }) =>
            Promise.resolve(inputs.forEach(({ response }, i) => onReward(i, response?.length ?? 0))),
          dispose: () => {},
        };
        const check = await checkedReward(readLabelledRows(file), () => Promise.resolve(length), {
          ...{ spec: length.spec, file: scores },
        });
        if (/NaN|Infinity/.test(checkLines(check, 'r').join())) throw new Error('the table shows what is no number');
        for (const { score } of check.subsets)
          if (score !== null && !(score >= -0.02 && score <= 1.02)) throw new Error(`a score of ${score}`);
      },
    ),

    'rewards of preference rows': jsonLinesFile(
      'people-scores.jsonl',
      [
        {
          fingerprint: 'f',
          reward: 'hf:a+hf:b',
          rewards: [1, 2],
          parts: [
            [0, 1],
            [1, 1],
          ],
        },
        { fingerprint: 'g', reward: 'hf:a+hf:b', rewards: [0] },
      ],
      (file) => scoreLabelled([], () => Promise.reject(new Error('not needed')), { spec: 'hf:a+hf:b', file }),
    ),

    questions: {
      make: (mutator) =>
        mutator.below(2) === 0
          ? mutator.jsonFile(questions.map((question) => ({ ...question, dataset: 'koala' })))
          : mutator.jsonLines(questions),
      read: (input) => parseQuestions(input.toString(), 'questions'),
    },

    'annotations.json': jsonFile(inside('annotations.json'), annotations, () => {
      writeFileSync(inside('outputs.json'), JSON.stringify([{ instruction: 'a', output: 'two' }]));
      readAnnotations(inside('annotations.json'));
      expectRates(publicWinRates({ alpacaEval: inside('annotations.json'), outputs: inside('outputs.json') }));
    }),

    'instruction difficulties': {
      make: (mutator) => Buffer.from(mutator.text('index,instruction_difficulty\n0,-1.5\n1,2e3\n2,0\n')),
      read(input) {
        writeFileSync(inside('difficulties.csv'), input);
        return readDifficulties(inside('difficulties.csv'));
      },
    },

    'judgments.jsonl': jsonLinesFile('judgments.jsonl', arenaJudgments, (file) => {
      writeFileSync(inside('arena.jsonl'), arenaAnswers.map((row) => JSON.stringify(row) + '\n').join(''));
      const answers = inside('arena.jsonl');
      const baseline = inside('arena-baseline.jsonl');
      writeFileSync(baseline, arenaAnswers.map((row) => JSON.stringify({ ...row, model: 'b' }) + '\n').join(''));
      expectRates(publicWinRates({ arenaHard: file, answers, baseline }));
    }),

    "Arena-Hard's answers": jsonLinesFile('arena.jsonl', arenaAnswers, (file) => {
      writeFileSync(inside('judged.jsonl'), arenaJudgments.map((row) => JSON.stringify(row) + '\n').join(''));
      const baseline = inside('arena-baseline.jsonl');
      writeFileSync(baseline, arenaAnswers.map((row) => JSON.stringify({ ...row, model: 'b' }) + '\n').join(''));
      readJudgments(inside('judged.jsonl'), { answers: file, baseline });
      expectRates(publicWinRates({ arenaHard: inside('judged.jsonl'), answers: file, baseline }));
    }),

    'journal of answers': jsonLinesFile(
      'answers.partial.jsonl',
      [
        { task: { model: 'm', seed: 1, reward: null } },
        ...[0, 1].map((sample) => ({
          ...{ turn: 0, prompt_index: 0, sample, reward: sample, length: 2, finish_reason: 'stop' },
          ...(sample === 0 ? { response: response([3, 4]) } : {}),
        })),
      ],
      (file) => readAnswerJournal(file, { model: 'm', seed: 1, reward: null }),
    ),

    'scored file': jsonLinesFile(
      'scored.jsonl',
      [
        {
          prompt: 'p',
          responses: [
            { text: 'a', reward: 1, reward_parts: [{ name: 'hf:a', weight: 1, value: 1 }] },
            { text: 'b', reward: 0, finish_reason: 'length', ids: [1] },
          ],
        },
        { prompt: messages, responses: [{ text: 'a', reward: 1, logps: -1, generator: 'g' }] },
      ],
      (file) => readScoredFile(file, null),
    ),

    'journal of a scored file': jsonLinesFile('journal.jsonl.decisions.jsonl', roundFiles['decisions.jsonl'], () =>
      readJournal(inside('journal.jsonl'), { rows: reviewRows } as never),
    ),

    'job folder': {
      make(mutator) {
        const name = mutator.pick(Object.keys(jobContents));
        const value = jobContents[name];
        return Buffer.concat([
          Buffer.from(`${name}\n`),
          Array.isArray(value) ? mutator.jsonLines(value) : mutator.jsonFile(value),
        ]);
      },
      read(input) {
        const end = input.indexOf(10);
        const name = input.subarray(0, end).toString();
        writeFileSync(path.join(job, name), input.subarray(end + 1));
        try {
          jobReaders[name]();
        } finally {
          rmSync(path.join(job, name));
        }
      },
    },

    'policy probes and verifications': {
      make: (mutator) =>
        mutator.below(2) === 0
          ? Buffer.concat([Buffer.from('policy-probes.json\n'), mutator.jsonFile(policyProbes)])
          : Buffer.concat([Buffer.from('verifications.jsonl\n'), mutator.jsonLines([verification, verification])]),
      read(input) {
        const end = input.indexOf(10);
        const file = run.files.file(2, input.subarray(0, end).toString());
        writeFileSync(file, input.subarray(end + 1));
        try {
          readPolicyProbes(run.files, 2);
          readNoise(run.files, [1, 2], 'http://a:1');
          readEndpoints(run.files, 2);
        } finally {
          rmSync(file);
        }
      },
    },

    'answers of vLLM': serverAnswers((context) => new Vllm(context), {
      '/version': { version: '0.32.0' },
      '/v1/models': { data: [{ id: 'policy', root: '/m', parent: null, max_model_len: 256 }] },
      '/v1/completions': {
        choices: [
          {
            ...{ index: 0, text: 'WhatWhat', finish_reason: 'length', stop_reason: null, token_ids: [323, 323] },
            ...{
              logprobs: { token_logprobs: [-1, -2], tokens: ['token_id:323', 'token_id:323'] },
              prompt_token_ids: [3],
            },
            prompt_logprobs: [null, { 323: { logprob: -1 } }, { 323: { logprob: -2 } }],
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      },
    }),

    'answers of SGLang': serverAnswers((context) => new Sglang(context), {
      '/model_info': { model_path: '/m' },
      '/server_info': { version: '0.5.23', max_lora_rank: 16, enable_deterministic_inference: true },
      '/v1/models': { data: [{ id: 'policy', root: '/m', parent: null, max_model_len: 256 }] },
      '/generate': {
        ...{ text: 'WhatWhat', output_ids: [323, 323] },
        meta_info: {
          ...{ finish_reason: { type: 'length', length: 2 }, prompt_tokens: 1, completion_tokens: 2 },
          ...{
            output_token_logprobs: [
              [-1, 323],
              [-2, 323],
            ],
            input_token_logprobs: [
              [null, 3],
              [-1, 323],
              [-2, 323],
            ],
          },
        },
      },
    }),
  };
}

/** One answer of a server is damaged; all others are sound. What endpoints throw becomes the sentence that they make of it. */
function serverAnswers(protocol: (context: ProtocolContext) => Protocol, sound: Record<string, unknown>): Target {
  const settings = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 2 };
  const policy = readPolicyFiles(new URL('../../data/base-policy', import.meta.url).pathname);
  const never = new AbortController().signal;
  return {
    make(mutator) {
      const name = mutator.pick(Object.keys(sound));
      return Buffer.concat([Buffer.from(`${name}\n`), mutator.jsonFile(sound[name] as object)]);
    },
    async read(input) {
      const end = input.indexOf(10);
      const damaged = input.subarray(0, end).toString();
      const answer = (name: string): unknown => {
        if (name !== damaged) return sound[name];
        try {
          return parseJson(input.subarray(end + 1).toString());
        } catch {
          throw new UserError('an answer that is not JSON');
        }
      };
      const text = (name: string) => Promise.resolve(JSON.stringify(answer(name)));
      const server = protocol({
        ...{ base: new URL('http://a:1'), policy, context: () => 256, postText: text },
        get: (name) => Promise.resolve().then(() => answer(name)),
        post: (name) => Promise.resolve().then(() => answer(name)),
      });
      try {
        await server.identify();
        await server.sample({ prompt_ids: [3], seed: 1, adapter: null, settings }, never);
        await server.logprobs([3], [323, 323], null, never);
      } catch (error) {
        if (error instanceof EndpointFault || error instanceof HttpFailure) throw new UserError(error.message);
        throw error;
      }
    },
  };
}
