/**
 * `brevity job DIR`: executes the folder of an update job with our own engine, by the same code as a local update. If
 * SIGTERM stops it, it continues from its checkpoint with bit-identical results on the same backend.
 *
 * Leaves out training on several processes: trainer/ is the executor for that.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { Suspended, type Control, type ControlSignal } from '../../core/control.js';
import { splitPairs } from '../../core/heldOutPairs.js';
import { epochSteps, totalSteps } from '../../core/schedule.js';
import { Interrupted, responseLogprobs } from '../../train/logprobs.js';
import { objectives, pairLoss, type ObjectiveName } from '../../core/objectives/index.js';
import type { Objective } from '../../core/objectives/objective.js';
import { pairSides, referenceSums, type ReferenceLogps } from '../../train/step.js';
import { hasCode, messageOf, UserError } from '../../core/errors.js';
import { parseJson } from '../../core/limits.js';
import { sameRelease } from '../../core/version.js';
import { saveModel, type LoadedModel } from '../../model/folder.js';
import { log, print } from '../../io/print.js';
import { ModelShelf } from '../stages/models.js';
import { trainingUse } from '../stages/reference.js';
import { resumeUpdate, updateWithFiles } from '../stages/update.js';
import { makeDirectory, removeAll, writeFileAtomic } from '../../io/durable.js';
import { MachineSampler } from '../../io/machine.js';
import { memoryMegabytes, useBackend } from '../../tensor/backend.js';
import {
  jobExit,
  jobFile,
  readControl,
  readDone,
  readJobProbes,
  readLaunch,
  readPairs,
  readRequest,
  readStatus,
  type JobDone,
  type JobPair,
  type JobProbe,
  type JobRequest,
  type JobStatus,
  writeJson,
} from '../../remote/jobs/contract.js';
import { readTextFile } from '../../io/files.js';
import { jobReference } from './reference.js';

/** Interval between checks of the engine's files, in ms. */
const LOOK_MS = 200;
/** Interval between samples of the machine, in ms. */
const MACHINE_MS = 15_000;
/** Interval between writes of status.json while only a count changes, in ms. */
const STATUS_MS = 5000;

/**
 * Largest |z − α·Δ|y|| before the first step, in nats per token and per unit of β, if the reference is the policy: both
 * sums then come from the same weights. Differently composed batches round differently, by less than 1e-4 per token in
 * float32, and by about 1e-2 if operands of matrix products are rounded to bf16 or tf32. Another policy differs by
 * tenths.
 */
const Z_TOLERANCE = { exact: 1e-3, rounded: 3e-2 };

export interface ExecutorOptions {
  /** BREVITY_JOB_ATTEMPT; null in standalone use, which claims no attempt. */
  attempt: number | null;
  version: string;
  /** Set by SIGTERM and SIGUSR1. */
  suspended(): boolean;
}

/** Another executor has this attempt or a later one. */
class Superseded extends Error {}

/**
 * Executes the folder of a job.
 *
 * @returns the exit code: jobExit
 * @throws UserError if the folder is not a job that this version can read; then nothing in it was changed
 */
export async function executeJob(dir: string, options: ExecutorOptions): Promise<number> {
  const request = readRequest(dir);
  const done = readDone(dir);
  if (done !== null) {
    print(`${dir} is finished already (${done.outcome}); nothing to do\n`);
    return jobExit.ended;
  }
  try {
    claim(dir, request.id, options.attempt);
    const execution = new Execution(dir, request, options);
    return await execution.run();
  } catch (error) {
    if (error instanceof Superseded) {
      print(`${error.message}\n`);
      return jobExit.superseded;
    }
    throw error;
  }
}

/** Reads BREVITY_JOB_ATTEMPT. @throws UserError unless it is unset or a whole number from 1 */
export function attemptIn(env: NodeJS.ProcessEnv): number | null {
  const text = env['BREVITY_JOB_ATTEMPT'];
  if (text === undefined) return null;
  const attempt = Number(text);
  if (Number.isInteger(attempt) && attempt >= 1) return attempt;
  throw new UserError(`BREVITY_JOB_ATTEMPT is "${text}"; expected a whole number from 1, or leave it unset`);
}

function claim(dir: string, id: string, attempt: number | null): void {
  if (attempt === null) return;
  checkAttempt(dir, id, attempt);
  const folder = path.join(jobFile(dir, 'launchFolder'), `claim-${attempt}`);
  makeDirectory(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new Superseded(
      `attempt ${attempt} of this job is taken by another executor (${folder} exists); this one ends`,
    );
  }
}

/** @throws UserError if another release of Brevity began the attempt, whose updates may differ from this one's */
function checkRelease(dir: string, version: string): void {
  const begunBy = readLaunch(dir)?.brevity;
  if (begunBy === undefined || sameRelease(begunBy, version)) return;
  throw new UserError(
    `this job is of Brevity ${begunBy}, and ${hostname()} has brevity ${version}, whose updates may differ; install brevity-dpo@${begunBy} on the node, then retry`,
  );
}

/** A lost node that returns may run an attempt that was replaced long ago, or whose job was discarded. */
function checkAttempt(dir: string, id: string, attempt: number | null): void {
  const latest = attempt === null ? null : readLaunch(dir);
  if (latest === null || attempt === null) return;
  if (latest.id !== id) throw new Superseded(`job ${latest.id} has replaced job ${id} in this folder; this one ends`);
  if (latest.attempt > attempt)
    throw new Superseded(`attempt ${latest.attempt} of this job has replaced attempt ${attempt}; this one ends`);
}

class Execution {
  private readonly started = new Date();
  private readonly executor: string;
  private status: JobStatus;
  private statusAt = -Infinity;
  private lookedAt = -Infinity;
  private sampledAt = -Infinity;
  private readonly sampler = new MachineSampler();
  private verdict: ControlSignal = 'go';
  private steps = 0;

  constructor(
    private readonly dir: string,
    private readonly request: JobRequest,
    private readonly options: ExecutorOptions,
  ) {
    this.executor = `brevity ${options.version}`;
    this.status = {
      state: 'loading',
      done: 0,
      total: 0,
      host: hostname(),
      pid: process.pid,
      processes: 1,
      device: '',
      executor: this.executor,
      attempt: options.attempt ?? 1,
      started: this.started.toISOString(),
      updated: '',
      // From the first attempt, if this one continues after its first step.
      z_error: earlierError(dir),
    };
  }

  async run(): Promise<number> {
    try {
      const outcome = await this.execute().catch((error: unknown) => {
        if (error instanceof Interrupted) return this.finish('aborted', {});
        throw error;
      });
      print(`${outcome} after ${this.steps} steps\n`);
      return jobExit.ended;
    } catch (error) {
      if (error instanceof Suspended) {
        print('ended by a signal; another attempt continues from the checkpoint\n');
        return jobExit.suspended;
      }
      if (error instanceof Superseded) throw error;
      log(error);
      this.finish('failed', { message: messageOf(error) });
      return jobExit.failed;
    }
  }

  private async execute(): Promise<JobDone['outcome']> {
    const { dir, request } = this;
    checkRelease(dir, this.options.version);
    this.tell({ state: 'loading' });
    const pairs = readPairs(dir, request);
    const probes = readJobProbes(dir);
    const { name, detail } = await useBackend(request.backend, request.threads, request.precision);
    this.status.device = name === 'cuda' ? `cuda:${detail}` : 'cpu';
    this.status.executor = `${this.executor} (${name})`;
    const models = new ModelShelf(noRewards);
    const reference = await this.reference(models, pairs);
    const policy = await models.load(request.policy, trainingUse(request));
    const files = { checkpoint: jobFile(dir, 'checkpoint'), metrics: jobFile(dir, 'metrics') };
    const resumed = resumeUpdate(files, request.update.micro_batch);
    this.steps = resumed.state?.step ?? 0;
    const total = totalSteps(splitPairs(pairs).trained.length, request.update);
    this.tell({ state: 'training', done: this.steps, total });
    const start = await this.startProbes(policy, probes);
    if (this.steps === 0 && request.same) await this.checkStart(policy, pairs, reference);
    this.tell({});
    const { outcome } = await updateWithFiles(
      policy,
      pairs,
      reference,
      {
        dpo: { ...request.objective, objective: request.objective.name },
        update: { ...request.update, held_out_share: 0, job: null },
        seed: request.seed,
      },
      files,
      resumed,
      {
        control: this.control,
        onStep: (row) => {
          this.steps = row.step;
          const evaluated = row.eval_loss === undefined ? '' : ` held-out loss ${row.eval_loss.toFixed(4)}`;
          print(
            `step ${row.step}/${row.total_steps} loss ${row.loss.toFixed(4)}${evaluated} ${Math.round(row.tokens_per_second)} tokens/s\n`,
          );
          this.tell({ done: row.step }, STATUS_MS);
        },
        between: async () => checkAttempt(this.dir, request.id, this.options.attempt),
      },
    );
    if (outcome === 'aborted') return this.finish('aborted', {});
    this.tell({ state: 'saving' });
    const end = await this.probe(policy, probes, pauseless);
    checkAttempt(dir, request.id, this.options.attempt);
    // May be left by an attempt that was killed after saving but before reporting it.
    removeAll([jobFile(dir, 'policy')]);
    await saveModel(policy, jobFile(dir, 'policy'), { dtype: 'float32', place: 'run' });
    return this.finish(outcome, { probes: probes.length === 0 ? null : { start, end } });
  }

  /** The pairs' log-probabilities under the reference; null: the objective has none, and its folder is not read. */
  private async reference(models: ModelShelf, pairs: JobPair[]): Promise<ReferenceLogps | null> {
    const { dir, request } = this;
    const objective: Objective = objectives[request.objective.name];
    if (!objective.reference) return null;
    return jobReference(
      pairs,
      // Of an adapter in training the reference is computed in the same form, so that the first z is exactly α·Δ|y|.
      () =>
        models.load(request.same ? request.policy : request.reference, request.same ? trainingUse(request) : 'read'),
      {
        shared: objective.needs.includes('shared'),
        file: path.join(jobFile(dir, 'checkpoint'), 'reference.jsonl'),
        control: abortOnly(this.control),
        onProgress: (done, total) =>
          this.tell({ ...(done === 0 ? { state: 'reference' } : {}), done, total }, done === 0 ? 0 : STATUS_MS),
      },
    );
  }

  /**
   * Log-probabilities of the probes at the update's start; saved for attempts that continue after its first step.
   *
   * @throws UserError if the sampling server's values differ by more than the tolerance
   */
  private async startProbes(policy: LoadedModel, probes: JobProbe[]): Promise<number[][]> {
    if (probes.length === 0) return [];
    const file = path.join(jobFile(this.dir, 'checkpoint'), 'probes.json');
    const of = createHash('sha256').update(JSON.stringify(probes)).digest('hex');
    if (this.steps > 0) return readStartProbes(file, of);
    const start = await this.probe(policy, probes, abortOnly(this.control));
    makeDirectory(path.dirname(file));
    writeFileAtomic(file, JSON.stringify({ of, start }) + '\n');
    this.checkServer(probes, start);
    return start;
  }

  private checkServer(probes: JobProbe[], start: number[][]): void {
    const tolerance = this.request.probe_tolerance;
    const differences = probes.flatMap(({ server_logprobs }, p) =>
      (server_logprobs ?? []).map((logprob, t) => Math.abs(logprob - start[p][t])),
    );
    if (tolerance === null || differences.length === 0) return;
    const mean = differences.reduce((total, each) => total + each, 0) / differences.length;
    if (mean <= tolerance) return;
    throw new UserError(
      `the policy that was sampled from is not the policy of this job: over ${differences.length} probe tokens the sampling server's log-probabilities differ from those of ${this.request.policy} by ${mean.toPrecision(3)} nats per token on average, and at most ${tolerance} is expected; see that the servers hold the weights that the round starts from`,
    );
  }

  private async probe(policy: LoadedModel, probes: JobProbe[], control: Control): Promise<number[][]> {
    if (probes.length === 0) return [];
    const values = await responseLogprobs(policy, probes, { control, name: (i) => `probe ${i + 1}` });
    return values.map((each) => [...each]);
  }

  /** Checks on the pairs of the first step that z = α·Δ|y|. @throws UserError that names the worst pair */
  private async checkStart(policy: LoadedModel, pairs: JobPair[], reference: ReferenceLogps | null): Promise<void> {
    const { request } = this;
    const { update } = request;
    const { name, ...settings } = request.objective;
    const slope = startSlope(name, settings.beta);
    if (reference === null || slope === null) {
      print(`objective ${name} has no z that is α·Δ|y| before the first step; not checked\n`);
      return;
    }
    // Before the adapter is added the policy is the same: its B is 0.
    const { trained } = splitPairs(pairs);
    const first = epochSteps(trained.length, update.batch_size, 0, request.seed)[0].map((place) => trained[place]);
    const batch = first.map((index) => pairs[index]);
    const values = await responseLogprobs(policy, pairSides(batch), {
      control: abortOnly(this.control),
      name: (i) => `pair ${first[Math.floor(i / 2)] + 1}`,
    });
    const { chosen, rejected, shared } = referenceSums(batch, values);
    const rounded = this.status.device.startsWith('cuda') && request.precision !== 'fp32';
    let worst = 0;
    first.forEach((index, i) => {
      const { chosen_ids, rejected_ids } = pairs[index];
      const { z } = pairLoss(
        name,
        {
          chosen_logps: chosen[i],
          rejected_logps: rejected[i],
          ref_chosen_logps: reference.chosen[index],
          ref_rejected_logps: reference.rejected[index],
          chosen_length: chosen_ids.length,
          rejected_length: rejected_ids.length,
        },
        settings,
        {
          shared: shared && {
            chosen_logps: shared.chosen[i],
            rejected_logps: shared.rejected[i],
            ref_chosen_logps: reference.shared?.chosen[index] ?? NaN,
            ref_rejected_logps: reference.shared?.rejected[index] ?? NaN,
          },
          // WPO's weights do not enter z.
          chosen_confidence: 0,
          rejected_confidence: 0,
        },
      );
      if (z === null) throw new Error(`objective ${name} has no z`);
      const expected = settings.alpha * (chosen_ids.length - rejected_ids.length);
      const error = Math.abs(z - expected);
      worst = Math.max(worst, error);
      const nats = [chosen_ids, rejected_ids].reduce((total, { length }) => total + length * slope(length), 0);
      if (!(error <= nats * (rounded ? Z_TOLERANCE.rounded : Z_TOLERANCE.exact)))
        throw new UserError(
          `before the first step z of pair ${index + 1} is ${z.toPrecision(6)} and α·Δ|y| is ${expected.toPrecision(6)}, though the reference is the policy; the reference log-probabilities of pairs.jsonl come from other weights, or ${request.policy} has changed`,
        );
    });
    this.status.z_error = worst;
  }

  private readonly control: Control = {
    point: async () => {
      // Yields to signals.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.options.suspended()) throw new Suspended();
      if (performance.now() - this.lookedAt >= LOOK_MS) {
        this.lookedAt = performance.now();
        checkAttempt(this.dir, this.request.id, this.options.attempt);
        this.verdict = readControl(this.dir) ?? 'go';
        this.tell({}, STATUS_MS);
      }
      return this.verdict;
    },
  };

  /** @param within replaces the file only if it is at least this many milliseconds old */
  private tell(changes: Partial<JobStatus>, within = 0): void {
    this.status = { ...this.status, ...(changes.state === undefined ? {} : { done: 0, total: 0 }), ...changes };
    if (performance.now() - this.statusAt < within) return;
    this.statusAt = performance.now();
    this.status.updated = new Date().toISOString();
    writeJson(jobFile(this.dir, 'status'), this.status);
    if (performance.now() - this.sampledAt >= MACHINE_MS) this.sampleMachine();
  }

  /** The next write of status.json has the sample. */
  private sampleMachine(): void {
    this.sampledAt = performance.now();
    void this.sampler.sample().then(({ host: _host, process: { pid: _pid, ...used }, ...machine }) => {
      this.status.machine = { ...machine, process: used };
    });
  }

  private finish(outcome: JobDone['outcome'], { message = null, probes = null }: Partial<JobDone>): JobDone['outcome'] {
    if (outcome === 'aborted') removeAll([jobFile(this.dir, 'checkpoint'), jobFile(this.dir, 'policy')]);
    writeJson(jobFile(this.dir, 'done'), {
      version: 1,
      outcome,
      steps: this.steps,
      message,
      executor: this.status.executor,
      seconds: (Date.now() - this.started.getTime()) / 1000,
      memory_mb: memoryMegabytes(),
      z_error: this.status.z_error,
      probes,
    });
    return outcome;
  }
}

/**
 * What one nat of a response's log-probability changes z by, by its length; null: the objective has no z that equals α·Δ|y|
 * while the policy is its reference.
 */
function startSlope(name: ObjectiveName, beta: number): ((length: number) => number) | null {
  switch (name) {
    case 'simpo':
    case 'sppo':
    case 'apo-zero':
    case 'apo-down':
      return null;
    case 'dpo-norm':
      return (length) => beta / length;
    case 'ipo':
      return (length) => 1 / length;
    default:
      return () => beta;
  }
}

const noRewards = (): void => {
  throw new Error('a job opens no rewards');
};

/** Ignores stop until the reference is complete: half of it is useless. */
function abortOnly(control: Control): Control {
  return { point: async () => ((await control.point()) === 'abort' ? 'abort' : 'go') };
}

/** The update has ended, so nothing can be stopped any more. */
const pauseless: Control = { point: () => new Promise((resolve) => setImmediate(resolve, 'go')) };

function earlierError(dir: string): number | null {
  try {
    return readStatus(dir)?.z_error ?? null;
  } catch {
    // The next write replaces it.
    return null;
  }
}

const startSchema = z.object({ of: z.string(), start: z.array(z.array(z.number())) });

function readStartProbes(file: string, of: string): number[][] {
  if (!existsSync(file))
    throw new UserError(`${file} is missing, and the update has taken steps; abort the update and launch it again`);
  const kept = startSchema.safeParse(parseJson(readTextFile(file)));
  if (kept.success && kept.data.of === of) return kept.data.start;
  throw new UserError(`${file} holds no log-probabilities of probes.jsonl; abort the update and launch it again`);
}
