/** Answers the queries of clients. Queries change nothing, so any client may send them at any time. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.js';
import { jobDir, jobMayRun, readJobMachine } from '../remote/jobs/view.js';
import { jobFile } from '../remote/jobs/contract.js';
import { readLogPart } from '../io/logTail.js';
import { MachineSampler } from '../io/machine.js';
import { engineLog } from '../core/runFiles.js';
import { readHeldOut } from '../run/stages/answers.js';
import { firstStepSchema, metricsSchema } from '../core/metricsRow.js';
import { readJsonLines } from '../io/jsonl.js';
import { folderBytes, RowIndex } from '../run/rowIndex.js';
import type { Core } from './core.js';
import {
  type AnswerTo,
  type Queries,
  type Query,
  type QueryName,
  SHOWN_PROMPT_TOKENS,
  type TokenSeen,
} from '../protocol/messages.js';
import { RoundView } from './view.js';
import { Tokenizer } from '../model/tokenizer.js';
import {
  sampleRowSchema,
  scoreRowSchema,
  type MetricsRow,
  type PairRow,
  type SampleRow,
  type ScoreRow,
} from '../core/rows.js';
import type { Run } from '../run/run.js';
import type { JobConfig } from '../core/config/schema.js';
import { evaluationCount, sumOverSteps, totalSteps } from '../core/schedule.js';
import { heldOutRule, markHeldOut, splitPairs } from '../core/heldOutPairs.js';
import { pairTokens } from '../core/pairs.js';
import { largest } from '../core/limits.js';
import { decidedPairs } from '../core/review/decisions.js';
import { objectives } from '../core/objectives/index.js';
import { referenceInWords } from '../core/config/reference.js';
import { configOf, policiesOf } from '../core/config/rounds.js';
import type { RoundState } from '../core/rounds.js';
import { type ReferenceTokensRow, referenceTokensSchema, streamReview } from '../run/stages/reviewFiles.js';
import { hackingReport, lengthBias, type HackingReport, type LengthBias } from '../core/review/hacking.js';
import type { ReviewRow } from '../core/review/rows.js';
import { roundFiles } from '../core/runFiles.js';
import { promptText } from '../core/prompts.js';

type Answers = {
  [Q in QueryName]: (
    core: Core,
    archive: Archive,
    ask: Queries[Q]['ask'],
  ) => Promise<Queries[Q]['answer']> | Queries[Q]['answer'];
};

export function isQuery(request: { type: string }): request is Query {
  return Object.hasOwn(answers, request.type);
}

/** @throws UserError if what the query asks for does not exist */
export async function answer<Q extends Query>(core: Core, archive: Archive, query: Q): Promise<AnswerTo<Q>> {
  const of = answers[query.type] as (core: Core, archive: Archive, ask: Q) => Promise<AnswerTo<Q>> | AnswerTo<Q>;
  return await of(core, archive, query);
}

const answers: Answers = {
  async 'read-detail'(_core, archive, { round, prompt_index }) {
    const { prompt, prompt_ids, responses } = await archive.sample(round, prompt_index);
    const { rewards, parts } = await archive.score(round, prompt_index);
    return {
      prompt_index,
      prompt: prompt ?? promptText({ prompt_ids }),
      responses: responses.map(({ text, ids, logps, finish_reason }, i) => ({
        text,
        length: ids.length,
        reward: rewards[i],
        logps,
        ...(parts !== undefined && { parts: parts[i] }),
        truncated: finish_reason === 'length',
      })),
    };
  },

  async 'read-tokens'({ run }, archive, { round, prompt_index, sample }) {
    const { prompt_ids, responses } = await archive.sample(round, prompt_index);
    if (!Object.hasOwn(responses, sample))
      throw new UserError(
        `prompt ${prompt_index} of round ${round} has no response ${String(sample)}; it has 0 to ${responses.length - 1}`,
      );
    const { ids, token_logprobs } = responses[sample];
    const tokenizer = await archive.findTokenizer();
    const seen = (id: number): TokenSeen => {
      // Models pad their vocabularies with unused ids.
      const text = tokenizer?.tokenText(id) ?? '';
      return { id, text: text === '' ? String(id) : text, special: tokenizer?.isSpecial(id) ?? false };
    };
    return {
      prompt_tokens: prompt_ids.length,
      prompt: prompt_ids.slice(-SHOWN_PROMPT_TOKENS).map(seen),
      response: ids.map(seen),
      policy: token_logprobs.length === ids.length ? token_logprobs : null,
      reference: await referenceOfTokens(run, archive, run.round(round), prompt_index, sample, ids.length),
    };
  },

  'read-round'({ run, view }, _archive, { round }) {
    run.round(round);
    if (round === run.current) return view.data();
    const other = RoundView.read(run, round);
    if (other.problem !== null) throw new UserError(other.problem);
    return other.data();
  },

  'read-held-out'({ run }, _archive, { round }) {
    run.round(round);
    return readHeldOut(run.files, round);
  },

  'read-metrics'({ run, view }, _archive, { round }) {
    run.round(round);
    if (round === run.current) return view.metrics;
    return readJsonLines(run.files.file(round, roundFiles.metrics), metricsSchema, { missing: 'empty' });
  },

  async 'read-deletion'({ run }, _archive, { round }) {
    const rounds = run.descendants(round).map(({ id }) => id);
    const bytes = await Promise.all(rounds.map((id) => folderBytes(run.files.roundDir(id))));
    return { rounds: rounds.sort((a, b) => a - b), bytes: bytes.reduce((a, b) => a + b, 0) };
  },

  'read-engine': ({ state }) => state,

  'read-log'({ run }, _archive, { log, from }) {
    if (log.of === 'engine') return readLogPart(engineLog(run.directory), from);
    run.round(log.round);
    return readLogPart(jobFile(jobDir(run.files, log.round), 'log'), from);
  },

  async 'read-machine'({ run, round }, archive) {
    const job = round.stage === 'update' && jobMayRun(run.files, round.id) ? readJobMachine(run.files, round.id) : null;
    return { engine: await archive.machine.sample(), job };
  },

  'read-plan': planUpdate,

  'read-hacking'({ run, view }, archive, { round }) {
    run.round(round);
    return archive.hacking.report(round, round === run.current ? view.review : null);
  },
};

/** log π_ref of a response's tokens; null where it is unknown, or the objective has no reference. */
async function referenceOfTokens(
  run: Run,
  archive: Archive,
  round: RoundState,
  promptIndex: number,
  sample: number,
  tokens: number,
): Promise<number[] | 'policy' | null> {
  const config = configOf(run.config, round);
  if (round.id === 0 || !objectives[config.dpo.objective].reference) return null;
  if (policiesOf(config, run.files, round).same) return 'policy';
  const found = (await archive.referenceTokens(round.id, promptIndex))?.token_logprobs.at(sample);
  return found?.length === tokens ? found : null;
}

interface RoundIndex {
  samples: RowIndex<SampleRow>;
  scores: RowIndex<ScoreRow>;
  referenceTokens: RowIndex<ReferenceTokensRow>;
}

/** Reads the run's files on demand and indexes each file of a round once. */
export class Archive {
  private readonly indices = new Map<number, RoundIndex>();
  private tokenizer: Tokenizer | null = null;

  readonly hacking: HackingReports;
  readonly machine = new MachineSampler();

  constructor(private readonly run: Run) {
    this.hacking = new HackingReports(run);
  }

  /** @throws UserError if the round has no responses to this prompt */
  async sample(round: number, promptIndex: number): Promise<SampleRow> {
    const row = await this.index(round).samples.row(promptIndex);
    if (row === null) throw new UserError(`round ${round} has no responses to prompt ${promptIndex} yet`);
    return row;
  }

  /** @throws UserError if the round has no rewards for this prompt */
  async score(round: number, promptIndex: number): Promise<ScoreRow> {
    const row = await this.index(round).scores.row(promptIndex);
    if (row === null)
      throw new UserError(`the responses of round ${round} to prompt ${promptIndex} are not scored yet`);
    return row;
  }

  /** null where they were not computed. */
  referenceTokens(round: number, promptIndex: number): Promise<ReferenceTokensRow | null> {
    return this.index(round).referenceTokens.row(promptIndex);
  }

  /** The base policy's tokenizer, which all rounds share; null if it has none. Read at the first query. */
  async findTokenizer(): Promise<Tokenizer | null> {
    this.tokenizer ??= await tokenizerOf(this.run.config.model);
    return this.tokenizer;
  }

  private index(round: number): RoundIndex {
    this.run.round(round);
    const known = this.indices.get(round);
    if (known !== undefined) return known;
    const file = (name: string) => this.run.files.file(round, name);
    const index = {
      samples: new RowIndex(file(roundFiles.samples), sampleRowSchema),
      scores: new RowIndex(file(roundFiles.scores), scoreRowSchema),
      referenceTokens: new RowIndex(file(roundFiles.referenceTokens), referenceTokensSchema),
    };
    this.indices.set(round, index);
    return index;
  }
}

async function tokenizerOf(model: string): Promise<Tokenizer | null> {
  const found = Tokenizer.find(model);
  if (found !== null || !existsSync(path.join(model, 'adapter_config.json'))) return found;
  // Imported only here: it loads the tensor code, which this thread does not need otherwise.
  const { readAdapterConfig } = await import('../model/peft.js');
  return Tokenizer.find(readAdapterConfig(model).base);
}

/**
 * A training pass is a forward pass and a backward pass of twice its work; the reference and an evaluation of held-out pairs
 * need one forward pass.
 */
const FORWARD_COST = 1 / 3;

/** The size of an update before its launch, and its expected cost from earlier updates of this run. */
export async function planUpdate(
  { run, view: current, state }: Core,
  archive: Archive,
  { round: id }: Queries['read-plan']['ask'],
): Promise<Queries['read-plan']['answer']> {
  const round = run.round(id);
  const view = id === run.current ? current : RoundView.read(run, id);
  if (view.problem !== null) throw new UserError(view.problem);
  const config = configOf(run.config, round);
  const { share, seed } = heldOutRule(config, round);
  const decided = await decidedTokens(view, archive, id);
  const all = decided.length === 0 ? [] : markHeldOut(decided, share, seed);
  const pairs = splitPairs(all).trained.map((i) => all[i].tokens);
  const steps = pairs.length === 0 ? 0 : totalSteps(pairs.length, config.update);
  const tokens = sumOverSteps(pairs, config.update.batch_size, steps, seed);
  const known = experience(run, round);
  const compares = objectives[config.dpo.objective].reference;
  const once = all.reduce((sum, each) => sum + each.tokens, 0);
  const heldOut = splitPairs(all).heldOut.reduce((sum, i) => sum + all[i].tokens, 0);
  const forward = (compares ? once : 0) + heldOut * evaluationCount(steps, config.update);
  return {
    round: id,
    pairs: pairs.length,
    held_out: all.length - pairs.length,
    steps,
    tokens,
    seconds: known === null ? null : (tokens + FORWARD_COST * forward) / known.tokensPerSecond,
    memory_mb: config.update.job === null ? (known?.memory ?? null) : null,
    reference: compares ? referenceInWords(config.dpo.reference, startInWords(round)) : 'none',
    trained: config.update.lora === null ? 'all weights' : `LoRA rank ${config.update.lora.rank}`,
    where: config.update.job === null ? `backend ${state.backend}` : jobInWords(config.update.job),
  };
}

/** Where a job will run, with the relevant settings: the options of sbatch, the address of Ray, the command. */
export function jobInWords({ launcher, command, sbatch, ray, submit }: JobConfig): string {
  switch (launcher) {
    case 'process':
      return `as a process: ${command}`;
    case 'slurm':
      return `as a Slurm job: sbatch ${sbatch.join(' ')}`.trimEnd();
    case 'ray':
      return `as a Ray job at ${ray}`;
    case 'command':
      return `as a job: ${submit ?? ''}`;
  }
}

interface DecidedTokens extends Pick<PairRow, 'prompt_index' | 'prompt_ids'> {
  held_out?: boolean;
  /** Of the pair: the prompt with either response. */
  tokens: number;
}

async function decidedTokens(view: RoundView, archive: Archive, round: number): Promise<DecidedTokens[]> {
  const { pairs, review, standing } = view;
  if (standing.decisions.size === 0)
    return pairs.map((pair) => {
      const { prompt_index, prompt_ids } = pair;
      return { prompt_index, prompt_ids, tokens: pairTokens(pair) };
    });
  const promptOf = new Map(pairs.map(({ prompt_index, prompt_ids }) => [prompt_index, prompt_ids]));
  const decided: DecidedTokens[] = [];
  for (const row of review) {
    const { prompt_index } = row;
    const ruled = decidedPairs(row, standing.decisions.get(prompt_index));
    if (ruled.length === 0) continue;
    const prompt_ids = promptOf.get(prompt_index) ?? (await archive.sample(round, prompt_index)).prompt_ids;
    for (const { chosen, rejected } of ruled) {
      const tokens = 2 * prompt_ids.length + row.lengths[chosen] + row.lengths[rejected];
      decided.push({ prompt_index, prompt_ids, tokens });
    }
  }
  return decided;
}

/**
 * Speed and memory of the run's newest update that trained the same weights (all, or adapters); before the first
 * update, of the one measured step; null without either.
 */
function experience(run: Run, round: RoundState): { tokensPerSecond: number; memory: number } | null {
  const trains = (other: RoundState) => configOf(run.config, other).update.lora?.rank ?? null;
  const alike = run.rounds.filter((other) => trains(other) === trains(round)).reverse();
  for (const { id } of alike) {
    const rows = readJsonLines(run.files.file(id, roundFiles.metrics), metricsSchema, { missing: 'empty' });
    const seconds = rows.reduce((sum, row) => sum + row.tokens / row.tokens_per_second, 0);
    if (seconds > 0)
      return { tokensPerSecond: sumOf(rows) / seconds, memory: largest(rows.map((row) => row.memory_mb)) };
  }
  const rank = trains(round);
  const [tried] = readJsonLines(run.files.file(round.id, roundFiles.firstStep), firstStepSchema, { missing: 'empty' });
  if (tried === undefined || tried.lora !== rank) return null;
  return { tokensPerSecond: tried.tokens_per_second, memory: tried.memory_mb };
}

const sumOf = (rows: MetricsRow[]) => rows.reduce((sum, { tokens }) => sum + tokens, 0);

function startInWords({ parent }: RoundState): string {
  return `round start (${parent === 0 || parent === null ? 'base policy' : `policy of round ${parent}`})`;
}

/** Signs of reward hacking, computed on demand and cached per round. */
export class HackingReports {
  private readonly reports = new Map<number, Promise<HackingReport>>();
  private readonly lengths = new Map<number, Promise<LengthBias>>();

  constructor(private readonly run: Run) {}

  /**
   * @param known the round's rows if they are already loaded
   * @throws UserError if the round is not scored yet
   */
  report(round: number, known: readonly ReviewRow[] | null): Promise<HackingReport> {
    return remembered(this.reports, round, () => this.count(round, known));
  }

  private async count(round: number, known: readonly ReviewRow[] | null): Promise<HackingReport> {
    const before: HackingReport['rounds'] = [];
    for (const { id } of this.run.branch(round)) {
      if (id === round) continue;
      const length = await remembered(this.lengths, id, () => lengthBias(streamReview(this.run.files, id)));
      // Earlier versions of Brevity kept no rows.
      if (length.responses > 0) before.push({ round: id, length });
    }
    const rows = known ?? (await collected(streamReview(this.run.files, round)));
    if (rows.length === 0) throw new UserError(`round ${round} has no scored prompts yet`);
    return hackingReport(round, rows, before, true);
  }
}

async function collected<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** Failures are not cached: the next query tries again. */
function remembered<T>(kept: Map<number, Promise<T>>, round: number, make: () => Promise<T>): Promise<T> {
  let found = kept.get(round);
  if (found === undefined) {
    found = make();
    kept.set(round, found);
    found.catch(() => kept.delete(round));
  }
  return found;
}
