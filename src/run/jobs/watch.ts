/**
 * Runs an update as a job: writes its folder, submits it once, follows it, and takes over its policy. The engine may be
 * killed at any point: launch.json records each intent beforehand, and the next engine resumes the job from it.
 *
 * Leaves out the schedulers' commands (remote/jobs/launchers/) and the executor's work (execute.ts). Loads no tensors.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config, JobConfig } from '../../core/config/schema.js';
import type { ControlSignal } from '../../core/control.js';
import { messageOf, UserError } from '../../core/errors.js';
import { judgeKeyVariable, rewardKeyVariable } from '../../core/trust.js';
import { log } from '../../io/print.js';
import type { WorkContext, WorkResults } from '../stages/context.js';
import { discardUpdate } from '../stages/files.js';
import { writePolicyProbes } from '../stages/policyProbes.js';
import { readyPolicies } from '../stages/referencePolicy.js';
import { readLogps } from '../stages/reviewFiles.js';
import { trainingPairs } from '../stages/update.js';
import { objectives } from '../../core/objectives/index.js';
import { seedRound } from '../../core/rounds.js';
import { sampleRowSchema, type PairRow } from '../../core/rows.js';
import { deriveSeed } from '../../core/seeds.js';
import { makeDirectory, removeAll, syncDirectory, syncTree, writeFileAtomic } from '../../io/durable.js';
import { brevityVersion } from '../../io/version.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { remotePath } from '../../remote/names.js';
import type { JobEnd } from '../../protocol/remoteViews.js';
import {
  JOB_VERSION,
  jobFile,
  MetricsTail,
  readControl,
  readDone,
  readJobProbes,
  readLaunch,
  readRequest,
  readStatus,
  type JobDone,
  type JobLaunch,
  type JobPair,
  type JobProbe,
  type JobStatus,
  writeControl,
  writeJson,
  writeRequest,
} from '../../remote/jobs/contract.js';
import { explainEnd, jobDir, nameOfJob, viewOfJob } from '../../remote/jobs/view.js';
import { commandLauncher } from '../../remote/jobs/launchers/command.js';
import {
  scriptOf,
  stateOf,
  type Attempt,
  type Launcher,
  type SchedulerState,
} from '../../remote/jobs/launchers/launcher.js';
import { processLauncher } from '../../remote/jobs/launchers/process.js';
import { rayLauncher } from '../../remote/jobs/launchers/ray.js';
import { slurmLauncher } from '../../remote/jobs/launchers/slurm.js';
import { jobScript } from '../../remote/jobs/script.js';
import { plainText } from '../../core/sanitize.js';
import { machineSettings } from '../../core/trust.js';
import { roundFiles } from '../../core/runFiles.js';

const launchers: Record<JobConfig['launcher'], Launcher> = {
  process: processLauncher,
  slurm: slurmLauncher,
  ray: rayLauncher,
  command: commandLauncher,
};

/** Milliseconds that an executor has to end by itself after an abort, before the job is cancelled. */
const ABORT_MS = 10_000;
/** Milliseconds between cancellations of a job that does not end. */
const CANCEL_MS = 10_000;
/** Milliseconds that a job may outlive its done.json before it is cancelled. */
const LINGER_MS = 60_000;
/** Milliseconds of running without any output before a warning is shown. */
const SILENT_MS = 120_000;
/** Polls of the scheduler after a job's end in which its last files may still arrive from a network file system. */
const SETTLE_LOOKS = 3;
/** Polls after which a job counts as ended if its scheduler does not know it and its status.json does not change. */
const GONE_LOOKS = 12;

type Result = WorkResults['update'];

/** @throws UserError that says why the job ended without a policy; Suspended: the job continues without this engine */
export function updateByJob(context: WorkContext, config: JobConfig): Promise<Result> {
  return new JobWatch(context, config).run();
}

class JobWatch {
  private readonly dir: string;
  private readonly launcher: Launcher;
  private readonly tail: MetricsTail;
  private readonly metrics: string;
  private launch: JobLaunch | null = null;
  private status: JobStatus | null = null;
  private scheduler: SchedulerState | null = null;
  private problem: string | null = null;
  private reported = '';
  private lastStep = 0;
  private goneLooks = 0;

  constructor(
    private readonly context: WorkContext,
    private readonly config: JobConfig,
  ) {
    const { files, round } = context;
    this.dir = jobDir(files, round.id);
    this.launcher = launchers[config.launcher];
    this.tail = new MetricsTail(jobFile(this.dir, 'metrics'));
    this.metrics = files.file(round.id, roundFiles.metrics);
  }

  async run(): Promise<Result> {
    const { context } = this;
    const launch = readLaunch(this.dir);
    this.launch = launch;
    if (launch === null || launch.end !== null) {
      if ((await context.control.point()) === 'abort') return this.discard();
      if (launch !== null && context.again !== true) throw new UserError((launch.end as JobEnd).message);
      this.checkPermission();
      if (launch === null) this.prepare();
      this.begin(launch);
    }
    this.readStatus();
    this.tell();
    if ((await this.submit()) === 'withheld') return this.discard();
    const done = await this.watch();
    if (done === null || done.outcome === 'aborted' || this.current.told === 'abort') return this.discard();
    if (done.outcome === 'failed') {
      const message = `the job failed: ${plainText(done.message ?? 'its executor gave no reason')}`;
      return this.fail({ cause: 'failed', message, resubmittable: true });
    }
    return this.take(done, done.outcome);
  }

  /** Refuses commands of a run.json from somebody else. @throws Untrusted */
  private checkPermission(): void {
    for (const { use } of machineSettings(this.context.config))
      if (use.kind === 'command' && use.key.startsWith('update.job.')) this.context.permission(use);
  }

  /** Writes the executor's input. Nothing has been submitted yet, so files of an earlier engine are replaced. */
  private prepare(): void {
    const { config, files, round } = this.context;
    const { paths } = this.config;
    const { start, reference, same } = readyPolicies(this.context);
    const { job: _job, held_out_share: _share, ...update } = config.update;
    const pairs = trainingPairs(this.context);
    const { server } = config.sampling;
    const probes = server === null ? [] : sampledProbes(this.context, server.probes);
    const request = {
      // Random: an earlier job of this round may still be in the scheduler's list.
      id: `brevity-${randomBytes(4).toString('hex')}-r${String(round.id).padStart(4, '0')}`,
      round: round.id,
      policy: remotePath(path.resolve(start), paths),
      reference: remotePath(path.resolve(reference), paths),
      same,
      objective: {
        name: config.dpo.objective,
        beta: round.settings.beta,
        alpha: round.settings.alpha,
        label_smoothing: config.dpo.label_smoothing,
        gamma_ratio: config.dpo.gamma_ratio,
        ld_scale: config.dpo.ld_scale,
        nll_weight: config.dpo.nll_weight,
      },
      update: { ...update, lr: round.settings.lr },
      seed: deriveSeed(config.seed, 'update', seedRound(round)),
      precision: config.precision,
      threads: config.threads,
      backend: config.backend,
      probe_tolerance: server?.tolerance ?? null,
    };
    removeAll([this.dir, this.metrics, files.policyDir(round.id)]);
    makeDirectory(jobFile(this.dir, 'launchFolder'));
    if (probes.length > 0) writeJsonLines(jobFile(this.dir, 'probes'), probes);
    writeRequest(this.dir, request, takesKnownReference(same, config.dpo) ? withReference(this.context, pairs) : pairs);
  }

  /** Records the intent to submit an attempt: the first, or the one after an ended attempt. */
  private begin(before: JobLaunch | null): void {
    const id = before?.id ?? readRequest(this.dir).id;
    const launch: JobLaunch = {
      version: JOB_VERSION,
      id,
      brevity: brevityVersion,
      launcher: this.config.launcher,
      attempt: (before?.attempt ?? 0) + 1,
      state: 'submitting',
      job: null,
      submitted_at: new Date().toISOString(),
      started_at: null,
      told: null,
      end: null,
    };
    // An executor would take the previous attempt's files for its own.
    removeAll([jobFile(this.dir, 'done'), jobFile(this.dir, 'control')]);
    const attempt = this.attempt(launch);
    writeFileAtomic(scriptOf(attempt), jobScript(attempt));
    chmodSync(scriptOf(attempt), 0o700);
    this.record(launch);
  }

  private record(launch: JobLaunch): void {
    writeJson(jobFile(this.dir, 'launch'), launch);
    this.launch = launch;
    this.tell();
  }

  private attempt({ id, attempt }: JobLaunch = this.current): Attempt {
    const key = this.context.config.sampling.server?.key_variable ?? null;
    const secrets = [rewardKeyVariable, judgeKeyVariable, ...(key === null ? [] : [key])];
    return { dir: this.dir, id, number: attempt, config: this.config, secrets };
  }

  private get current(): JobLaunch {
    if (this.launch === null) throw new Error('no attempt has begun');
    return this.launch;
  }

  /** Submits the attempt, or finds out whether it was submitted. */
  private async submit(): Promise<'submitted' | 'withheld'> {
    if (this.current.state !== 'submitting') return 'submitted';
    const attempt = this.attempt();
    let begun = false;
    let nap = 50;
    for (;;) {
      const verdict = await this.context.control.point();
      const aborting = verdict === 'abort';
      if (aborting && this.launcher.withhold(attempt)) return 'withheld';
      if (!aborting && !begun) {
        await this.launcher.submit(attempt);
        begun = true;
      }
      const result = await this.launcher.submission(attempt, aborting);
      switch (result.state) {
        case 'submitted':
          this.record({ ...this.current, state: 'submitted', job: result.job });
          return 'submitted';
        case 'refused':
        case 'lost': {
          // A running executor proves the submission, whatever its scheduler says.
          if (existsSync(path.join(jobFile(this.dir, 'launchFolder'), `claim-${attempt.number}`))) {
            this.record({ ...this.current, state: 'submitted', job: null });
            return 'submitted';
          }
          if (aborting) return 'withheld';
          return this.fail({
            cause: result.state === 'lost' ? 'lost' : 'failed',
            message: result.message,
            resubmittable: true,
          });
        }
        case 'pending':
          this.scheduler = stateOf('unknown', result.reason);
          this.tell();
          await this.sleep(nap);
          nap = Math.min(2 * nap, this.config.poll_seconds * 1000);
      }
    }
  }

  /** Follows the job to its end. @returns what its executor left; null if an abort ended it before it left anything */
  private async watch(): Promise<JobDone | null> {
    const poll = this.config.poll_seconds * 1000;
    const settle = this.config.launcher === 'process' ? 1 : SETTLE_LOOKS;
    const abort = new Abort();
    // The rows are read again from the job's file.
    removeAll([this.metrics]);
    let askedAt = -Infinity;
    let doneAt: number | null = null;
    let endedLooks = 0;
    for (;;) {
      this.obey(await this.context.control.point(), abort);
      const done = readDone(this.dir);
      this.readFiles(done !== null);
      const now = performance.now();
      if (done !== null && doneAt === null) {
        doneAt = now;
        askedAt = -Infinity;
      }
      if (now - askedAt >= (doneAt === null ? poll : Math.min(poll, 1000))) {
        askedAt = now;
        await this.look();
        endedLooks = this.isOver() ? endedLooks + 1 : 0;
        const over = endedLooks >= (done !== null || abort.begun ? 1 : settle);
        // A node that cannot end the job must not delay its result.
        if (done !== null && (over || now - (doneAt as number) > 2 * LINGER_MS)) {
          this.tell();
          return done;
        }
        if (over) return abort.begun ? null : this.ended();
      }
      await this.cancelIfDue(abort, doneAt);
      this.tell();
      await this.sleep(Math.min(poll, 500));
    }
  }

  /** The executor's last files may have arrived after the previous poll. */
  private ended(): JobDone {
    const done = readDone(this.dir);
    this.readFiles(done !== null);
    this.tell();
    return done ?? this.fail(this.explain());
  }

  /** Trusts the scheduler; if it does not know the job, trusts an executor that still reports. */
  private isOver(): boolean {
    const { state } = this.scheduler as SchedulerState;
    if (state !== 'gone') this.goneLooks = 0;
    if (state === 'ended') return true;
    return state === 'gone' && ++this.goneLooks > (this.status?.attempt === this.current.attempt ? GONE_LOOKS : 0);
  }

  private obey(verdict: ControlSignal, abort: Abort): void {
    const { stopAfter } = this.context;
    if (verdict === 'abort') abort.begin();
    const stops = verdict === 'stop' || (stopAfter !== undefined && this.lastStep >= stopAfter);
    const word = verdict === 'abort' ? 'abort' : stops ? 'stop' : null;
    if (word === null || (word === 'stop' && this.current.told === 'abort')) return;
    if (readControl(this.dir) !== word) writeControl(this.dir, word);
    if (this.current.told !== word) this.record({ ...this.current, told: word });
  }

  private async look(): Promise<void> {
    const { job } = this.current;
    try {
      this.scheduler =
        job === null
          ? stateOf('gone', 'the job was found by its executor alone')
          : await this.launcher.status(this.attempt(), job);
    } catch (error) {
      this.scheduler = stateOf('unknown', messageOf(error));
    }
    if (this.scheduler.state === 'running' && this.current.started_at === null)
      this.record({ ...this.current, started_at: new Date().toISOString() });
  }

  /** Cancels an aborted job that has not ended, and a job that outlives its done.json. */
  private async cancelIfDue(abort: Abort, doneAt: number | null): Promise<void> {
    const { job, attempt } = this.current;
    const { state } = this.scheduler as SchedulerState;
    const idle = state === 'queued' || (state === 'running' && this.status?.attempt !== attempt);
    const lingers = doneAt !== null && performance.now() - doneAt > LINGER_MS;
    if (job === null || !abort.mayCancel() || !(lingers || abort.isDue(idle))) return;
    abort.noteCancel();
    try {
      await this.launcher.cancel(this.attempt(), job, abort.cancelled > 1);
    } catch (error) {
      log(error);
      this.problem = messageOf(error);
    }
  }

  /**
   * Reads the executor's files. A damaged status.json is reported; the job continues.
   *
   * @param done the executor has ended
   */
  private readFiles(done: boolean): void {
    const before = this.status?.updated;
    this.readStatus();
    if (this.status?.updated !== before) this.goneLooks = 0;
    const { attempt, state } = this.status ?? {};
    // Until this attempt trains, the metrics are those of the previous attempt.
    if (!done && (attempt !== this.current.attempt || (state !== 'training' && state !== 'saving'))) return;
    const { rows, rewound } = this.tail.read();
    if (rewound) {
      writeJsonLines(this.metrics, rows);
      this.context.report({ type: 'rewound', metrics: rows });
    } else {
      appendJsonLines(this.metrics, rows);
      for (const metrics of rows) this.context.report({ type: 'step', metrics });
    }
    this.lastStep = rows.at(-1)?.step ?? (rewound ? 0 : this.lastStep);
  }

  private readStatus(): void {
    this.problem = null;
    try {
      this.status = readStatus(this.dir);
    } catch (error) {
      this.problem = messageOf(error);
    }
  }

  private tell(): void {
    const { current, status, scheduler } = this;
    const reason = this.problem ?? scheduler?.reason ?? this.silence();
    const shown = scheduler === null ? null : { ...scheduler, reason };
    const job = viewOfJob(current, status, current.end === null ? readDone(this.dir) : null, shown);
    const text = JSON.stringify(job);
    if (text === this.reported) return;
    this.reported = text;
    this.context.report({ type: 'job', job });
  }

  /**
   * Containers and models take minutes to load; if the node sees the folder under another name, nothing ever arrives.
   */
  private silence(): string | null {
    const { started_at, attempt } = this.current;
    if (started_at === null || this.status?.attempt === attempt) return null;
    if (Date.now() - Date.parse(started_at) < SILENT_MS) return null;
    return `it runs and has written nothing to ${this.dir}; see its log, and update.job.paths if the node sees the folder under another name`;
  }

  private explain(): JobEnd {
    return explainEnd({
      dir: this.dir,
      name: nameOfJob(this.current),
      end: this.scheduler?.end ?? null,
      seen: this.status?.attempt === this.current.attempt,
      checkpoint: isFilled(jobFile(this.dir, 'checkpoint')),
    });
  }

  /** Records the attempt's end before anyone learns of it: a restarted engine must not submit another by itself. */
  private fail(end: JobEnd): never {
    this.record({ ...this.current, state: 'ended', end });
    throw new UserError(end.message);
  }

  /** Moves the policy into the round. Every step can be repeated after a crash. */
  private take(done: JobDone, outcome: 'done' | 'stopped'): Result {
    const { files, round } = this.context;
    const from = jobFile(this.dir, 'policy');
    const to = files.policyDir(round.id);
    if (existsSync(from)) {
      checkPolicy(from);
      syncTree(from);
      // The round has no policy before its update has ended, so whatever is here is stale.
      removeAll([to]);
      renameSync(from, to);
      for (const folder of [path.dirname(to), this.dir]) syncDirectory(folder);
    } else if (!existsSync(to)) {
      return this.fail({
        cause: 'failed',
        message: `${jobFile(this.dir, 'done')} says that the update is ${outcome}, and the folder ${from} is missing; expected the new policy there`,
        resubmittable: true,
      });
    }
    this.keepProbes(done);
    return { steps: done.steps, outcome };
  }

  /**
   * Saves log-probabilities of fixed tokens before and after the update, for verifying servers that load the policy.
   */
  private keepProbes({ probes }: JobDone): void {
    if (probes === null) return;
    const { files, round } = this.context;
    const sequences = readJobProbes(this.dir).map(({ prompt_ids, response_ids }) => ({ prompt_ids, response_ids }));
    for (const side of [probes.start, probes.end])
      if (
        side.length !== sequences.length ||
        side.some((logprobs, i) => logprobs.length !== sequences[i].response_ids.length)
      )
        throw new UserError(
          `${jobFile(this.dir, 'done')}: \`probes\` does not fit probes.jsonl; expected one log-probability per response token of each of its ${sequences.length} rows`,
        );
    const parent = round.parent ?? 0;
    writePolicyProbes(files, { round: round.id, parent, by: 'trainer', sequences, ...probes });
  }

  private discard(): Result {
    discardUpdate(this.context);
    return { steps: 0, outcome: 'aborted' };
  }

  /** Sleeps in short intervals, so that commands are obeyed. */
  private async sleep(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    const before = await this.context.control.point();
    while (performance.now() < until) {
      await delay(Math.min(100, Math.max(1, until - performance.now())));
      if ((await this.context.control.point()) !== before) return;
    }
  }
}

/** Decides when to cancel an aborted job. */
class Abort {
  private begunAt: number | null = null;
  private cancelledAt = -Infinity;
  cancelled = 0;

  get begun(): boolean {
    return this.begunAt !== null;
  }

  begin(): void {
    this.begunAt ??= performance.now();
  }

  /** @param idle no executor is running that could end by itself */
  isDue(idle: boolean): boolean {
    if (this.begunAt === null) return false;
    return idle || performance.now() - this.begunAt >= ABORT_MS;
  }

  mayCancel(): boolean {
    return performance.now() - this.cancelledAt >= CANCEL_MS;
  }

  noteCancel(): void {
    this.cancelled++;
    this.cancelledAt = performance.now();
  }
}

/** The job computes the policy as its own reference, which it checks, and the four sums of LD-DPO. */
function takesKnownReference(same: boolean, { objective }: Config['dpo']): boolean {
  return !same && objectives[objective].reference && objective !== 'ld-dpo';
}

/** Adds the reference's log-probabilities that review has computed. The job computes all others. */
function withReference({ files, round }: WorkContext, pairs: PairRow[]): (PairRow & JobPair)[] {
  const rows = readLogps(files, round.id).filter(({ model }) => model === 'reference');
  // With more than one reference, the round's own cannot be identified here.
  if (new Set(rows.map(({ fingerprint }) => fingerprint)).size !== 1) return pairs;
  const known = new Map(rows.map(({ prompt_index, logps }) => [prompt_index, logps]));
  return pairs.map((pair) => {
    const logps = pair.prompt_index === undefined ? undefined : known.get(pair.prompt_index);
    const [chosen, rejected] = [pair.chosen_index, pair.rejected_index].map((i) => logps?.[i ?? -1]);
    if (chosen === undefined || rejected === undefined) return pair;
    return { ...pair, ref_chosen_logps: chosen, ref_rejected_logps: rejected };
  });
}

/** The first response to each of the round's first prompts, with the log-probabilities that the server reported. */
function sampledProbes({ files, round }: WorkContext, count: number): JobProbe[] {
  const samples = readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema);
  return samples
    .flatMap(({ prompt_ids, responses: [first] }) =>
      first === undefined || first.ids.length === 0
        ? []
        : [{ prompt_ids, response_ids: first.ids, server_logprobs: first.token_logprobs }],
    )
    .slice(0, count);
}

const isFilled = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;

/** @throws UserError if the folder is not a policy; links in it would lead out of the run */
function checkPolicy(folder: string): void {
  const named = (name: string) => existsSync(path.join(folder, name));
  if (!lstatSync(folder).isDirectory()) throw new UserError(`${folder} is not a folder; expected the new policy`);
  const link = readdirSync(folder, { withFileTypes: true }).find((entry) => !entry.isFile() && !entry.isDirectory());
  if (link !== undefined)
    throw new UserError(
      `${path.join(folder, link.name)} is not a regular file; a job must write its policy's files themselves`,
    );
  if (named('config.json') || named('adapter_config.json')) return;
  throw new UserError(
    `${folder} has neither config.json nor adapter_config.json; expected the new policy as a Hugging Face folder or a PEFT adapter`,
  );
}
