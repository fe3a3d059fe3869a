/** What the engine knows of the current round, for clients that attach: read from the run's files, kept up by events. */
import { pairRowSchema, sampleRowSchema, scoreRowSchema, type MetricsRow, type PairRow } from '../rows.js';
import { metricsSchema } from '../rounds/metrics.js';
import type { Report } from '../rounds/context.js';
import { roundFiles } from '../rounds/files.js';
import { promptText } from '../rounds/prompts.js';
import { readJsonLines } from '../store/jsonl.js';
import type { Run } from '../store/run.js';
import type { Progress, ResponseSeen, RoundData, Stage } from './protocol.js';

/** Newest responses that a client gets when it attaches. */
const RESPONSES_KEPT = 50;

export class RoundView {
  progress: Progress | null = null;
  pairs: PairRow[] = [];
  metrics: MetricsRow[] = [];
  responses: ResponseSeen[] = [];
  lengths: number[] = [];
  rewards: number[] = [];

  private constructor(private readonly round: number) {}

  data(): RoundData {
    const { round, progress, pairs, metrics, responses, lengths, rewards } = this;
    const decisions = { decisions: [], undoable: 0, redoable: 0 };
    return {
      round,
      progress,
      pairs,
      review: [],
      decisions,
      metrics,
      responses,
      lengths,
      truncated: 0,
      rewards,
      probes: [],
    };
  }

  /** Round 0 shows its held-out responses. */
  static read(run: Run, round: number): RoundView {
    const view = new RoundView(round);
    if (round === 0 && run.rounds.length === 0) return view;
    const file = (name: string) => run.files.file(round, name);
    const [samplesFile, scoresFile] =
      round === 0 ? [roundFiles.heldOutSamples, roundFiles.heldOutScores] : [roundFiles.samples, roundFiles.scores];
    for (const row of readJsonLines(file(samplesFile), sampleRowSchema, { missing: 'empty' })) {
      row.responses.forEach((response, sample) => {
        view.lengths.push(response.ids.length);
        view.remember({
          round,
          prompt_index: row.prompt_index,
          sample,
          prompt: promptText({ where: '', ...row }),
          text: response.text,
          length: response.ids.length,
          truncated: response.finish_reason === 'length',
        });
      });
    }
    view.rewards = readJsonLines(file(scoresFile), scoreRowSchema, { missing: 'empty' }).flatMap(
      ({ rewards }) => rewards,
    );
    view.pairs = readJsonLines(file(roundFiles.pairs), pairRowSchema, { missing: 'empty' });
    view.metrics = readJsonLines(file(roundFiles.metrics), metricsSchema, { missing: 'empty' });
    return view;
  }

  /** Takes a report in; @returns what clients are told where it is a response or progress. */
  take(stage: Stage, report: Report): { progress?: Progress; response?: ResponseSeen } {
    switch (report.type) {
      case 'progress': {
        const { type: _type, ...numbers } = report;
        this.progress = { round: this.round, stage, ...numbers };
        return { progress: this.progress };
      }
      case 'response': {
        const { prompt_index, sample, prompt, response } = report;
        const seen: ResponseSeen = {
          round: this.round,
          prompt_index,
          sample,
          prompt,
          text: response.text,
          length: response.ids.length,
          truncated: response.finish_reason === 'length',
        };
        // Held-out responses of an evaluation are shown as they come and are not part of the round's samples.
        if (stage === 'sample' || this.round === 0) this.lengths.push(seen.length);
        this.remember(seen);
        return { response: seen };
      }
      case 'rewards':
        if (stage === 'score' || this.round === 0) this.rewards.push(...report.rewards);
        return {};
      case 'step':
        this.metrics.push(report.metrics);
        return {};
    }
  }

  /** A stage begins: what is taken in again from its start is forgotten. */
  begin(stage: Stage, run: Run): void {
    this.progress = null;
    const ofBase = stage === 'evaluate' && this.round === 0;
    // Responses of prompts that are not finished are sampled again; only these two read the file, which may be long.
    if (stage === 'sample' || ofBase) this.lengths = RoundView.read(run, this.round).lengths;
    // Scoring and updating report what their files hold.
    if (stage === 'score' || ofBase) this.rewards = [];
    if (stage === 'update') this.metrics = [];
  }

  private remember(response: ResponseSeen): void {
    this.responses.push(response);
    if (this.responses.length > RESPONSES_KEPT) this.responses.shift();
  }
}
