/** States of the terminal that are worth a picture: one or more for each screen and for what lies over it. */
import type { RemarksRow } from '../../src/core/rows.js';
import type { JobEnd } from '../../src/protocol/messages.js';
import { type GpuViews, type MachineView, noGpus } from '../../src/core/machine.js';
import { type AppEvent, type Size, type State } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';
import {
  after,
  attached,
  config,
  endpoint,
  engine,
  finished,
  fullyEvaluated,
  hackingReport,
  job,
  metrics,
  press,
  probes,
  round,
  told,
  tokensOf,
  weightedRound,
} from './fixtures.js';
import { answered, gpuFacts, listed, noModel, noNative, opened, ready, welcomed } from './homeFixtures.js';
import { slices } from './slices.js';

/** So many GPUs, the last of them split into instances where there are several. */
export const gpus = (count: number): GpuViews => ({
  gpus: Array.from({ length: count }, (_, index) => ({
    ...{ index, name: 'NVIDIA H100 80GB HBM3', memory_total_mb: 81_559, power_limit_watts: 700 },
    ...{ memory_used_mb: 61_234 - 5000 * index, power_watts: 312.4 + index, temperature: 61 - index },
    ...(count > 1 && index === count - 1
      ? { mig: true, utilization: null }
      : { mig: false, utilization: 0.97 - index / 10 }),
  })),
  gpu_problem: null,
});

const machine = (host: string, of: GpuViews): MachineView => ({
  ...{ host, at: '2026-11-24T12:07:31.000Z', cores: 16, cpu_share: 0.484 },
  ...{ memory_used_mb: 12_412, memory_total_mb: 64_312 },
  process: { pid: 42, cpu_cores: 7.6, memory_mb: 1234 },
  ...of,
});

const logged = [
  'attached: a terminal',
  ...Array.from({ length: 40 }, (_, i) => `step ${i + 1} of 40: loss ${(0.69 - i / 100).toFixed(3)}, 1,234 tokens/s`),
  'FutureWarning: `torch.load` is deprecated',
  'Traceback (most recent call last):',
  '  File "train.py", line 12, in <module>',
  '    main()',
  'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 GiB of which 3.19 MiB is free.',
  'checkpoint after step 40 is kept',
];

/** The engine screen after three samples of the machines, with a log. */
export function enginePane(state: State, engine: GpuViews, job: GpuViews | null): State {
  const open = press(state, '6');
  const log = slices(open).engine.log?.name ?? { of: 'engine' };
  const sampled = (share: number): AppEvent => ({
    ...{ type: 'answer', query: { type: 'read-machine' } },
    answer: {
      engine: { ...machine('node1', engine), cpu_share: share },
      job: job === null ? null : machine('gpu17', job),
    },
  });
  return after(open, sampled(0.1), sampled(0.8), sampled(0.484), {
    ...{ type: 'answer', query: { type: 'read-log', log, from: null } },
    answer: { lines: logged, open: ' 45%|####', next: 4711, skipped: 0, replaced: false },
  });
}

export function scenes(size: Size): Record<string, State> {
  const review = attached('review', size);
  // A mixed reward whose second part prefers the shorter response.
  const mixed = attached('review', size, {
    config: { ...config, reward: '0.7*hf:/models/judge+-0.02*module:/code/length.mjs' },
    review: (review.run?.review ?? []).map((row) => ({
      ...row,
      parts: row.rewards.map((reward, i) => [(reward + 0.02 * row.lengths[i]) / 0.7, row.lengths[i]]),
    })),
  });
  const branches = press(
    attached('done', size, {
      rounds: [
        finished(0, 1.1, 41.2),
        finished(1, 1.523, 42),
        { ...finished(2, 1.821, 43.1), verdict: 'accepted', name: 'steady' },
        { ...finished(3, 1.9, 61.7), parent: 1, verdict: 'rejected', note: 'far too long' },
        { ...round(4, 'review'), parent: 2 },
      ],
      current: 4,
    }),
    'h',
  );
  const full = told(
    attached('done', size, { rounds: [finished(0, 1.1, 41.2), finished(1, 1.523, 42), fullyEvaluated(2)] }),
  );
  const servers = [
    ...[1, 2, 3].map((i) => endpoint(i)),
    endpoint(4, {
      state: 'down',
      problem: 'http://node4:8000 refused the connection 5 times; its 12 prompts went to the other endpoints',
    }),
  ];
  const timeLimit: JobEnd = {
    ...{ cause: 'time limit', resubmittable: true },
    message: 'Slurm job 4711 reached its time limit (TIMEOUT); retry submits it again',
  };
  const waiting = job({
    ...{ state: 'queued', reason: 'Resources', started_at: null, host: null, device: null, executor: null },
    ...{ phase: null, done: 0, total: 0, z_error: null },
  });
  /** Evaluated every 4 steps: lowest after 16, and risen twice since. */
  const losses = [0.7, 0.67, 0.645, 0.628, 0.612, 0.624, 0.655];
  const withHeldOut = metrics.map((row, i) => ({
    ...row,
    ...(i === 0 && { start_eval_loss: losses[0], 'start_eval_rewards/chosen': 0, 'start_eval_rewards/rejected': 0 }),
    ...((i + 1) % 4 === 0 && {
      eval_loss: losses[(i + 1) / 4],
      ...{ 'eval_rewards/chosen': 0.1, 'eval_rewards/rejected': -0.1, 'eval_rewards/accuracies': 0.6 + i / 200 },
    }),
  }));
  const earlier: AppEvent = {
    ...{ type: 'answer', query: { type: 'read-metrics', round: 1 } },
    answer: metrics.map((row, i) => ({ ...row, loss: 0.69 - i / 60 + ((i * 3) % 4) / 100 })),
  };
  const failed =
    'the reward model answered 500 to scoring the response to "What is 2 plus 3?"; everything scored before is kept';
  const judged: RemarksRow = {
    stage: 'score',
    reward: 'judge:http://127.0.0.1:8000/v1#judge',
    remarks: [
      'judge judge: position bias: the first response won 97 % of 80 comparisons, whichever it was (38 pairs went to the first response in both orders, 0 to the second; p = 7e-12); the mean of both orders removes it, and such pairs say little',
      'judge judge: 80 comparisons, 80 with soft labels (log-probabilities); 12 from the cache',
      'judge judge: 2 of 40 pairs went to the same response in both orders',
      'judge judge: 41,200 input tokens and 80 output tokens, which cost 0.1248 at your prices',
    ],
  };
  return {
    connecting: initialState(size),
    sampling: attached('sample', size),
    'sampling-servers': attached('sample', size, { servers }),
    'sampling-servers-all': press(attached('sample', size, { servers }), 'v'),
    scoring: attached('score', size),
    'scoring-judge': attached('score', size, { remarks: [judged] }),
    'sampling-failed': attached('score', size, { engine: { ...engine, problem: failed } }),
    review,
    'review-typing': press(review, 'a', '0', '.', 'x', 'enter'),
    'review-pairing': press(review, 'M', 'down'),
    // A weight by hand, one of two pairs, and one that the strategy chose for its length.
    'review-weights': attached('review', size, weightedRound()),
    'review-importance': press(review, 'i'),
    'review-all': press(review, '/', ...'dlen > 20', 'enter', 'F', ...'exclude', 'enter'),
    'review-blind': press(review, 'V'),
    'review-range': press(review, '>', '>', '>', '>', '>', '*', 'j', 'j', 'j'),
    'review-columns': press(review, ')', ')', ')'),
    'review-tokens': tokensOf(press(review, 'v'), 'policy'),
    'review-tokens-ratio': press(tokensOf(press(review, 'v'), 'known'), 'C', 'C'),
    'review-launch': press(review, 'enter'),
    'review-looking-on': attached('review', size, { role: { driving: false, terminals: 2 } }),
    'review-parts': mixed,
    'review-parts-detail': press(mixed, 'd'),
    'review-hacking': after(press(review, 'B'), {
      type: 'answer',
      query: { type: 'read-hacking', round: 2 },
      answer: hackingReport,
    }),
    update: attached('update', size, { probes }),
    'update-probes': press(attached('update', size, { probes }), 'v'),
    'update-alarms': attached('update', size, {
      probes,
      metrics: metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200, 'rewards/accuracies': i > 0 ? 1 : 0 })),
    }),
    'update-held-out': attached('update', size, { probes, metrics: withHeldOut }),
    'update-queued': attached('update', size, { metrics: [], progress: null, job: waiting }),
    'update-job': attached('update', size, { probes, job: job() }),
    'update-ended': attached('update', size, {
      job: job({ state: 'ended', phase: null, end: timeLimit }),
      engine: { ...engine, problem: timeLimit.message },
    }),
    'update-earlier': after(attached('update', size, { probes, metrics: withHeldOut }), earlier),
    'update-smoothed': press(after(attached('update', size, { probes }), earlier), 'a', 'a', 'a'),
    'update-log-scale': press(attached('update', size, { probes }), 'L'),
    'update-enlarged': press(
      after(attached('update', size, { probes, metrics: withHeldOut }), earlier),
      ...['a', 'a', 'z', 'left', 'left', 'left'],
    ),
    'history-queue': press(
      attached('update', size, {
        rounds: [
          finished(0, 1.1, 41.2),
          finished(1, 1.523, 42),
          { ...round(2, 'update'), parent: 0, redo_of: 1, data_of: 1, pairs: 103 },
        ],
        queue: {
          ...{ running: 2, held: false, last: 4 },
          waiting: [
            { id: 2, round: 1, settings: { 'dpo.alpha': 0.05 } },
            { id: 3, round: 1, settings: { 'dpo.alpha': 0.1 } },
            { id: 4, round: 1, settings: { 'dpo.beta': 0.5, 'update.lr': 1e-6 } },
          ],
        },
      }),
      ...['h', 'Q', 'down'],
    ),
    'review-queueing': press(review, 'Q', ...'0 0.05'),
    engine: enginePane(attached('review', size), gpus(2), null),
    'engine-job': enginePane(
      attached('update', size, { job: job() }),
      noGpus('nvidia-smi is not installed here'),
      gpus(8),
    ),
    'engine-search': press(enginePane(attached('review', size), gpus(1), null), 'z', '/', ...'memory', 'enter'),
    'update-abort': press(attached('update', size), 'x'),
    evaluating: attached('evaluate', size),
    evaluation: told(attached('done', size)),
    'evaluation-full': full,
    'evaluation-kinds': press(full, 'i'),
    'evaluation-judges': press(full, 'd'),
    'evaluation-prompts': press(told(attached('done', size)), 'v', 'down'),
    history: press(attached('done', size), 'h'),
    'history-branches': branches,
    'history-plot': press(branches, 'v'),
    'history-delete': after(press(branches, 'g', 'j', 'd'), {
      type: 'answer',
      query: { type: 'read-deletion', round: 1 },
      answer: { rounds: [1, 2, 3, 4], bytes: 412_000_000 },
    }),
    'history-fork': press(branches, 'g', 'j', 'f', 'enter', '0', '.', '0', '5', 'enter', 'j'),
    'history-compare': told(press(branches, 'g', 'j', 'space', 'j', 'c')),
    'history-curves': press(
      [1, 3].reduce(
        (state, id) =>
          after(state, {
            type: 'answer',
            query: { type: 'read-metrics', round: id },
            answer: metrics.slice(0, 8 * id),
          }),
        press(branches, 'g', 'j', 'space', 'j', 'c'),
      ),
      'right',
    ),
    'history-controlled': press(
      attached('done', size, {
        rounds: [
          finished(0, 1.1, 41.2),
          finished(1, 1.523, 42),
          { ...finished(2, 1.821, 43.1), name: 'steady' },
          ...[0, 0.05, 0.1].map((alpha, i) => ({
            ...finished(3 + i, 1.9 - alpha, 61.7 - 100 * alpha),
            ...{ parent: 1, redo_of: 2, data_of: 2 },
            settings: { ...round(2, 'done').settings, alpha },
          })),
          { ...finished(6, 1.85, 44), parent: 1, redo_of: 2, data_of: 2, overrides: { dpo: { reference: 'base' } } },
          {
            ...{ ...round(7, 'update'), parent: 1, redo_of: 2, data_of: 2, pairs: 103 },
            overrides: { dpo: { reference: '0.5*round+0.5*base' } },
          },
        ],
        current: 2,
      }),
      ...['h', 'C'],
    ),
    'history-responses': told(press(branches, 'g', 'space', 'j', 'c', 'left', 'j')),
    help: press(review, '?'),
    palette: press(review, ':', 'a', 'l'),
    runs: listed(size),
    'runs-newer': press(listed(size), 'G'),
    'runs-none': welcomed(size),
    'runs-none-asking': listed(size, []),
    'runs-none-wasm': welcomed(size, noNative),
    'runs-delete': press(listed(size), 'D'),
    setup: ready(size),
    'setup-checking': opened('setup', size),
    'setup-typing': press(ready(size), 'j', 'j', 'enter', 'x'),
    'setup-problem': press(answered(opened('setup', size), { model: noModel }), 's'),
    'setup-lora': press(ready(size), 'G', 'k', 'k', 'space'),
    'setup-gpu': answered(press(ready(size), ...Array<string>(18).fill('j'), 'space'), {}, { updates_on: gpuFacts }),
    'engine-gone': after(review, { type: 'bye', reason: 'the engine ended' }),
  };
}
