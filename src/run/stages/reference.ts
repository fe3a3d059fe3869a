/** The reference policy's log-probabilities of the training pairs, and of all responses in review. */
import type { UpdateConfig } from '../../core/config/schema.js';
import { pauseOnly } from '../../core/control.js';
import {
  Interrupted,
  confidence,
  responseLogprobs,
  responseValues,
  sum,
  type Sequence,
  type TokenValues,
} from '../../train/logprobs.js';
import { referenceLogps } from '../../train/referenceLogps.js';
import type { LoadedModel } from '../../model/folder.js';
import { UserError } from '../../core/errors.js';
import { objectives } from '../../core/objectives/index.js';
import type { Objective } from '../../core/objectives/objective.js';
import { bySide, pairSides, sharedLength, type ReferenceLogps } from '../../train/step.js';
import { pairRowSchema, sampleRowSchema, type PairRow, type SampleRow } from '../../core/rows.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { ProgressMeter, type WorkContext, type WorkResults } from './context.js';
import type { PolicyUse } from './models.js';
import { readyPolicies } from './referencePolicy.js';
import { hasNeeded, readLogps, type LogpsRow, type ReferenceTokensRow } from './reviewFiles.js';
import { roundFiles } from '../../core/runFiles.js';
import { neededLogps, type NeededLogps } from '../../core/startWeights.js';

/**
 * Tokens of a batch of prompts with their responses; after each batch, rows are on disk and work can be interrupted.
 */
const BATCH_TOKENS = 4096;
const REPORT_MS = 200;

/** If the start is an adapter, LoRA training continues it; full fine-tuning merges it. */
export function trainingUse({ update }: { update: Pick<UpdateConfig, 'lora'> }): PolicyUse {
  return update.lora === null ? 'train' : 'adapt';
}

/** The pairs' log-probabilities under the reference policy. */
export async function referenceOf(context: WorkContext, pairs: PairRow[]): Promise<ReferenceLogps | 'aborted'> {
  const { config } = context;
  const { reference, same } = readyPolicies(context);
  const { needs }: Objective = objectives[config.dpo.objective];
  // Of an adapter in training the reference is computed in the same form, so that the first logit is exactly α·Δ|y|.
  const model = await context.models.load(reference, same ? trainingUse(config) : 'read');
  const sides = pairSides(pairs);
  try {
    const whole = sides.map((side, i): Part => ({ ...side, side: i }));
    const shared = needs.includes('shared') ? whole.map((part) => sharedPart(part, pairs)) : [];
    const parts = [...whole, ...shared];
    const known = computedForReview(context, model.fingerprint, pairs, parts);
    const missing = parts.filter((_, i) => known[i] === undefined);
    const rest = (await keptLogps(context, model, sides, missing)).values();
    const values = known.map((value) => value ?? (rest.next().value as number));
    const sums = bySide(values.slice(0, sides.length));
    return shared.length === 0 ? sums : { ...sums, shared: bySide(values.slice(sides.length)) };
  } catch (error) {
    if (error instanceof Interrupted) return 'aborted';
    throw error;
  }
}

/** The first tokens of a side, or all of them. */
interface Part extends Sequence {
  /** Its place in pairSides. */
  side: number;
}

/** LD-DPO's first min(|y_w|, |y_l|) tokens. */
function sharedPart({ prompt_ids, response_ids, side }: Part, pairs: PairRow[]): Part {
  return { prompt_ids, response_ids: response_ids.slice(0, sharedLength(pairs[Math.floor(side / 2)])), side };
}

/**
 * Summed log-probabilities of parts from the round's file, to which what is missing is added. A side is computed once, as a
 * whole. @throws Interrupted where it was aborted
 */
async function keptLogps(
  context: WorkContext,
  model: LoadedModel,
  sides: Sequence[],
  parts: Part[],
): Promise<number[]> {
  const { files, round, control } = context;
  const file = files.file(round.id, roundFiles.reference);
  const asked = new Set(parts.map(({ side }) => side)).size;
  const meter = new ProgressMeter(context, 'reference log-probabilities', sides.length, sides.length - asked);
  return referenceLogps(file, model.fingerprint, parts, async (missing) => {
    const wanted = [...new Set(missing.map(({ side }) => side))];
    let done = 0;
    const values = await responseLogprobs(
      model,
      wanted.map((side) => sides[side]),
      {
        // Half of a reference is of no use: stopping waits for it.
        control: { point: async () => ((await control.point()) === 'abort' ? 'abort' : 'go') },
        name: (i) => `pair ${Math.floor(wanted[i] / 2)}`,
        onProgress(count) {
          meter.add(count - done);
          done = count;
        },
      },
    );
    const computed = new Map(wanted.map((side, i) => [side, values[i]]));
    return missing.map(({ side, response_ids: { length } }) =>
      sum((computed.get(side) as Float32Array).subarray(0, length)),
    );
  });
}

/** Values of the parts that review has computed under this very reference; undefined: none. */
function computedForReview(
  { files, round }: Pick<WorkContext, 'files' | 'round'>,
  fingerprint: string,
  pairs: PairRow[],
  parts: Part[],
): (number | undefined)[] {
  const rows = new Map(
    readLogps(files, round.id)
      .filter((row) => row.model === 'reference' && row.fingerprint === fingerprint)
      .map((row) => [row.prompt_index, row]),
  );
  return parts.map(({ side, response_ids: { length } }) => {
    const { prompt_index, ...pair } = pairs[Math.floor(side / 2)];
    const row = prompt_index === undefined ? undefined : rows.get(prompt_index);
    const [index, ids] =
      side % 2 === 0 ? [pair.chosen_index, pair.chosen_ids] : [pair.rejected_index, pair.rejected_ids];
    if (row === undefined || index === undefined) return undefined;
    return length === ids.length ? row.logps[index] : row.heads?.[index]?.[length];
  });
}

/**
 * Log-probabilities of every response that review can pair, under the policy that the round starts from and under its
 * reference, with what else the objective's weights need, appended to logps.jsonl prompt by prompt. Prompts whose rewards make a pair come first. A prompt's
 * responses are computed together, so that interruptions change no result.
 */
export async function reviewLogps(context: WorkContext): Promise<WorkResults['logps']> {
  const { config, files, round } = context;
  if (config.sampling.server !== null)
    throw new UserError(
      'log-probabilities of all responses are needed, which are not computed here while responses are sampled on servers',
    );
  const file = files.file(round.id, roundFiles.logps);
  const { start, reference, same } = readyPolicies(context);
  const needed = neededLogps(config.dpo, same);
  if (needed === null) return { complete: true };
  const samples = promptsInOrder(context);
  const responses = samples.reduce((count, row) => count + row.responses.length, 0);
  const reporter = new LogpsReporter(context, needed.models.length * responses);
  for (const kind of needed.models) {
    const model = await context.models.load(kind === 'policy' ? start : reference, 'read');
    const of = { model: kind, fingerprint: model.fingerprint };
    const there = new Map(
      readLogps(files, round.id)
        .filter((row) => row.model === kind && row.fingerprint === of.fingerprint && hasNeeded(row, needed))
        .map((row) => [row.prompt_index, row]),
    );
    const missing = samples.filter(({ prompt_index }) => !there.has(prompt_index));
    reporter.add([...there.values()]);
    for (const batch of promptBatches(missing)) {
      if ((await context.control.point()) !== 'go') return { complete: false };
      const { rows, tokens } = await logpsRows(context, model, batch, of, needed);
      // First the tokens: prompts with a row in the other file are not computed again.
      if (kind === 'reference') appendJsonLines(files.file(round.id, roundFiles.referenceTokens), tokens);
      appendJsonLines(file, rows);
      reporter.add(rows);
    }
  }
  reporter.flush();
  return { complete: true };
}

/** One row per prompt with the log-probabilities of its responses in the batch, and one with those of their tokens. */
async function logpsRows(
  { control }: WorkContext,
  model: LoadedModel,
  batch: SampleRow[],
  of: Pick<LogpsRow, 'model' | 'fingerprint'>,
  needed: NeededLogps,
): Promise<{ rows: LogpsRow[]; tokens: ReferenceTokensRow[] }> {
  const confidences = needed.confidences && of.model === 'policy';
  const sequences = batch.flatMap(({ prompt_ids, responses, prompt_index }) =>
    responses.map(({ ids }) => ({ prompt_ids, response_ids: ids, prompt_index })),
  );
  const computed = await responseValues(model, sequences, confidences, {
    microTokens: BATCH_TOKENS,
    control: pauseOnly(control),
    name: (i) => `a response to prompt ${sequences[i].prompt_index + 1}`,
  });
  let offset = 0;
  const tokens: ReferenceTokensRow[] = [];
  const rows = batch.map(({ prompt_index, responses }) => {
    const values = computed.slice(offset, (offset += responses.length));
    const token_logprobs = values.map(({ logprobs }) => Array.from(logprobs, shortened));
    tokens.push({ prompt_index, fingerprint: of.fingerprint, token_logprobs });
    return {
      prompt_index,
      ...of,
      logps: values.map(({ logprobs }) => sum(logprobs)),
      ...(needed.heads && { heads: headSums(values) }),
      ...(confidences && {
        confidences: values.map(({ logprobs, logSquares }) => confidence(logprobs, logSquares as Float32Array)),
      }),
    };
  });
  return { rows, tokens };
}

/** Four decimals, which the token view needs no more of. */
const shortened = (value: number): number => Math.round(value * 1e4) / 1e4;

/** Of each response the sums over its first n tokens, by n: every shorter length of another response to the prompt. */
function headSums(values: readonly TokenValues[]): Record<string, number>[] {
  const lengths = [...new Set(values.map(({ logprobs }) => logprobs.length))];
  return values.map(({ logprobs }) =>
    Object.fromEntries(
      lengths.filter((length) => length < logprobs.length).map((length) => [length, sum(logprobs.subarray(0, length))]),
    ),
  );
}

/** The round's prompts with at least two responses, those with a pair first. */
function promptsInOrder({ files, round }: WorkContext): SampleRow[] {
  const pairs = readJsonLines(files.file(round.id, roundFiles.pairs), pairRowSchema, { missing: 'empty' });
  const samples = readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema, { missing: 'empty' });
  const paired = new Set(pairs.map(({ prompt_index }) => prompt_index));
  const later = ({ prompt_index }: SampleRow) => (paired.has(prompt_index) ? 0 : 1);
  return samples
    .filter(({ responses }) => responses.length >= 2)
    .sort((a, b) => later(a) - later(b) || a.prompt_index - b.prompt_index);
}

/** Groups whole prompts into batches of about BATCH_TOKENS. */
function promptBatches(rows: readonly SampleRow[]): SampleRow[][] {
  const batches: SampleRow[][] = [];
  let tokens = Infinity;
  for (const row of rows) {
    const size = row.responses.reduce((count, { ids }) => count + row.prompt_ids.length + ids.length, 0);
    if (tokens + size > BATCH_TOKENS) {
      batches.push([]);
      tokens = 0;
    }
    batches[batches.length - 1].push(row);
    tokens += size;
  }
  return batches;
}

/** Reports rows a few times a second. */
class LogpsReporter {
  private rows: LogpsRow[] = [];
  private done = 0;
  private last = 0;

  constructor(
    private readonly context: WorkContext,
    private readonly total: number,
  ) {}

  add(rows: readonly LogpsRow[]): void {
    for (const row of rows) this.rows.push(row);
    this.done += rows.reduce((count, { logps }) => count + logps.length, 0);
    if (performance.now() - this.last >= REPORT_MS) this.flush();
  }

  flush(): void {
    this.last = performance.now();
    this.context.report({ type: 'logps', rows: this.rows, done: this.done, total: this.total });
    this.rows = [];
  }
}
