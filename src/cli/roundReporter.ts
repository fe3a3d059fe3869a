/** Progress of commands that take a run through rounds, `brevity auto` and `brevity sweep`, on standard error. */
import { evaluationSentences } from '../core/findings.js';
import type { EvaluationResult } from '../core/rows.js';
import { problemOf, readiness, weightsText } from '../../components/parts/endpointLines.js';
import { jobNews } from '../../components/screens/update/job.js';
import type { RoundState } from '../core/rounds.js';
import { printError, ProgressLine } from '../io/print.js';
import type { EndpointView, EngineEvent } from '../protocol/messages.js';

/** Prints progress to standard error and passes each finished round on once. */
export class RoundReporter {
  private line: ProgressLine | null = null;
  private stage = '';
  private readonly told = new Set<number>();
  /** Rounds already done at the first snapshot, and the round being worked on. */
  before: ReadonlySet<number> = new Set();
  current = 0;
  private asked = false;
  private readonly said = new Set<string>();

  constructor(private readonly onRound: (round: RoundState) => void) {}

  take(event: EngineEvent): void {
    if (event.type === 'snapshot') {
      const { engine, role, rounds, current } = event.snapshot;
      if (engine.activity === 'paused' && role.driving) printError('The run is paused; resuming it.\n');
      if (!this.asked) this.before = new Set(rounds.flatMap(({ id, stage }) => (stage === 'done' ? [id] : [])));
      this.asked = true;
      this.current = current;
      for (const round of rounds) this.round(round);
    } else if (event.type === 'round') {
      this.current = event.round.id;
      this.round(event.round);
    } else if (event.type === 'rounds') this.current = event.current;
    else if (event.type === 'warning') this.say('', event.message);
    else if (event.type === 'servers') this.servers(event.round, event.servers);
    else if (event.type === 'job') this.say(`round ${event.round} update: `, jobNews(event.job));
    else if (event.type === 'remarks')
      for (const remark of event.row.remarks) this.say(`round ${event.round} ${event.row.stage}: `, remark);
    else if (event.type === 'progress') {
      const { round, stage, done, total, unit, tokens_per_second: speed } = event.progress;
      this.begin(`round ${round} ${stage}`, unit).update(done, total, speed > 0 ? `${Math.round(speed)} tokens/s` : '');
    } else if (event.type === 'step') {
      const { step, total_steps: total, loss, tokens_per_second: speed } = event.metrics;
      this.begin(`round ${event.round} update`, 'steps').update(
        step,
        total,
        `loss ${loss.toFixed(4)} ${Math.round(speed)} tokens/s`,
      );
    }
  }

  /** Prints each problem once and, when every endpoint is ready or down, how they were verified. */
  private servers(round: number, servers: readonly EndpointView[]): void {
    const settled = servers.every(({ state }) => state === 'ready' || state === 'down');
    for (const server of servers)
      if (server.state === 'down' && server.problem !== null)
        this.say(`round ${round} servers: `, problemOf(server)?.text ?? '');
    if (settled && servers.some(({ verification }) => verification !== null))
      this.say(`round ${round} servers: `, `${readiness(servers)}; ${weightsText(servers)}`);
  }

  /** Prints a line once. */
  private say(head: string, text: string | null): void {
    if (text === null || this.said.has(head + text)) return;
    this.said.add(head + text);
    this.finish();
    printError(`${head}${text}\n`);
  }

  finish(): void {
    this.line?.finish();
    this.line = null;
  }

  private round(round: RoundState): void {
    if (round.stage !== 'done' || round.damaged !== undefined || this.told.has(round.id)) return;
    this.told.add(round.id);
    this.finish();
    this.onRound(round);
    if (round.evaluation === null || this.before.has(round.id)) return;
    const sentences = evaluationSentences(baseOnly(round.evaluation), () => 'the base');
    for (const sentence of sentences) printError(`round ${round.id}: ${sentence}\n`);
  }

  private begin(stage: string, unit: string): ProgressLine {
    if (this.line === null || this.stage !== `${stage} ${unit}`) {
      this.line?.finish();
      this.stage = `${stage} ${unit}`;
      this.line = new ProgressLine(stage, unit);
    }
    return this.line;
  }
}

/** Without the comparison with the round's start, which the row has: one line per figure is enough. */
function baseOnly(evaluation: EvaluationResult): EvaluationResult {
  return { ...evaluation, comparisons: evaluation.comparisons.filter(({ against }) => against === 'base') };
}
