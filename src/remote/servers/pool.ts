/**
 * The sampling servers of a run: connects them, loads weights and verifies them, and samples and scores on all of them.
 *
 * Leaves out which round's weights are wanted and what is recorded of them (run/stages/servers.ts).
 */
import type { ServerConfig } from '../../core/config/schema.js';
import type { Control } from '../../core/control.js';
import type { Sequence } from '../../train/logprobs.js';
import { UserError } from '../../core/errors.js';
import { largest } from '../../core/limits.js';
import type { PolicyFiles } from '../../model/policyFiles.js';
import type { SampledResponse } from '../../core/rows.js';
import type { SamplingHooks, SamplingJob, SamplingSettings } from '../../model/generate/sample.js';
import type { EndpointView, Verification } from '../../protocol/remoteViews.js';
import { Endpoint, Unreachable } from './endpoint.js';
import type { Protocol } from './protocol.js';
import { type EndpointStatus, type QueueEndpoint, runQueue } from './queue.js';
import { startRestart } from './restart.js';
import {
  type ProbeAnswer,
  type RecordedProbes,
  meanPerSequence,
  meanDifference,
  verifyAgreement,
  verifyPolicy,
} from './verify.js';
import type { Permission } from '../../core/trust.js';

/** The weights that sampling needs. */
export interface WantedWeights {
  /** Name for people: `base policy`, `round 3`. */
  name: string;
  /** Name of the weights before them; null if nothing is recorded of those. */
  before: string | null;
  /** Their folder on this machine. */
  folder: string;
  /** Name of the adapter in the folder; null for full weights, or for the base model that the servers serve. */
  adapter: string | null;
  /** Whether the servers serve them without loading, as they do the base model of adapters. */
  served: boolean;
  /** Token sequences whose log-probabilities are compared. */
  probes: Sequence[];
  /** null: nothing is recorded of these weights, so the endpoints are compared with each other. */
  recorded: RecordedProbes | null;
  /** `servers`: the record holds the servers' own log-probabilities from the start of the run. */
  recordedBy: 'trainer' | 'servers';
  /**
   * How servers hold the weights before: an adapter's name, or null for full weights and the base model; undefined:
   * unknown.
   */
  beforeAdapter?: string | null;
}

export interface PoolOptions {
  server: ServerConfig;
  policy: PolicyFiles;
  permission: Permission;
  /** Reports the state of all endpoints, a few times a second at most. */
  onViews(views: EndpointView[]): void;
  /** Called after each verification, including failed ones. */
  onVerification?(endpoint: EndpointView, noise: number | null): void;
  /** An endpoint's noise as measured by an earlier process; null if it was not. */
  noiseOf?(url: string): number | null;
  /** File that receives the restart command's output. */
  restartLog: string;
}

/** A sequence is too long to be scored. */
export class ContextFull extends UserError {}

const REPORT_MS = 250;
/**
 * Requests per probe sequence and endpoint. If two replicas are behind it, each gets one, because balancers alternate.
 */
const REPEATS = 2;
const POLL_MS = 1000;

export class ServerPool {
  private readonly endpoints: Endpoint[];
  private lastReport = 0;
  private timer: NodeJS.Timeout | null = null;
  /** The weights that the endpoints hold, once verified. */
  private held: WantedWeights | null = null;

  private constructor(private readonly options: PoolOptions) {
    const { server, policy, permission } = options;
    const onChange = () => this.report();
    this.endpoints = server.endpoints.map((url) => new Endpoint(url, { server, policy, permission, onChange }));
  }

  /**
   * Connects all endpoints. Unreachable ones are left out, as long as one can be reached.
   *
   * @throws UserError if an endpoint serves another model or is not a sampling server, or if none can be reached
   */
  static async connect(options: PoolOptions): Promise<ServerPool> {
    const pool = new ServerPool(options);
    try {
      await pool.forAll((endpoint) => endpoint.connect());
      return pool;
    } catch (error) {
      pool.close();
      throw error;
    }
  }

  get policy(): PolicyFiles {
    return this.options.policy;
  }

  get views(): EndpointView[] {
    return this.endpoints.map(({ view }) => ({ ...view }));
  }

  /** `servers (vLLM 0.32.0)`. */
  get description(): string {
    const programs = this.alive.map(({ view }) =>
      `${view.kind === 'sglang' ? 'SGLang' : 'vLLM'} ${view.version}`.trim(),
    );
    return `servers (${[...new Set(programs)].join(', ')})`;
  }

  /** The weights that the endpoints are verified to hold; null before the first verification. */
  get weights(): WantedWeights | null {
    return this.held;
  }

  /**
   * Loads weights into every endpoint that is not verified to hold them already, and verifies them.
   *
   * @param keep adapters of this run that stay loaded beside the wanted one
   * @param prefix adapters whose names start with it belong to this run; those that are not kept are unloaded
   * @returns the endpoints' log-probabilities of the probes, averaged: the record for weights that have none yet
   * @throws UserError that names the endpoint and the weights that it seems to hold
   */
  async hold(wanted: WantedWeights, keep: readonly string[] = [], prefix: string | null = null): Promise<number[][]> {
    this.held = null;
    if (wanted.recorded === null) await this.holdUnrecorded(wanted);
    else await this.forAll((endpoint) => this.holdRecorded(endpoint, wanted));
    const kept = [...keep, wanted.adapter];
    if (prefix !== null)
      await this.forAll(async (endpoint) => {
        const old = [...endpoint.facts.adapters.keys()].filter(
          (name) => name.startsWith(prefix) && !kept.includes(name),
        );
        for (const name of old) await endpoint.unloadAdapter(name);
      });
    for (const endpoint of this.alive) endpoint.set({ state: 'ready' });
    this.held = wanted;
    return meanPerSequence(this.lastAnswers);
  }

  private lastAnswers: ProbeAnswer[] = [];

  private async holdRecorded(endpoint: Endpoint, wanted: WantedWeights): Promise<void> {
    if (await this.mayHold(endpoint, wanted)) {
      endpoint.set({ state: 'verifying' });
      if (this.judge(endpoint, wanted, await this.ask(endpoint, wanted)).verdict !== 'failed')
        return this.verified(endpoint, wanted);
    }
    await this.measureNoise(endpoint, wanted);
    await this.load(endpoint, wanted);
    endpoint.set({ state: 'verifying' });
    this.judge(endpoint, wanted, await this.ask(endpoint, wanted));
    this.verified(endpoint, wanted);
  }

  /** Each endpoint's mean difference under weights that it was verified to hold. */
  private readonly noise = new Map<Endpoint, number>();

  private noiseOf(endpoint: Endpoint): number | null {
    return this.noise.get(endpoint) ?? this.options.noiseOf?.(endpoint.url) ?? null;
  }

  /** Compares an endpoint with the record of the weights before, if it holds those: see verify.ts. */
  private async measureNoise(endpoint: Endpoint, { recorded, beforeAdapter, probes }: WantedWeights): Promise<void> {
    const start = recorded?.start ?? null;
    if (start === null || beforeAdapter === undefined || this.noiseOf(endpoint) !== null) return;
    if (beforeAdapter !== null && !endpoint.facts.adapters.has(beforeAdapter)) return;
    const noise = meanDifference(await endpoint.answers(probes, beforeAdapter, 1), start);
    if (noise <= this.options.server.tolerance) this.noise.set(endpoint, noise);
  }

  /** Whether the probes can be scored: the adapter must be loaded. */
  private async mayHold(endpoint: Endpoint, { adapter }: WantedWeights): Promise<boolean> {
    const { adapters } = await endpoint.identified();
    return adapter === null || adapters.has(adapter);
  }

  private async holdUnrecorded(wanted: WantedWeights): Promise<void> {
    await this.forAll(async (endpoint) => {
      if (!wanted.served && !(await this.seemsToHold(endpoint, wanted))) await this.load(endpoint, wanted);
    });
    const answers = new Map<Endpoint, ProbeAnswer[]>();
    await this.forAll(async (endpoint) => {
      endpoint.set({ state: 'verifying' });
      answers.set(endpoint, await this.ask(endpoint, wanted));
    });
    const endpoints = [...answers.keys()];
    const results = verifyAgreement(wanted.name, [...answers.values()], this.options.server.tolerance);
    endpoints.forEach((endpoint, i) => this.tell(endpoint, results[i]));
    endpoints.forEach((endpoint) => this.verified(endpoint, wanted));
  }

  /**
   * Whether an endpoint seems to hold weights that have no record, which cannot be verified. SGLang names the folder
   * that it loaded last, and a restarted server the folder that it was started with; vLLM does not show a reload in
   * place.
   */
  private async seemsToHold(endpoint: Endpoint, { folder, adapter }: WantedWeights): Promise<boolean> {
    const { root, adapters } = await endpoint.identified();
    if (adapter !== null) return adapters.get(adapter) === endpoint.remote(folder);
    const tells = endpoint.protocol.kind === 'sglang' || this.options.server.weights === 'restart';
    return tells && root === endpoint.remote(folder);
  }

  private async ask(endpoint: Endpoint, { probes, adapter }: WantedWeights): Promise<ProbeAnswer[]> {
    // The server generates one more token with each sequence.
    endpoint.expectContext(1 + largest(probes.map((it) => it.prompt_ids.length + it.response_ids.length)));
    const answers = await endpoint.answers(probes, adapter, REPEATS);
    this.lastAnswers = answers;
    return answers;
  }

  private judge(endpoint: Endpoint, wanted: WantedWeights, answers: ProbeAnswer[]): Verification {
    const { name, before, recorded, recordedBy } = wanted;
    const { tolerance } = this.options.server;
    const noise = this.noiseOf(endpoint);
    const result = verifyPolicy(name, before, answers, recorded as RecordedProbes, tolerance, noise);
    const same: Verification =
      recordedBy === 'servers' && result.verdict === 'verified'
        ? { ...result, verdict: 'agreed', note: 'they match what the servers said when the run began' }
        : result;
    return this.tell(endpoint, same);
  }

  private tell(endpoint: Endpoint, result: Verification): Verification {
    const { seedProblem } = endpoint.facts;
    const note = [result.note, seedProblem].filter((part) => part !== null).join('; ');
    const verification = { ...result, note: note === '' ? null : note };
    endpoint.set({ verification });
    return verification;
  }

  /** @throws UserError unless the endpoint's verification succeeded */
  private verified(endpoint: Endpoint, { name }: WantedWeights): void {
    const { verification } = endpoint.view;
    if (verification === null) return;
    this.options.onVerification?.({ ...endpoint.view }, this.noiseOf(endpoint));
    if (verification.verdict !== 'failed') return;
    endpoint.set({ state: 'down', problem: verification.note });
    const { weights } = this.options.server;
    const remedy =
      weights === 'restart'
        ? 'check the command of sampling.server.restart'
        : 'restart the server on these weights, or load them by hand, and retry';
    throw new UserError(`${endpoint.name} is not proven to hold ${name}: ${verification.note}; ${remedy}`);
  }

  private async load(endpoint: Endpoint, wanted: WantedWeights): Promise<void> {
    endpoint.set({ state: 'loading' });
    const { folder, adapter, served, name } = wanted;
    if (adapter !== null) {
      // If the name is taken, its adapter belongs to an earlier run that had the same directory.
      if (endpoint.facts.adapters.has(adapter)) await endpoint.unloadAdapter(adapter);
      await endpoint.loadAdapter(adapter, folder);
      await endpoint.identified();
    } else if (served)
      throw new UserError(
        `${endpoint.name} does not serve the ${name}: ${endpoint.view.verification?.note ?? 'its weights differ'}; start it on ${endpoint.remote(folder)}`,
      );
    else if (this.options.server.weights === 'restart') await this.restart(endpoint, wanted);
    else await endpoint.reload(folder);
  }

  /** Waits until the restarted server answers with the wanted weights. Before that, the old server may still answer. */
  private async restart(endpoint: Endpoint, wanted: WantedWeights): Promise<void> {
    const { server, permission, restartLog } = this.options;
    if (server.restart === null)
      throw new UserError(
        'sampling.server.weights is restart, and sampling.server.restart holds no command; set it to a shell command with {weights} and {endpoint}',
      );
    permission({ kind: 'command', key: 'sampling.server.restart', command: server.restart });
    const restart = startRestart(server.restart, endpoint.remote(wanted.folder), endpoint.url, restartLog);
    const deadline = Date.now() + server.startup_seconds * 1000;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      restart.check();
      if ((await endpoint.isUp()) && (await this.isNew(endpoint, wanted))) return;
      if (Date.now() > deadline)
        throw new UserError(
          `${endpoint.name} does not answer with the weights of ${wanted.name} ${server.startup_seconds} s after it was restarted (sampling.server.startup_seconds); see ${restartLog}`,
        );
    }
  }

  private async isNew(endpoint: Endpoint, wanted: WantedWeights): Promise<boolean> {
    try {
      if (wanted.recorded === null) return await this.seemsToHold(endpoint, wanted);
      const { name, before, recorded } = wanted;
      const answers = await endpoint.answers(wanted.probes.slice(0, 2), null, 1);
      const few = { start: recorded.start?.slice(0, 2) ?? null, end: recorded.end.slice(0, 2) };
      return verifyPolicy(name, before, answers, few, this.options.server.tolerance).verdict !== 'failed';
    } catch (error) {
      // The server is shutting down, or not up yet.
      if (error instanceof Unreachable || error instanceof UserError) return false;
      throw error;
    }
  }

  /**
   * Samples one response for each job, with the same seeds, hooks and outcomes as sampleResponses on this machine.
   *
   * @param nameJob how errors name a job
   * @throws UserError if no endpoint remains, or a prompt leaves no room
   */
  async sample(
    jobs: readonly SamplingJob[],
    settings: Omit<SamplingSettings, 'batch_size'>,
    hooks: SamplingHooks,
    nameJob: (job: number) => string = (job) => `response ${job}`,
  ): Promise<'done' | 'stopped' | 'aborted'> {
    const adapter = this.held?.adapter ?? null;
    this.expectRoom(
      jobs.map(({ prompt_ids }) => prompt_ids),
      settings.max_new_tokens,
    );
    const started = performance.now();
    const tokens = new Map<number, number>();
    return this.queue(
      jobs.map((job, index) => ({ ...job, index })),
      (endpoint, { prompt_ids, seed }, signal) =>
        endpoint.protocol.sample({ prompt_ids, seed, adapter, settings }, signal),
      {
        onResult: (job: number, response: SampledResponse, at: number) => {
          tokens.set(at, (tokens.get(at) ?? 0) + response.ids.length);
          hooks.onTokens?.(response.ids.length);
          hooks.onResponse(job, response);
        },
        wanted: hooks.wanted,
        control: hooks.control,
        nameTask: ({ index }) => nameJob(index),
      },
      (at) => (tokens.get(at) ?? 0) / Math.max(0.001, (performance.now() - started) / 1000),
    );
  }

  /**
   * The best response of each server's own beam search, for each prompt; hooks and outcomes as for `sample`.
   *
   * @throws UserError if a server has no beam search, or a prompt leaves no room
   */
  async beam(
    prompts: readonly (readonly number[])[],
    settings: { beams: number; length_penalty: number; max_new_tokens: number },
    hooks: Pick<SamplingHooks, 'onResponse' | 'onTokens' | 'control'>,
    nameJob: (job: number) => string = (job) => `response ${job}`,
  ): Promise<'done' | 'stopped' | 'aborted'> {
    this.expectBeams();
    const adapter = this.held?.adapter ?? null;
    this.expectRoom(prompts, settings.max_new_tokens);
    return this.queue(
      prompts.map((prompt_ids, index) => ({ prompt_ids, index })),
      (endpoint, { prompt_ids }, signal) =>
        (endpoint.protocol.beam as NonNullable<Protocol['beam']>).call(
          endpoint.protocol,
          { prompt_ids, adapter, ...settings },
          signal,
        ),
      {
        onResult: (job: number, response: SampledResponse) => {
          hooks.onTokens?.(response.ids.length);
          hooks.onResponse(job, response);
        },
        control: hooks.control,
        nameTask: ({ index }) => nameJob(index),
      },
      null,
    );
  }

  /** @throws UserError if a server has no beam search */
  expectBeams(): void {
    const without = this.alive.find(({ protocol }) => protocol.beam === undefined);
    if (without === undefined) return;
    throw new UserError(
      `${without.name} runs ${without.view.kind === 'sglang' ? 'SGLang' : 'vLLM'}, which has no beam search; search on this machine or on vLLM, or sample the best of N`,
    );
  }

  /** @throws UserError if a prompt fills the context; then no endpoint could answer it */
  private expectRoom(prompts: readonly (readonly number[])[], newTokens: number): void {
    const { max_positions } = this.policy.config;
    const longest = prompts.reduce((most, { length }) => Math.max(most, length), 0);
    if (longest >= max_positions)
      throw new UserError(
        `a prompt has ${longest} tokens and the model's context is ${max_positions}; shorten or remove it`,
      );
    for (const endpoint of this.alive) endpoint.expectContext(Math.min(max_positions, longest + newTokens));
  }

  /**
   * Log-probabilities per token of given responses under the held weights, or under an adapter or the base model that
   * the servers hold beside them. Each server gets one sequence at a time (see Endpoint.answers).
   *
   * @throws ContextFull if a sequence fills the whole context: the server generates one more token with each
   */
  async logprobs(
    sequences: readonly Sequence[],
    options: { adapter?: string | null; control?: Control; onProgress?(done: number): void } = {},
  ): Promise<number[][]> {
    const adapter = options.adapter === undefined ? (this.held?.adapter ?? null) : options.adapter;
    const longest = sequences.reduce((most, it) => Math.max(most, it.prompt_ids.length + it.response_ids.length), 0);
    const full = this.alive.find(({ context }) => longest >= context);
    if (full !== undefined)
      throw new ContextFull(
        `a response fills the context of ${full.context} tokens, and servers cannot score such a sequence`,
      );
    const results: number[][] = [];
    let done = 0;
    await this.queue(
      sequences,
      (endpoint, { prompt_ids, response_ids }, signal) =>
        endpoint.protocol.logprobs(prompt_ids, response_ids, adapter, signal),
      {
        onResult(index: number, values: number[]) {
          results[index] = values;
          options.onProgress?.(++done);
        },
        control: options.control,
      },
      null,
      1,
    );
    return results;
  }

  /** Reports the final state. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.options.onViews(this.views);
  }

  private async queue<T, R>(
    tasks: readonly T[],
    run: (endpoint: Endpoint, task: T, signal: AbortSignal) => Promise<R>,
    hooks: Pick<Parameters<typeof runQueue<T, R>>[2], 'onResult' | 'wanted' | 'control' | 'nameTask'>,
    speed: ((endpoint: number) => number) | null,
    concurrency = this.options.server.concurrency,
  ): Promise<'done' | 'stopped' | 'aborted'> {
    const endpoints = this.alive;
    const lanes = endpoints.map((endpoint): QueueEndpoint<T, R> => ({
      name: endpoint.name,
      concurrency,
      run: (task, signal) => run(endpoint, task, signal),
      classify: (error) => endpoint.classify(error),
      recover: () => this.recover(endpoint),
    }));
    const onStatus = (status: readonly EndpointStatus[]) =>
      status.forEach(({ inFlight, done, retried, down, problem }, at) => {
        const { view } = endpoints[at];
        Object.assign(view, { in_flight: inFlight, retried, problem: problem ?? view.problem });
        if (speed !== null) Object.assign(view, { done, tokens_per_second: speed(at) });
        if (down) view.state = 'down';
        this.report();
      });
    try {
      return await runQueue(tasks, lanes, { ...hooks, onStatus, retries: this.options.server.retries });
    } finally {
      for (const { view } of endpoints) view.in_flight = 0;
      this.report();
    }
  }

  /** A lost endpoint may have been restarted with its original weights, so its weights are checked again. */
  private async recover(endpoint: Endpoint): Promise<void> {
    const { held } = this;
    await endpoint.identify();
    if (held === null) return;
    if (held.recorded !== null) await this.holdRecorded(endpoint, held);
    else if (held.adapter !== null && !endpoint.facts.adapters.has(held.adapter)) await this.load(endpoint, held);
    endpoint.set({ state: 'ready' });
  }

  private get alive(): Endpoint[] {
    return this.endpoints.filter(({ view }) => view.state !== 'down');
  }

  /**
   * Runs `work` on all endpoints that are not down, concurrently. Unreachable endpoints are left out.
   *
   * @throws UserError of the first other failure, or if all are down
   */
  private async forAll(work: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    const { alive } = this;
    const results = await Promise.allSettled(alive.map((endpoint) => work(endpoint)));
    const problems = results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : null));
    problems.forEach((problem, i) => {
      if (problem === null) return;
      const message = problem instanceof Error ? problem.message : String(problem);
      const own = message.replace(`${alive[i].name} `, '');
      alive[i].set({ state: 'down', problem: own });
    });
    const fatal = problems.find((problem) => problem !== null && !(problem instanceof Unreachable));
    if (fatal !== undefined) throw fatal;
    if (this.alive.length > 0) return;
    const down = problems.filter((problem) => problem instanceof Unreachable).map(({ message }) => message);
    throw new UserError(
      down.length === 0
        ? 'all sampling servers are down'
        : `${down.slice(0, 4).join('; ')}; start ${down.length === 1 ? 'it' : 'them'}, or correct sampling.server.endpoints, and retry`,
    );
  }

  /** Reports a few times a second, and after the last change. */
  private report(): void {
    if (this.timer !== null) return;
    const wait = REPORT_MS - (performance.now() - this.lastReport);
    const now = () => {
      this.timer = null;
      this.lastReport = performance.now();
      this.options.onViews(this.views);
    };
    if (wait <= 0) now();
    else this.timer = setTimeout(now, wait);
  }
}
