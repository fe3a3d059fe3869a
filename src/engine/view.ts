/** A round as clients see it: read from the run's files, then kept current by the reports of work. */
import {
  pairRowSchema,
  probeRowSchema,
  remarksRowSchema,
  sampleRowSchema,
  scoreRowSchema,
  type MetricsRow,
  type PairRow,
  type SampledResponse,
  type SampleRow,
} from '../core/rows.js';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../core/errors.js';
import { readJobView } from '../remote/jobs/view.js';
import { configOf, policiesOf } from '../core/config/rounds.js';
import type { Report, Work, WorkResults, WorkStage } from '../run/stages/context.js';
import { metricsSchema } from '../core/metricsRow.js';
import { readEndpoints } from '../run/stages/policyProbes.js';
import { hasNeeded, readLogps, readReview, readDecisionState, type LogpsRow } from '../run/stages/reviewFiles.js';
import { neededLogps, type NeededLogps } from '../core/startWeights.js';
import { noDecisions, type DecisionState, viewOf } from '../core/review/decisions.js';
import type { LogRatios, ReviewRow, WeightInputs } from '../core/review/rows.js';
import { readJsonLines, readLastJsonLines } from '../io/jsonl.js';
import type { Run } from '../run/run.js';
import {
  applyRoundEvent,
  emptyRound,
  enterStage,
  newestOf,
  rewardsSeen,
  type RoundEvent,
  withRewards,
} from '../protocol/reducer.js';
import type {
  EndpointView,
  EngineEvent,
  ResponseSeen,
  RewardSeen,
  RoundData,
  Stage,
  WeightProgress,
} from '../protocol/messages.js';
import { roundFiles } from '../core/runFiles.js';
import { promptText } from '../core/prompts.js';

/** Bytes at the end of a long samples file in which the newest responses are looked for. */
const LAST_BYTES = 2 ** 21;

export class RoundView {
  /** Human decisions on the pairs; clients get the view derived from them. */
  standing: DecisionState = noDecisions;
  /** Why a part of the round could not be read; null if everything was. */
  problem: string | null = null;
  private seen: RoundData;
  /** What gradient weights need beyond the review rows; null: nothing. */
  private needed: NeededLogps | null = null;
  /** By prompt: the newest rows that have what is needed. */
  private readonly logps = new Map<number, { policy?: LogpsRow; reference?: LogpsRow }>();

  private constructor(private readonly round: number) {
    this.seen = emptyRound(round);
  }

  /** As clients see it. */
  data(): RoundData {
    return { ...this.seen, decisions: viewOf(this.standing) };
  }

  get review(): ReviewRow[] {
    return this.seen.review;
  }

  get weights(): WeightInputs {
    return this.seen.weights;
  }

  get pairs(): PairRow[] {
    return this.seen.pairs;
  }

  get metrics(): MetricsRow[] {
    return this.seen.metrics;
  }

  get servers(): EndpointView[] {
    return this.seen.servers;
  }

  /** Number of the round's responses. */
  get responseCount(): number {
    return this.seen.lengths.length;
  }

  private set(changes: Partial<RoundData>): void {
    this.seen = { ...this.seen, ...changes };
  }

  /**
   * Round 0 shows its held-out responses. If a file cannot be read, its part stays empty and `problem` says why: the
   * rest of the round can still be viewed.
   */
  static read(run: Run, round: number): RoundView {
    const view = new RoundView(round);
    if (round === 0 && run.rounds.length === 0) return view;
    const file = (name: string) => run.files.file(round, name);
    view.attempt(() => {
      view.set({ review: readReview(run.files, round) });
      view.standing = readDecisionState(run.files, round, view.review);
    });
    view.attempt(() => view.readLogps(run));
    view.attempt(() => {
      if (view.review.length > 0) return view.takeReviewed(run);
      view.readSamples(run);
      const scores = readJsonLines(file(round === 0 ? roundFiles.heldOutScores : roundFiles.scores), scoreRowSchema, {
        missing: 'empty',
      });
      view.set({ rewards: scores.flatMap(({ rewards }) => rewards) });
      view.markRewards(scores);
    });
    view.attempt(() => view.set({ pairs: readJsonLines(file(roundFiles.pairs), pairRowSchema, { missing: 'empty' }) }));
    view.attempt(() =>
      view.set({ metrics: readJsonLines(file(roundFiles.metrics), metricsSchema, { missing: 'empty' }) }),
    );
    view.attempt(() => {
      const rows = readJsonLines(file(roundFiles.probes), probeRowSchema, { missing: 'empty' });
      view.set({ probes: rows.map((row) => ({ round, ...row })) });
    });
    view.attempt(() => view.set({ servers: readEndpoints(run.files, round) }));
    view.attempt(() =>
      view.set({ remarks: readJsonLines(file(roundFiles.remarks), remarksRowSchema, { missing: 'empty' }) }),
    );
    view.attempt(() => view.set({ job: readJobView(run.files, round) }));
    return view;
  }

  private attempt(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.problem ??= error.message;
    }
  }

  /** Applies a report; @returns the event for clients. */
  take(stage: Work, report: Report): EngineEvent | null {
    // Clients get a snapshot (stages.ts).
    if (report.type === 'rewound') this.set({ metrics: report.metrics });
    if (report.type === 'logps')
      return this.logpsKnown(this.ratiosOf(report.rows), { done: report.done, total: report.total });
    // Log-probabilities for review report their own progress.
    if (stage === 'logps') return null;
    const event = this.eventOf(stage, report);
    return event === null ? null : this.apply(stage, event);
  }

  private apply(stage: Stage, event: RoundEvent): RoundEvent {
    this.seen = applyRoundEvent(this.seen, event, stage);
    return event;
  }

  /** The event for a report; changes nothing. */
  private eventOf(stage: WorkStage, report: Exclude<Report, { type: 'logps' }>): RoundEvent | null {
    const { round } = this;
    switch (report.type) {
      case 'progress': {
        const { type: _type, ...numbers } = report;
        return { type: 'progress', progress: { round, stage, ...numbers } };
      }
      case 'response': {
        const { prompt_index, sample, prompt, response } = report;
        return {
          type: 'response',
          response: this.responseSeen(prompt_index, sample, prompt, response, stage === 'evaluate'),
        };
      }
      case 'rewards': {
        const held_out = stage === 'evaluate';
        const seen = rewardsSeen(
          this.seen.responses,
          report.rewards.map((reward) => ({ ...reward, held_out })),
        );
        return { type: 'rewards', round, rewards: report.rewards.map(({ reward }) => reward), seen };
      }
      case 'step':
        return { type: 'step', round, metrics: report.metrics };
      case 'rewound':
        return null;
      case 'servers':
        return { type: 'servers', round, servers: report.servers };
      case 'remarks':
        return { type: 'remarks', round, row: report.row };
      case 'job':
        return { type: 'job', round, job: report.job };
      case 'probe':
        return { type: 'probe', probe: { round, ...report.probe } };
    }
  }

  /** A stage begins: clears what the stage will report again from its start. */
  begin(stage: Stage, run: Run): void {
    this.seen = enterStage(this.seen, stage);
    const ofBase = stage === 'evaluate' && this.round === 0;
    // Responses of unfinished prompts are sampled again; only these two stages read the file, which may be long.
    if (stage === 'sample' || ofBase) this.readSamples(run);
    if (ofBase) this.set({ rewards: [] });
    if (stage === 'update') this.set({ job: null });
  }

  /** Adds the pairs that scoring made; @returns the event for clients. */
  scored({ pairs, review, dropped }: WorkResults['score']): EngineEvent {
    const before = this.seen.weights;
    const weights = before.need === 'logps' ? { ...before, total: this.logpsIn(review) } : before;
    return this.apply('score', { type: 'pairs', round: this.round, pairs, review, dropped, weights });
  }

  /** Adds log-ratios, or the progress of computing them; @returns the event for clients. */
  logpsKnown(known: LogRatios[], progress: Partial<WeightProgress>): EngineEvent | null {
    if (this.seen.weights.need !== 'logps') return null;
    const { known: _known, ...before } = this.seen.weights;
    return this.apply('review', { type: 'logps', round: this.round, known, weights: { ...before, ...progress } });
  }

  private readLogps(run: Run): void {
    const round = run.round(this.round);
    const config = configOf(run.config, round);
    if (round.id === 0) return;
    const needed = neededLogps(config.dpo, policiesOf(config, run.files, round).same);
    this.needed = needed;
    if (needed === null) return;
    // Before the file is read: without it weights are unknown, not those of a start from the reference.
    const total = this.logpsIn(this.review);
    const unknown = { need: 'logps', done: 0, total, computing: false, problem: null, known: [] } as const;
    this.set({ weights: { ...unknown, known: [] } });
    const rows = ofNewestModels(readLogps(run.files, round.id)).filter((row) => hasNeeded(row, needed));
    const newest = new Map(rows.map((row) => [`${row.model} ${row.prompt_index}`, row]));
    const known = this.ratiosOf([...newest.values()]);
    const done = [...newest.values()].reduce((count, { logps }) => count + logps.length, 0);
    this.set({ weights: { ...unknown, done, known } });
  }

  /** @returns the prompts for which all that is needed is now known, if new or changed */
  private ratiosOf(rows: readonly LogpsRow[]): LogRatios[] {
    const { needed } = this;
    if (needed === null) return [];
    return rows.flatMap((row): LogRatios[] => {
      const { prompt_index, model } = row;
      const before = this.logps.get(prompt_index);
      if (!hasNeeded(row, needed) || isDeepStrictEqual(before?.[model], row)) return [];
      const rowsNow = { ...before, [model]: row };
      this.logps.set(prompt_index, rowsNow);
      return needed.models.every((each) => rowsNow[each] !== undefined) ? [logRatios(rowsNow, needed)] : [];
    });
  }

  /** One log-probability for each response that review can pair and each policy that is needed. */
  private logpsIn(review: readonly ReviewRow[]): number {
    const policies = this.needed?.models.length ?? 0;
    return review.reduce((count, { rewards: { length } }) => (length < 2 ? count : count + policies * length), 0);
  }

  /** Clears the data of a discarded update. */
  forgetUpdate(): void {
    this.set({ metrics: [], probes: [], job: null });
  }

  /** For a scored round: reads only the end of the samples file, which may be gigabytes. */
  private takeReviewed(run: Run): void {
    this.set({
      rewards: this.review.flatMap(({ rewards }) => rewards),
      lengths: this.review.flatMap(({ lengths }) => lengths),
      truncated: this.review.flatMap(({ truncated }) => truncated).filter(Boolean).length,
    });
    const file = run.files.file(this.round, roundFiles.samples);
    const rows = readLastJsonLines(file, sampleRowSchema, LAST_BYTES);
    this.set({ responses: newestOf(rows.flatMap((row) => this.responsesOf(row, false))) });
    this.markRewards(this.review);
  }

  private readSamples(run: Run): void {
    const file = run.files.file(this.round, this.round === 0 ? roundFiles.heldOutSamples : roundFiles.samples);
    const rows = readJsonLines(file, sampleRowSchema, { missing: 'empty' });
    const all = rows.flatMap((row) => this.responsesOf(row, this.round === 0));
    this.set({
      responses: newestOf(all),
      lengths: all.map(({ length }) => length),
      truncated: all.filter(({ truncated }) => truncated).length,
    });
  }

  private responsesOf(row: SampleRow, held_out: boolean): ResponseSeen[] {
    const prompt = promptText(row);
    return row.responses.map((response, sample) =>
      this.responseSeen(row.prompt_index, sample, prompt, response, held_out),
    );
  }

  private responseSeen(
    prompt_index: number,
    sample: number,
    prompt: string,
    response: SampledResponse,
    held_out: boolean,
  ): ResponseSeen {
    const { text, ids, finish_reason } = response;
    return {
      ...{ round: this.round, prompt_index, sample, prompt, text },
      ...{ length: ids.length, truncated: finish_reason === 'length', reward: null, held_out },
    };
  }

  private markRewards(rows: { prompt_index: number; rewards: number[] }[]): void {
    const prompts = new Set(this.seen.responses.map(({ prompt_index }) => prompt_index));
    const held_out = this.round === 0;
    const rewards = rows
      .filter(({ prompt_index }) => prompts.has(prompt_index))
      .flatMap(({ prompt_index, rewards }) =>
        rewards.map((reward, sample): RewardSeen => ({ prompt_index, sample, reward, held_out })),
      );
    this.set({ responses: withRewards(this.seen.responses, rewards) });
  }
}

/** Without rows of weights that a model has had before: rows are appended, so the last one of each kind has the newest. */
function ofNewestModels(rows: readonly LogpsRow[]): LogpsRow[] {
  const newest = new Map(rows.map(({ model, fingerprint }) => [model, fingerprint]));
  return rows.filter(({ model, fingerprint }) => newest.get(model) === fingerprint);
}

/** Of a prompt whose needed rows are all there. A policy that is its own reference has log-ratios of 0. */
function logRatios(rows: { policy?: LogpsRow; reference?: LogpsRow }, needed: NeededLogps): LogRatios {
  const policy = rows.policy as LogpsRow;
  const { logps, heads = [] } = rows.reference ?? policy;
  return {
    prompt_index: policy.prompt_index,
    log_ratios: policy.logps.map((value, i) => value - logps[i]),
    ...(needed.heads && {
      head_ratios: policy.heads?.map((sums, i) =>
        Object.fromEntries(Object.entries(sums).map(([tokens, value]) => [tokens, value - heads[i][tokens]])),
      ),
    }),
    ...(needed.confidences && { confidences: policy.confidences }),
  };
}
