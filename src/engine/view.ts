/** What there is to see of a round: read from the run's files, kept up by what work reports. */
import {
  pairRowSchema,
  probeRowSchema,
  sampleRowSchema,
  scoreRowSchema,
  type MetricsRow,
  type PairRow,
  type SampledResponse,
} from '../core/rows.js';
import { UserError } from '../core/errors.js';
import { readJobView } from '../remote/jobs/view.js';
import { configOf, policiesOf } from '../core/config/rounds.js';
import type { Report, Work } from '../run/stages/context.js';
import { metricsSchema } from '../core/metricsRow.js';
import { readEndpoints } from '../run/stages/policyProbes.js';
import { readLogps, readReview, readStanding, type LogpsRow } from '../run/stages/reviewFiles.js';
import { nothingDecided, type Standing, viewOf } from '../core/review/decisions.js';
import type { LogRatios, ReviewRow, WeightInputs } from '../core/review/rows.js';
import { readJsonLines, readLastJsonLines } from '../io/jsonl.js';
import type { Run } from '../run/run.js';
import { rewardsSeen, withLogRatios, withNewest, withRewards } from '../protocol/reducer.js';
import type {
  EndpointView,
  EngineEvent,
  JobView,
  ProbeSeen,
  Progress,
  ResponseSeen,
  RewardSeen,
  RoundData,
  Stage,
  WeightProgress,
} from '../protocol/messages.js';
import { roundFiles } from '../core/runFiles.js';
import { promptText } from '../core/prompts.js';

/** Of a long samples file, where they are looked for. */
const LAST_BYTES = 2 ** 21;

export class RoundView {
  progress: Progress | null = null;
  pairs: PairRow[] = [];
  review: ReviewRow[] = [];
  /** Human decisions on them. */
  standing: Standing = nothingDecided;
  weights: WeightInputs = { need: 'lengths' };
  metrics: MetricsRow[] = [];
  responses: ResponseSeen[] = [];
  lengths: number[] = [];
  truncated = 0;
  rewards: number[] = [];
  probes: ProbeSeen[] = [];
  servers: EndpointView[] = [];
  job: JobView | null = null;
  /** Why a part of it could not be read; null if all of it was. */
  problem: string | null = null;

  /** Of prompts of which one model's log-probabilities are known, or both. */
  private readonly logps = new Map<number, { policy?: number[]; reference?: number[] }>();

  private constructor(private readonly round: number) {}

  data(): RoundData {
    const {
      round,
      progress,
      pairs,
      review,
      standing,
      weights,
      metrics,
      responses,
      lengths,
      truncated,
      rewards,
      probes,
      servers,
      job,
    } = this;
    const decisions = viewOf(standing);
    return {
      ...{ round, progress, pairs, review, decisions, weights },
      ...{ metrics, responses, lengths, truncated, rewards, probes, servers, job },
    };
  }

  /**
   * Round 0 shows its held-out responses. A file that cannot be read leaves its part empty and is told of in `problem`:
   * the rest of the round can still be looked at.
   */
  static read(run: Run, round: number): RoundView {
    const view = new RoundView(round);
    if (round === 0 && run.rounds.length === 0) return view;
    const file = (name: string) => run.files.file(round, name);
    view.attempt(() => {
      view.review = readReview(run.files, round);
      view.standing = readStanding(run.files, round, view.review);
    });
    view.attempt(() => view.readLogps(run));
    view.attempt(() => {
      if (view.review.length > 0) return view.takeReviewed(run);
      view.readSamples(run);
      const scores = readJsonLines(file(round === 0 ? roundFiles.heldOutScores : roundFiles.scores), scoreRowSchema, {
        missing: 'empty',
      });
      view.rewards = scores.flatMap(({ rewards }) => rewards);
      view.markRewards(scores);
    });
    view.attempt(() => (view.pairs = readJsonLines(file(roundFiles.pairs), pairRowSchema, { missing: 'empty' })));
    view.attempt(() => (view.metrics = readJsonLines(file(roundFiles.metrics), metricsSchema, { missing: 'empty' })));
    view.attempt(() => {
      const rows = readJsonLines(file(roundFiles.probes), probeRowSchema, { missing: 'empty' });
      view.probes = rows.map((row) => ({ round, ...row }));
    });
    view.attempt(() => (view.servers = readEndpoints(run.files, round)));
    view.attempt(() => (view.job = readJobView(run.files, round)));
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

  /** Takes a report in; @returns what clients are told. */
  take(stage: Work, report: Report): EngineEvent | null {
    const { round } = this;
    switch (report.type) {
      case 'progress': {
        // Log-probabilities for review report their own.
        if (stage === 'logps') return null;
        const { type: _type, ...numbers } = report;
        this.progress = { round, stage, ...numbers };
        return { type: 'progress', progress: this.progress };
      }
      case 'response': {
        const { prompt_index, sample, prompt, response } = report;
        const seen = this.seen(prompt_index, sample, prompt, response, stage === 'evaluate');
        // Held-out responses of an evaluation are shown as they come and are not part of the round's samples.
        if (stage === 'sample' || round === 0) this.count(seen);
        this.remember(seen);
        return { type: 'response', response: seen };
      }
      case 'rewards': {
        const rewards = report.rewards.map(({ reward }) => reward);
        if (stage === 'score' || round === 0) this.rewards = this.rewards.concat(rewards);
        const held_out = stage === 'evaluate';
        const seen = rewardsSeen(
          this.responses,
          report.rewards.map((reward) => ({ ...reward, held_out })),
        );
        this.responses = withRewards(this.responses, seen);
        return { type: 'rewards', round, rewards, seen };
      }
      case 'logps': {
        const known = this.ratiosOf(report.rows);
        return this.logpsKnown(known, { done: report.done, total: report.total });
      }
      case 'step':
        this.metrics.push(report.metrics);
        return { type: 'step', round, metrics: report.metrics };
      case 'rewound':
        // Clients get a snapshot: stages.ts.
        this.metrics = report.metrics;
        return null;
      case 'servers':
        this.servers = report.servers;
        return { type: 'servers', round, servers: report.servers };
      case 'job':
        this.job = report.job;
        return { type: 'job', round, job: report.job };
      case 'probe': {
        const probe = { round, ...report.probe };
        this.probes.push(probe);
        return { type: 'probe', probe };
      }
    }
  }

  /** A stage begins: what is taken in again from its start is forgotten. */
  begin(stage: Stage, run: Run): void {
    this.progress = null;
    const ofBase = stage === 'evaluate' && this.round === 0;
    // Responses of prompts that are not finished are sampled again; only these two read the file, which may be long.
    if (stage === 'sample' || ofBase) this.readSamples(run);
    // Scoring and updating report what their files hold.
    if (stage === 'score' || ofBase) this.rewards = [];
    if (stage === 'update') this.forgetUpdate();
  }

  scored(pairs: PairRow[], review: ReviewRow[]): void {
    this.pairs = pairs;
    this.review = review;
    if (this.weights.need === 'logps') this.weights = { ...this.weights, total: logpsIn(review) };
  }

  /** Takes in log-ratios, or how computing them is doing; @returns what clients are told. */
  logpsKnown(known: LogRatios[], progress: Partial<WeightProgress>): EngineEvent | null {
    if (this.weights.need !== 'logps') return null;
    const { known: _known, ...before } = this.weights;
    const weights = { ...before, ...progress };
    this.weights = withLogRatios(this.weights, { known, weights });
    return { type: 'logps', round: this.round, known, weights };
  }

  private readLogps(run: Run): void {
    const round = run.round(this.round);
    if (round.id === 0 || policiesOf(configOf(run.config, round), run.files, round).same) return;
    // Before the file is read: without it weights are unknown, not those of a start from the reference.
    const total = logpsIn(this.review);
    this.weights = { need: 'logps', done: 0, total, computing: false, problem: null, known: [] };
    const rows = readLogps(run.files, round.id);
    const newest = new Map(rows.map((row) => [`${row.model} ${row.prompt_index}`, row]));
    const known = this.ratiosOf([...newest.values()]);
    const done = [...newest.values()].reduce((count, { logps }) => count + logps.length, 0);
    this.weights = { ...this.weights, done, known };
  }

  /** @returns the prompts of which both models' log-probabilities are known now and were not before */
  private ratiosOf(rows: readonly LogpsRow[]): LogRatios[] {
    return rows.flatMap(({ prompt_index, model, logps }) => {
      const both = { ...this.logps.get(prompt_index), [model]: logps };
      const changed = !sameNumbers(this.logps.get(prompt_index)?.[model], logps);
      this.logps.set(prompt_index, both);
      const { policy, reference } = both;
      if (!changed || policy === undefined || reference === undefined) return [];
      return [{ prompt_index, log_ratios: policy.map((value, i) => value - reference[i]) }];
    });
  }

  forgetUpdate(): void {
    this.metrics = [];
    this.probes = [];
    this.job = null;
  }

  /** Of a round that is scored: the samples need not be read whole, which may be gigabytes. */
  private takeReviewed(run: Run): void {
    this.rewards = this.review.flatMap(({ rewards }) => rewards);
    this.lengths = this.review.flatMap(({ lengths }) => lengths);
    this.truncated = this.review.flatMap(({ truncated }) => truncated).filter(Boolean).length;
    const file = run.files.file(this.round, roundFiles.samples);
    for (const row of readLastJsonLines(file, sampleRowSchema, LAST_BYTES))
      row.responses.forEach((response, sample) =>
        this.remember(this.seen(row.prompt_index, sample, promptText(row), response, false)),
      );
    this.markRewards(this.review);
  }

  private readSamples(run: Run): void {
    const file = run.files.file(this.round, this.round === 0 ? roundFiles.heldOutSamples : roundFiles.samples);
    this.lengths = [];
    this.truncated = 0;
    this.responses = [];
    for (const row of readJsonLines(file, sampleRowSchema, { missing: 'empty' })) {
      row.responses.forEach((response, sample) => {
        const seen = this.seen(row.prompt_index, sample, promptText(row), response, this.round === 0);
        this.count(seen);
        this.remember(seen);
      });
    }
  }

  private seen(
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
    const prompts = new Set(this.responses.map(({ prompt_index }) => prompt_index));
    const held_out = this.round === 0;
    const rewards = rows
      .filter(({ prompt_index }) => prompts.has(prompt_index))
      .flatMap(({ prompt_index, rewards }) =>
        rewards.map((reward, sample): RewardSeen => ({ prompt_index, sample, reward, held_out })),
      );
    this.responses = withRewards(this.responses, rewards);
  }

  private count({ length, truncated }: ResponseSeen): void {
    this.lengths.push(length);
    if (truncated) this.truncated++;
  }

  private remember(response: ResponseSeen): void {
    this.responses = withNewest(this.responses, response);
  }
}

/** Two log-probabilities for each response that review can pair. */
function logpsIn(review: readonly ReviewRow[]): number {
  return review.reduce((count, { rewards }) => (rewards.length < 2 ? count : count + 2 * rewards.length), 0);
}

function sameNumbers(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a?.length === b.length && a.every((value, i) => value === b[i]);
}
