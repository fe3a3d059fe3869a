/** Memory and time of a round, estimated from what the checks and the measurement have found so far. */
import { type Config, loraSchema } from '../../../src/core/config/schema.js';
import { smallest } from '../../../src/core/limits.js';
import { type Draft, type PathContext, settledConfig } from '../../../src/core/form/draft.js';
import {
  type MemoryEstimate,
  type TimeEstimate,
  estimateMemory,
  estimateTimes,
  estimateTorch,
  wasmLimit,
} from '../../../src/core/form/estimate.js';
import { count, duration, megabytes } from '../../../src/core/format.js';
import type { Tone } from '../../parts/theme.js';
import { isElsewhere } from './checks.js';
import type { Checks, Measuring, SetupUi } from './state.js';

export interface Cost {
  memory: MemoryEstimate | null;
  /** MiB that the backend can hold; null if it has no known limit. */
  limit: number | null;
  /** null until something is measured. */
  times: TimeEstimate | null;
}

export function costOf(draft: Draft, checks: Checks, measuring: Measuring | null, place: PathContext): Cost {
  const config = settledConfig(draft, place);
  const { model, prompts, held_out: heldOut, reward } = checks;
  const none = { memory: null, limit: null, times: null };
  if (config === null || model?.status !== 'ok' || prompts?.status !== 'ok') return none;
  const { longest, mean } = prompts.facts;
  const longestHeldOut = heldOut?.status === 'ok' ? (heldOut.facts.longest ?? 0) : 0;
  const rewardSize = reward?.status === 'ok' ? reward.facts.parameters : 0;
  const backend = measuring?.known?.backend ?? config.backend;
  // Until the choice of `auto` is known, the largest estimate counts.
  const rounds = backend === 'cuda' && (config.precision ?? 'bf16') === 'bf16';
  const halved = rounds || ((backend === 'native' || backend === 'cuda') && model.facts.dtype === 'BF16');
  const tokens = longest === null ? null : Math.max(longest, longestHeldOut);
  const memory = tokens === null ? null : estimateMemory(model.facts, config, tokens, rewardSize, halved);
  const limit = backend === 'wasm' ? wasmLimit : null;
  if (measuring?.known == null || mean === null || heldOut?.status !== 'ok') return { memory, limit, times: null };
  const drawn = config.sampling.prompts_per_round;
  const all = prompts.facts.prompts;
  const counts = {
    prompts: drawn === 0 ? all : Math.min(drawn, all),
    heldOut: heldOut.facts.prompts,
    promptTokens: mean,
  };
  return { memory, limit, times: estimateTimes(measuring.known, counts, config) };
}

export interface CostLine {
  text: string;
  tone: Tone;
}

/** Memory on one line and time on another; or both on one line, shortened, if there is one row only. */
export function costLines({ draft, checks, measuring }: SetupUi, place: PathContext, rows: number): CostLine[] {
  const config = settledConfig(draft, place);
  if (config !== null && isElsewhere(config)) return elsewhereLines(config, checks, rows);
  const cost = costOf(draft, checks, measuring, place);
  const { memory, limit } = cost;
  if (memory === null)
    return [{ text: 'memory and time are estimated once model and prompts are read', tone: 'muted' }];
  const tooMuch = limit !== null && memory.total > limit;
  const room = tooMuch
    ? `, more than the ${megabytes(limit)} of wasm: use LoRA, shorter responses or a smaller batch`
    : '';
  const total = `memory ≈ ${megabytes(memory.total)}`;
  const tone: Tone = tooMuch ? 'bad' : 'plain';
  const time = timeText(cost.times, measuring);
  if (rows < 2) return [{ text: tooMuch ? `${total}${room}` : `≈ ${megabytes(memory.total)} · ${time}`, tone }];
  const parts = [
    ...part('weights', memory.weights),
    ...part('reward', memory.reward),
    ...part('gradients', memory.gradients),
    ...part('moments', memory.moments),
    ...part('activations', memory.activations),
    ...part('sampling', memory.sampling),
  ];
  return [
    { text: `${total}${tooMuch ? room : `: ${parts.join(', ')}`}`, tone },
    { text: time, tone: measuring?.problem == null ? 'plain' : 'warn' },
  ];
}

/** For updates in a job: what its GPU must hold, for all weights and for an adapter. */
function elsewhereLines(config: Config, checks: Checks, rows: number): CostLine[] {
  const { server } = config.sampling;
  const { job, lora } = config.update;
  const measured: CostLine = {
    text: `time is not measured: ${[...(server === null ? [] : ['responses come from servers']), ...(job === null ? [] : ['the update is a job'])].join(', ')}`,
    tone: 'muted',
  };
  const { model, prompts, updates_on } = checks;
  if (job === null) return [measured];
  if (model?.status !== 'ok' || prompts?.status !== 'ok' || prompts.facts.longest === null)
    return [{ text: 'memory is estimated once model and prompts are read', tone: 'muted' }];
  const { longest } = prompts.facts;
  const usual = lora ?? loraSchema.parse({ rank: 16 });
  const needs = (adapter: Config['update']['lora']): number =>
    estimateTorch(model.facts, { ...config, update: { ...config.update, lora: adapter } }, longest).total;
  const [all, some] = [needs(null), needs(usual)];
  const own = lora === null ? all : some;
  const python = updates_on?.status === 'ok' ? updates_on.facts.python.found : null;
  const local = job.launcher === 'process' && python !== null && python.gpus.length > 0 ? python.gpus : null;
  const least = local === null ? null : smallest(local.map(({ memory_mb }) => memory_mb));
  const fits =
    least === null ? '' : own > least ? `: more than ${megabytes(least)}` : `: fits into ${megabytes(least)}`;
  const estimate: CostLine = {
    text: `PyTorch on a GPU ≈ ${megabytes(all)} all weights, ≈ ${megabytes(some)} LoRA ${usual.rank}${fits}`,
    tone: least !== null && own > least ? 'bad' : 'plain',
  };
  return rows < 2 ? [estimate] : [estimate, measured];
}

const part = (name: string, size: number): string[] => (size >= 0.5 ? [`${name} ${count(size)}`] : []);

function timeText(times: TimeEstimate | null, measuring: Measuring | null): string {
  if (measuring?.problem != null) return `time is not known: ${measuring.problem}`;
  if (times === null)
    return measuring === null ? 'time is measured once every field is valid' : 'time is being measured …';
  const each = (['sample', 'score', 'update', 'evaluate'] as const).map(
    (stage) => `${stage} ${times[stage] === null ? '…' : duration(times[stage])}`,
  );
  return `a round: ${each.join(' · ')}`;
}
