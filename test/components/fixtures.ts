/** What an engine would say of a run in its second round, for tests of the reducer and the screens. */
import { configSchema } from '../../src/core/config/schema.js';
import type {
  EndpointView,
  EngineState,
  HeldOutResponse,
  JobView,
  ProbeSeen,
  Progress,
  ResponseSeen,
  RoundState,
  Snapshot,
  Stage,
  Verification,
} from '../../src/protocol/messages.js';
import type { HackingReport } from '../../src/core/review/hacking.js';
import type { Decision, ReviewDetail, ReviewRow } from '../../src/core/review/rows.js';
import type { Comparison, MetricsRow, PairRow } from '../../src/core/rows.js';
import { emptyQueue } from '../../src/core/queue.js';
import { newRound } from '../../src/core/rounds.js';
import { emptyRound } from '../../src/protocol/reducer.js';
import { reduce } from '../../components/app/reducer.js';
import { type AppEvent, type Size, type State } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';

export const config = configSchema.parse({
  model: '/models/policy',
  reward: 'hf:/models/reward',
  prompts: 'prompts.jsonl',
  held_out: 'held-out.jsonl',
});

export const engine: EngineState = { pid: 42, backend: 'wasm', activity: 'idle', memory_mb: 412.3, problem: null };

const ids = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** r_w, r_l, |y_w|, |y_l|. */
export function pair(rw: number, rl: number, w: number, l: number, more: Partial<PairRow> = {}): PairRow {
  return {
    prompt_index: 0,
    prompt: 'Which month comes after November?',
    prompt_ids: [1, 2, 3],
    chosen_ids: ids(w),
    rejected_ids: ids(l),
    chosen_text: 'December comes after November, and it is the last month of the year.',
    rejected_text: 'January.',
    chosen_reward: rw,
    rejected_reward: rl,
    ...more,
  };
}

/** Three pairs worth a look by hand, then a hundred that differ. */
export const pairs: PairRow[] = [
  pair(1.5, 0.5, 140, 40),
  pair(2.25, -1, 20, 45, { rejected_truncated: true }),
  pair(0.75, 0.25, 30, 30, { chosen_truncated: true, rejected_truncated: true }),
  ...Array.from({ length: 100 }, (_, i) =>
    pair(1 + (i % 7) / 4, (i % 5) / 5 - 0.5, 20 + ((i * 13) % 60), 15 + ((i * 7) % 40), {
      prompt_index: i + 1,
      prompt: `Please add ${i} and ${i + 3}.`,
      chosen_text: `The sum of ${i} and ${i + 3} is ${2 * i + 3}. `.repeat(1 + (i % 6)),
      rejected_text: `It is ${2 * i + 4}.`,
    }),
  ),
];

/** Prompts that gave no pair: three ties, and one whose responses are all the same. */
const withoutPair: Partial<ReviewRow>[] = [
  ...Array.from({ length: 3 }, () => ({ rewards: [0.5, 0.5, 0.5, 0.5], automatic: 'ties' as const })),
  { rewards: [1, 0.75, 0.5, 0.25], same: [0, 0, 0, 0], automatic: 'identical' },
];

/** The prompts that these pairs came from, with two middling responses beside each pair, and those without pair. */
export function reviewRows(of: readonly PairRow[]): ReviewRow[] {
  const rows = of.map((made, i): ReviewRow => {
    const [w, l] = [made.chosen_reward ?? 0, made.rejected_reward ?? 0];
    const [long, short] = [made.chosen_ids.length, made.rejected_ids.length];
    return {
      prompt_index: i,
      prompt: typeof made.prompt === 'string' ? made.prompt : '',
      rewards: [(w + 2 * l) / 3, w, l, (2 * w + l) / 3],
      lengths: [short + 2, long, short, long + 2],
      truncated: [false, made.chosen_truncated === true, made.rejected_truncated === true, false],
      logps: [-short, -long, -short - 3, -long - 3],
      automatic: { chosen: 1, rejected: 2 },
      same: [0, 1, 2, 3],
      chosen_text: made.chosen_text ?? '',
      rejected_text: made.rejected_text ?? '',
    };
  });
  const dropped = withoutPair.map((more, i): ReviewRow => ({
    ...rows[0],
    prompt_index: of.length + i,
    prompt: `Say hello ${i + 1} times.`,
    lengths: [4, 4, 4, 4],
    truncated: [false, false, false, false],
    logps: [-4, -4, -4, -4],
    chosen_text: 'Hello.',
    rejected_text: 'Hello.',
    ...more,
  }));
  return [...rows, ...dropped];
}

/**
 * Review of a round with two pairs per prompt and weights: prompt 1 weighs half by hand, prompt 2 was chosen for its length
 * against the reward, prompt 3 is swapped and so alone.
 */
export function weightedRound(): Pick<Snapshot, 'review' | 'decisions'> {
  const further = [{ chosen: 3, rejected: 0, weight: 0.4 }];
  const review = reviewRows(pairs).map((row, i): ReviewRow => {
    if (typeof row.automatic === 'string') return row;
    const weight = [1.2, 0.3, 0.75][i] ?? 1 + (i % 5) / 4;
    return { ...row, further, weight, ...(i === 1 && { automatic: { chosen: 2, rejected: 1 } }) };
  });
  const decisions: Decision[] = [
    { prompt_index: 0, ruling: null, note: '', weight: 0.5 },
    { prompt_index: 2, ruling: { kind: 'pair', chosen: 2, rejected: 1 }, note: '' },
  ];
  return { review, decisions: { decisions, undoable: 2, redoable: 0 } };
}

/** All that there is to show of a prompt, as the engine answers. */
export function detailOf(row: ReviewRow, more: Partial<ReviewDetail> = {}): ReviewDetail {
  const texts = [`${row.chosen_text} Or so.`, row.chosen_text, row.rejected_text, `Well: ${row.chosen_text}`];
  return {
    prompt_index: row.prompt_index,
    prompt: row.prompt,
    responses: row.rewards.map((reward, i) => ({
      text: texts[i] ?? `Response ${i + 1}.`,
      length: row.lengths[i],
      reward,
      logps: row.logps[i] ?? null,
      truncated: row.truncated[i],
    })),
    ...more,
  };
}

/** The engine has told the tokens of the selected response, which the reference finds likelier in places. */
export function tokensOf(state: State, reference: 'policy' | 'known'): State {
  const words = 'December comes after November , and it is the last month of the year .'.split(' ');
  const values = [-0.05, -2.9, -0.4, -0.02, -0.7, -5.1, -0.9, -0.3, -0.1, -1.6, -0.2, -0.1, -0.2, -0.4, -0.01];
  const response = words.map((text, id) => ({ id, text: id === 0 ? text : ` ${text}`, special: false }));
  return after(state, {
    type: 'answer',
    query: { type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 },
    answer: {
      prompt_tokens: 4,
      prompt: [
        { id: 1, text: '<s>', special: true },
        ...['Which', ' month', '?'].map((text, i) => ({ id: 90 + i, text, special: false })),
      ],
      response: [...response, { id: 2, text: '</s>', special: true }],
      policy: [...values, -0.6],
      reference:
        reference === 'policy' ? 'policy' : [...values.map((value, i) => value + ((i * 7) % 11) / 4 - 1.2), -0.6],
    },
  });
}

export function comparison(against: string, more: Partial<Comparison> = {}): Comparison {
  return {
    against,
    prompts: 100,
    win_rate: 61.5,
    win_rate_standard_error: 4.2,
    length_controlled_win_rate: 60.25,
    length_controlled_form: 'minimal',
    mean_length: 43.1,
    mean_length_against: 41.2,
    length_change_percent: 4.6,
    reward: 1.821,
    reward_against: 1.523,
    kl: 1.204,
    kl_per_token: 0.0279,
    ...more,
  };
}

export function round(id: number, stage: Stage, more: Partial<RoundState> = {}): RoundState {
  return {
    ...newRound(id, id === 0 ? null : id - 1, { alpha: 0.02, beta: 0.1, lr: 5e-7 }),
    stage,
    started_at: '2026-11-24T11:00:00.000Z',
    ...more,
  };
}

export const finished = (id: number, reward: number, length: number): RoundState =>
  round(id, 'done', {
    pairs: id === 0 ? null : 103,
    steps: id === 0 ? null : 4,
    seconds: id === 0 ? {} : { sample: 61.2, score: 8, update: 75, evaluate: 20 },
    evaluation: {
      round: id,
      prompts: 100,
      reward,
      mean_length: length,
      mean_characters: 4 * length,
      distinct_2: 0.42 - id / 100,
      truncated_share: 0.012 * id,
      comparisons: id === 0 ? [] : [comparison('round-start'), comparison('base', { win_rate: 68, kl: 3.4 })],
    },
  });

/** A comparison with everything that an evaluation can have. */
export const fullComparison = (against: string, more: Partial<Comparison> = {}): Comparison =>
  comparison(against, {
    style_controlled_win_rate: 58.4,
    style_constant_features: ['headers'],
    intervals: {
      win_rate: { low: 53.2, high: 69.5 },
      length_controlled_win_rate: { low: 51.9, high: 68.1 },
      style_controlled_win_rate: { low: 49.7, high: 66.8 },
      reward_change: { low: 0.182, high: 0.414 },
      length_change_percent: { low: 1.2, high: 8.1 },
      kl: { low: 1.101, high: 1.312 },
      kl_per_token: { low: 0.0255, high: 0.0304 },
    },
    metrics: [
      { name: 'correct', percent: true, value: 0.66, value_against: 0.59, interval: { low: 0.02, high: 0.12 } },
    ],
    judge: {
      by: 'scores',
      win_rate: 48.5,
      length_controlled_win_rate: 47.25,
      score: 0.61,
      score_against: 0.63,
      intervals: {
        win_rate: { low: 40, high: 57 },
        length_controlled_win_rate: { low: 39, high: 56 },
        score_change: { low: -0.09, high: 0.05 },
      },
      agreement: {
        share: 0.57,
        kappa: 0.21,
        spearman: 0.34,
        intervals: {
          share: { low: 0.47, high: 0.67 },
          kappa: { low: 0.05, high: 0.37 },
          spearman: { low: 0.15, high: 0.51 },
        },
      },
    },
    kinds: Array.from({ length: 25 }, (_, i) => ({
      kind: i === 24 ? '(none)' : `${['addition', 'capital', 'plural'][i % 3]} ${i}`,
      prompts: 30 - i,
      win_rate: 40 + i,
      reward_change: (i - 4) / 20,
      length_change_percent: i - 10,
      judge_win_rate: 60 - i,
      metrics: [{ name: 'correct', percent: true, change: i / 100, interval: { low: (i - 5) / 100, high: 0.3 } }],
      intervals: {
        win_rate: { low: 30 + i, high: 55 + i },
        reward_change: { low: (i - 8) / 20, high: i / 20 },
        length_change_percent: { low: i - 15, high: i - 5 },
        judge_win_rate: { low: 50 - i, high: 70 - i },
      },
    })),
    ...more,
  });

/** A finished round whose evaluation has several responses per prompt, metrics, kinds and a second judge. */
export function fullyEvaluated(id: number, reward = 1.821): RoundState {
  const plainRound = finished(id, reward, 43.1);
  return {
    ...plainRound,
    evaluation: plainRound.evaluation && {
      ...plainRound.evaluation,
      responses: 4,
      metrics: [{ name: 'correct', percent: true, value: 0.66 }],
      judge: { spec: 'hf:/models/other-judge', score: 0.61, remarks: ['The judge refused 2 of 400 comparisons.'] },
      notes: ['6 of 100 held-out prompts have no "kind"; they are listed as (none).'],
      comparisons: [fullComparison('round-start'), fullComparison('base', { win_rate: 68, kl: 3.4 })],
    },
  };
}

export const metrics: MetricsRow[] = Array.from({ length: 24 }, (_, i) => ({
  step: i + 1,
  total_steps: 40,
  epoch: 1,
  loss: 0.693 - i / 100 + ((i * 7) % 5) / 200,
  grad_norm: 2 + ((i * 3) % 7) / 4,
  learning_rate: 5e-7 * (1 - i / 40),
  'rewards/chosen': i / 50,
  'rewards/rejected': -i / 60,
  'rewards/margins': i / 50 + i / 60,
  'rewards/accuracies': Math.min(1, 0.5 + i / 50),
  'logps/chosen': -40 + i / 10,
  'logps/rejected': -35 - i / 8,
  'lengths/chosen': 43 + ((i * 11) % 9),
  'lengths/rejected': 36 + ((i * 5) % 8),
  'lengths/margin': 7,
  'weights/mean': 0.47,
  tokens: 3200,
  tokens_per_second: 1234,
  micro_batch: 8,
  memory_mb: 400,
}));

/** Three probe prompts, answered at the start and after steps 8, 16 and 24. */
export const probes: ProbeSeen[] = [0, 8, 16, 24].flatMap((step) =>
  [
    {
      prompt: 'Which month comes after November?',
      text: `December is the ${step > 8 ? 'twelfth and ' : ''}last month.`,
    },
    { prompt: 'Name three colours.', text: 'Red, green and blue. '.repeat(1 + step / 4) },
    { prompt: 'Is 17 a prime number?', text: 'Yes, 17 is a prime number.' },
  ].map(({ prompt, text }, probe) => ({
    ...{ round: 2, step, probe, prompt, text },
    ...{ length: 6 + step, truncated: probe === 1 && step === 24 },
  })),
);

export function response(i: number, more: Partial<ResponseSeen> = {}): ResponseSeen {
  return {
    round: 2,
    prompt_index: i,
    sample: i % 4,
    prompt: `Please add ${i} and ${i + 3}.`,
    text: `The sum is ${2 * i + 3}.`,
    length: 8 + ((i * 5) % 30),
    truncated: i % 9 === 8,
    reward: null,
    held_out: false,
    ...more,
  };
}

/** A sampling server that holds the weights of round 1, the policy that round 2 starts from. */
export function endpoint(i: number, more: Partial<EndpointView> = {}): EndpointView {
  return {
    url: `http://node${i}:8000/`,
    kind: 'vllm',
    version: '0.32.0',
    state: 'ready',
    verification: verification(),
    in_flight: 48 + i,
    done: 150 + i,
    retried: 0,
    tokens_per_second: 2100 - 10 * i,
    problem: null,
    ...more,
  };
}

export function verification(more: Partial<Verification> = {}): Verification {
  return {
    ...{ weights: 'round 1', tokens: 1024, mean: 0.0041, max: 0.0312, shift: 0.98 },
    ...{ verdict: 'verified', note: null },
    ...more,
  };
}

/** The job of round 2's update on a Slurm cluster, in training. */
export function job(more: Partial<JobView> = {}): JobView {
  return {
    ...{ launcher: 'slurm', id: '4711', attempt: 1, state: 'running', reason: null },
    submitted_at: '2026-11-24T12:00:00.000Z',
    started_at: '2026-11-24T12:05:00.000Z',
    ...{ host: 'gpu17', device: 'cuda:NVIDIA H100 ×8' },
    executor: 'brevity_trainer 0.1.0 (torch 2.14.1, transformers 5.12.0)',
    ...{ phase: 'training', done: 24, total: 40, z_error: 1.2e-7, told: null, end: null },
    ...more,
  };
}

export function progress(stage: Stage, more: Partial<Progress> = {}): Progress {
  const unit = { sample: 'responses', score: 'rewards', review: '', update: 'steps', evaluate: 'responses', done: '' };
  return {
    round: 2,
    stage,
    done: 312,
    total: 640,
    unit: unit[stage],
    tokens: 12_480,
    tokens_per_second: 1234,
    seconds_left: 42,
    ...more,
  };
}

/** A run whose round 2 has reached a stage. */
export function snapshot(stage: Stage, more: Partial<Snapshot> = {}): Snapshot {
  const responses = Array.from({ length: 40 }, (_, i) => response(i));
  const working = stage !== 'review' && stage !== 'done';
  const current =
    stage === 'done'
      ? finished(2, 1.821, 43.1)
      : round(2, stage, { dropped: { ties: 3, identical: 1, below_gap: 0, too_few: 0 } });
  return {
    ...emptyRound(2),
    role: { driving: true, terminals: 1 },
    queue: emptyQueue,
    directory: '/home/ann/runs/demo',
    config,
    rounds: [finished(0, 1.1, 41.2), finished(1, 1.523, 42), current],
    current: 2,
    engine: { ...engine, activity: working ? 'working' : 'idle' },
    progress: working ? progress(stage) : null,
    pairs: stage === 'sample' || stage === 'score' ? [] : pairs,
    review: stage === 'sample' || stage === 'score' ? [] : reviewRows(more.pairs ?? pairs),
    metrics: stage === 'update' || stage === 'evaluate' || stage === 'done' ? metrics : [],
    responses,
    lengths: Array.from({ length: 312 }, (_, i) => 5 + ((i * i) % 47)),
    rewards: stage === 'sample' ? [] : Array.from({ length: 312 }, (_, i) => Math.sin(i) + i / 400),
    ...more,
  };
}

/** What the engine has counted of the round in review, and of the one before. */
export const hackingReport: HackingReport = {
  ...{ round: 2, read: 103, repetition: { chosen: 0.061, rejected: 0.012 }, truncated: { chosen: 14, rejected: 2 } },
  length: lengthBias(0.412),
  rounds: [
    { round: 1, length: lengthBias(0.187) },
    { round: 2, length: lengthBias(0.412) },
  ],
  phrases: [
    { text: 'bold', chosen: 61, rejected: 9, z: 6.2 },
    { text: 'the sum of', chosen: 58, rejected: 4, z: 5.9 },
    { text: "let's break it down", chosen: 17, rejected: 1, z: 3.4 },
  ],
  repeated: [{ text: 'the sum of 12', chosen: 6, rejected: 0, z: 1.7 }],
};

function lengthBias(within: number): HackingReport['length'] {
  return {
    ...{ responses: 428, prompts: 103, within, within_error: 0.03, overall: 0.31, slope: 0.0214 },
    ...{ pairs: 103, longer: 74, equal: 1 },
  };
}

export const small: Size = { columns: 80, rows: 24 };
export const large: Size = { columns: 160, rows: 50 };

/** The state after these actions. */
export function after(state: State, ...actions: AppEvent[]): State {
  return actions.reduce((before, action) => reduce(before, action).state, state);
}

export function attached(stage: Stage, size: Size = small, more: Partial<Snapshot> = {}): State {
  return after(initialState(size), { type: 'snapshot', snapshot: snapshot(stage, more) });
}

/** Types keys one after another. */
export function press(state: State, ...keys: string[]): State {
  return after(state, ...keys.map((key) => ({ type: 'key' as const, key })));
}

/** A round's answers to forty held-out prompts: the later the round, the longer and the better the odd ones. */
export function heldOut(round: number): HeldOutResponse[] {
  return Array.from({ length: 40 }, (_, i) => ({
    prompt_index: i,
    prompt: `Please name ${i + 2} things that are ${i % 2 === 0 ? 'blue' : 'green'}.`,
    text: `${'A thing, '.repeat(1 + ((i * 7) % 11) + (i % 2) * round)}and that is ${i % 3 === 0 ? 'all of it' : 'all'}.`,
    length: 10 + 3 * ((i * 7) % 11) + (i % 2) * 3 * round,
    reward: ((i * 13) % 17) / 8 - 1 + (i % 2 === 0 ? -0.02 : 0.1) * round * (i % 5),
    truncated: i === 7 && round > 1,
  }));
}

/** The state once the engine has answered what the evaluation screen asks. */
export function told(state: State): State {
  return [0, 1, 2].reduce(
    (before, round) =>
      after(before, { type: 'answer', query: { type: 'read-held-out', round }, answer: heldOut(round) }),
    state,
  );
}
