/** One sampling server: identifies its program, checks that it serves the run's model, and loads weights into it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ServerConfig } from '../../core/config/schema.js';
import type { Sequence } from '../../train/logprobs.js';
import { UserError, messageOf } from '../../core/errors.js';
import { type FailureKind, HttpFailure, type HttpRequest, retrying, sendJson, sendText } from '../../io/http.js';
import type { PolicyFiles } from '../../model/policyFiles.js';
import { readJsonObject } from '../../model/files.js';
import { shownUrl } from '../../core/config/rewardSpec.js';
import { remotePath } from '../names.js';
import type { EndpointView } from '../../protocol/remoteViews.js';
import {
  EndpointFault,
  type PostOptions,
  type Protocol,
  type ProtocolContext,
  type ServerFacts,
  serverMessage,
} from './protocol.js';
import type { QueueFailure } from './queue.js';
import { Sglang } from './sglang.js';
import type { ProbeAnswer } from './verify.js';
import { Vllm } from './vllm.js';
import { plainText } from '../../core/sanitize.js';
import { keyIn, type Permission } from '../../core/trust.js';

/** Texts that tokenizers of different models split differently. */
const tokenizerTests = [
  'The quick brown fox jumps over 13 lazy dogs.',
  'def f(x):\n    return {"ключ": [x, 3.14159]}',
  'Größe: 東京都 naïve café 12345678',
];
/** Largest answer, bytes: ids and log-probabilities of a long context. */
const MAX_RESPONSE = 64 * 2 ** 20;

export interface EndpointOptions {
  server: ServerConfig;
  policy: PolicyFiles;
  permission: Permission;
  /** Called after every change of the view. */
  onChange(): void;
}

export class Endpoint {
  readonly url: string;
  readonly view: EndpointView;
  private readonly base: URL;
  private protocolInUse: Protocol | null = null;
  private known: ServerFacts | null = null;

  constructor(
    endpoint: string,
    private readonly options: EndpointOptions,
  ) {
    const url = new URL(endpoint);
    this.url = shownUrl(url).replace(/\/$/, '');
    url.pathname = url.pathname.replace(/(\/v1)?\/*$/, '');
    this.base = url;
    this.view = {
      ...{ url: this.url, kind: null, version: '', state: 'connecting', verification: null },
      ...{ in_flight: 0, done: 0, retried: 0, tokens_per_second: 0, problem: null },
    };
  }

  /** `sampling server http://host:8000`. */
  get name(): string {
    return `sampling server ${this.url}`;
  }

  get protocol(): Protocol {
    if (this.protocolInUse === null) throw new Error('not connected');
    return this.protocolInUse;
  }

  get facts(): ServerFacts {
    if (this.known === null) throw new Error('not connected');
    return this.known;
  }

  get context(): number {
    return Math.min(this.options.policy.config.max_positions, this.known?.context ?? Infinity);
  }

  set(change: Partial<EndpointView>): void {
    Object.assign(this.view, change);
    this.options.onChange();
  }

  /**
   * Identifies the program and checks that it serves the policy's model.
   *
   * @throws UserError in one sentence
   */
  async connect(): Promise<void> {
    const { server } = this.options;
    const { key_variable } = server;
    if (key_variable !== null) {
      if (keyIn(key_variable) === null)
        throw new UserError(
          `sampling.server.key_variable names ${key_variable}, which is not set in this environment; set it, or remove the setting`,
        );
      this.options.permission({ kind: 'key', variable: key_variable, origin: this.base.origin });
    }
    await this.saying(async () => {
      this.protocolInUse = server.kind === 'auto' ? await this.detect() : this.speak(server.kind);
      await this.identify();
      this.set({ kind: this.protocol.kind, version: this.facts.version });
      await this.checkTokenizer();
      await this.checkSampling();
    });
  }

  async identify(): Promise<ServerFacts> {
    this.known = await this.protocol.identify();
    return this.known;
  }

  /** The same; errors name the endpoint. @throws Unreachable; UserError */
  identified(): Promise<ServerFacts> {
    return this.saying(() => this.identify());
  }

  /** @throws UserError if sequences of this many tokens do not fit */
  expectContext(tokens: number): void {
    const { context } = this.facts;
    if (context !== null && context < tokens)
      throw new UserError(
        `${this.name} serves a context of ${context} tokens, and this run's prompts with responses of sampling.max_new_tokens need ${tokens}; start it with a longer context (--max-model-len, --context-length), or lower sampling.max_new_tokens`,
      );
  }

  /**
   * Log-probabilities of every sequence, `repeats` times, as separate requests, which a load balancer spreads. Sends
   * one at a time, because vLLM's CPU build with adapters crashes when it scores several at once.
   */
  async answers(
    sequences: readonly Sequence[],
    adapter: string | null,
    repeats: number,
    signal = new AbortController().signal,
  ): Promise<ProbeAnswer[]> {
    const answers: ProbeAnswer[] = [];
    await this.saying(async () => {
      for (let repeat = 0; repeat < repeats; repeat++)
        for (let at = 0; at < sequences.length; at++) {
          // Each pass begins one sequence later, so that a round-robin balancer sends a repeat to another replica.
          const sequence = (at + repeat) % sequences.length;
          const { prompt_ids, response_ids } = sequences[sequence];
          const ask = () => this.protocol.logprobs(prompt_ids, response_ids, adapter, signal);
          answers.push({ sequence, logprobs: await retrying(ask, this.options.server.retries) });
        }
    });
    return answers;
  }

  /** @throws UserError that explains why it cannot load the adapter */
  async loadAdapter(name: string, folder: string): Promise<void> {
    const { rank } = expectPlainAdapter(folder);
    const { maxRank } = this.facts;
    if (maxRank !== null && rank > maxRank) throw this.rankTooHigh(rank, ` of ${maxRank}`);
    const remote = this.remote(folder);
    await this.saying(async () => {
      try {
        await this.protocol.loadAdapter(name, remote);
      } catch (error) {
        if (!(error instanceof HttpFailure) || error.kind !== 'status') throw error;
        const message = serverMessage(error);
        if (/\brank\b/i.test(message)) throw this.rankTooHigh(rank, ` (it says: ${message})`);
        const start =
          this.protocol.kind === 'vllm'
            ? '--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1'
            : '--enable-lora --max-lora-rank R --lora-target-modules all';
        throw this.notLoaded(folder, remote, error, message, `start it with ${start}`);
      }
    });
  }

  /** @throws UserError that explains why it cannot load the weights */
  async reload(folder: string): Promise<void> {
    const remote = this.remote(folder);
    await this.saying(async () => {
      try {
        await this.protocol.reload(remote);
      } catch (error) {
        if (!(error instanceof HttpFailure) || error.kind !== 'status') throw error;
        const start =
          this.protocol.kind === 'vllm'
            ? 'start it with VLLM_SERVER_DEV_MODE=1, or choose the weights `adapter` or `restart`'
            : 'use a release with /update_weights_from_disk';
        throw this.notLoaded(folder, remote, error, serverMessage(error), start);
      }
    });
  }

  async unloadAdapter(name: string): Promise<void> {
    await this.saying(() => this.protocol.unloadAdapter(name));
  }

  /** The folder's name on the server. */
  remote(folder: string): string {
    return remotePath(folder, this.options.server.paths);
  }

  /** Whether it answers and lists its models. */
  async isUp(): Promise<boolean> {
    try {
      await this.text('GET', '/health', undefined, { seconds: 10 });
      await this.identify();
      return true;
    } catch (error) {
      if (error instanceof HttpFailure || error instanceof EndpointFault) return false;
      throw error;
    }
  }

  /** Classifies errors for the queue. */
  classify(error: unknown): QueueFailure {
    if (error instanceof HttpFailure && error.isTransient)
      return {
        ...{ kind: 'transient', message: error.message, retryAfter: error.retryAfter },
        ...{ busy: error.status === 429, lost: error.kind === 'connection' && error.status === null },
      };
    // These errors already name the endpoint, and so does the queue.
    const own = this.explain(error).replace(`${this.name} `, '');
    if (error instanceof Unreachable) return { kind: 'transient', message: own, lost: error.kind === 'connection' };
    return { kind: 'fault', message: own };
  }

  /** Turns errors into sentences that name the endpoint. */
  private async saying<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HttpFailure && error.isTransient)
        throw new Unreachable(`${this.name} ${error.message}`, error.kind);
      if (error instanceof HttpFailure || error instanceof EndpointFault)
        throw new UserError(`${this.name} ${this.explain(error)}`, { cause: error });
      throw error;
    }
  }

  /** Completes a sentence whose subject is the server. */
  private explain(error: unknown): string {
    if (!(error instanceof HttpFailure)) return plainText(messageOf(error));
    const { key_variable } = this.options.server;
    if (error.status === 401 || error.status === 403)
      return key_variable === null
        ? `wants an API key (${error.status}); set sampling.server.key_variable to the name of the environment variable that holds it`
        : `refuses the API key of ${key_variable} (${error.status}); set that variable to a key of this server`;
    if (error.kind === 'form')
      return `${error.message}; expected vLLM or SGLang at this address, not a web page or another service`;
    return `${error.status === null ? error.message : `answered ${error.status}: ${serverMessage(error)}`}`;
  }

  private rankTooHigh(rank: number, limit: string): UserError {
    const fit = this.protocol.kind === 'vllm' ? vllmRanks.find((allowed) => allowed >= rank) : rank;
    const remedy =
      fit === undefined
        ? `vLLM takes ranks up to ${vllmRanks.at(-1)}: lower update.lora.rank`
        : `restart it with --max-lora-rank ${fit}, or lower update.lora.rank`;
    return new UserError(
      `${this.name} cannot load an adapter of rank ${rank}, which is above its limit${limit}; ${remedy}`,
    );
  }

  private notLoaded(folder: string, remote: string, error: HttpFailure, message: string, start: string): UserError {
    if (error.status === 401 || error.status === 403) return new UserError(`${this.name} ${this.explain(error)}`);
    // vLLM drops its old weights first, so the next request would crash it.
    const restart = error.status === 500 && this.protocol.kind === 'vllm' ? ', then restart the server' : '';
    const where = remote === path.resolve(folder) ? remote : `${remote} (${folder} here)`;
    if (error.status === 404 && !/adapter|file|path/i.test(message))
      return new UserError(`${this.name} has no route to load weights (404); ${start}`);
    if (
      /no such file|not found|does ?n.t exist|cannot find|no adapter|not a directory|not a valid|repo id/i.test(message)
    )
      return new UserError(
        `${this.name} does not see the folder ${where} (it says: ${message}); put run directory and base model on a filesystem that both see, or name its folder there with sampling.server.paths (LOCAL=REMOTE)${restart}`,
      );
    return new UserError(
      `${this.name} cannot load the weights in ${where} (it says: ${message === '' ? error.message : message}); ${start}, or see its log${restart}`,
    );
  }

  private async detect(): Promise<Protocol> {
    try {
      await this.get('/model_info');
      return this.speak('sglang');
    } catch (error) {
      if (!(error instanceof HttpFailure) || error.status !== 404) throw error;
    }
    try {
      await this.get('/version');
      return this.speak('vllm');
    } catch (error) {
      if (!(error instanceof HttpFailure) || error.status !== 404) throw error;
      throw new EndpointFault(
        'is neither vLLM (/version) nor SGLang (/model_info); set sampling.server.kind if a proxy hides these routes',
      );
    }
  }

  private speak(kind: 'vllm' | 'sglang'): Protocol {
    const context: ProtocolContext = {
      base: this.base,
      policy: this.options.policy,
      context: () => this.context,
      get: (route) => this.get(route),
      post: (route, body, options = {}) => sendJson(this.at(route), this.request('POST', body, options)),
      postText: (route, body, options = {}) => sendText(this.at(route), this.request('POST', body, options)),
    };
    return kind === 'vllm' ? new Vllm(context) : new Sglang(context);
  }

  /** Information requests are retried, because nothing else can start without them. */
  private get(route: string): Promise<unknown> {
    return retrying(() => sendJson(this.at(route), this.request('GET', undefined, {})), this.options.server.retries);
  }

  private text(method: 'GET', route: string, body: unknown, { seconds }: { seconds: number }): Promise<string> {
    return sendText(this.at(route), { ...this.request(method, body, {}), timeoutSeconds: seconds });
  }

  private at(route: string): URL {
    const url = new URL(this.base);
    const [pathname, search = ''] = route.split('?');
    url.pathname = `${url.pathname.replace(/\/$/, '')}${pathname}`;
    url.search = search;
    return url;
  }

  private request(method: 'GET' | 'POST', body: unknown, { signal, time = 'request' }: PostOptions): HttpRequest {
    const { timeout_seconds, startup_seconds, key_variable } = this.options.server;
    const [timeoutSeconds, key] =
      time === 'load'
        ? [startup_seconds, 'sampling.server.startup_seconds']
        : [timeout_seconds, 'sampling.server.timeout_seconds'];
    return {
      ...{ method, body, signal, timeoutSeconds, timeoutKey: key, maxBytes: MAX_RESPONSE },
      key: key_variable === null ? null : keyIn(key_variable),
    };
  }

  private async checkTokenizer(): Promise<void> {
    const { tokenizer, dir } = this.options.policy;
    if (tokenizer === null) return;
    for (const text of tokenizerTests) {
      const theirs = await this.protocol.tokenize(text);
      if (theirs === null) return;
      const own = tokenizer.encode(text);
      const at = own.findIndex((id, i) => theirs[i] !== id);
      if (at >= 0 || own.length !== theirs.length)
        throw new EndpointFault(
          `serves ${plainText(this.facts.root ?? this.facts.model)}, whose tokenizer is not that of ${dir}: "${text.slice(0, 20)}…" is ${theirs.length} tokens there and ${own.length} here, which differ from token ${at < 0 ? Math.min(own.length, theirs.length) : at}; serve the run's model`,
        );
    }
  }

  /**
   * Samples a few tokens at vLLM's highest temperature and scores them. Checks that the response is complete, that ids
   * match their tokens, and that log-probabilities are not tempered.
   */
  private async checkSampling(): Promise<void> {
    const { tokenizer } = this.options.policy;
    // A short prompt: the context is checked later against the sequences that need it.
    const prompt_ids = tokenizer?.encode(tokenizerTests[0]).slice(0, 8) ?? [1, 2, 3];
    const settings = { temperature: 2, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 8 };
    const { signal } = new AbortController();
    const { retries } = this.options.server;
    const response = await retrying(
      () => this.protocol.sample({ prompt_ids, seed: 1, adapter: null, settings }, signal),
      retries,
    );
    const scored = await retrying(() => this.protocol.logprobs(prompt_ids, response.ids, null, signal), retries);
    const apart =
      scored.reduce((sum, value, i) => sum + Math.abs(value - response.token_logprobs[i]), 0) / scored.length;
    if (apart > MAX_APART)
      throw new EndpointFault(
        `gives sampled tokens log-probabilities that differ by ${apart.toPrecision(3)} nats from those it gives the same tokens when it scores them; start it with --logprobs-mode raw_logprobs`,
      );
  }
}

/**
 * Nats per token. At temperature 2, tempered log-probabilities differ by several nats; numerical noise is at most 0.3.
 */
const MAX_APART = 1;

/** Ranks that vLLM's --max-lora-rank accepts. Source: vllm/config/lora.py. */
const vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/** An endpoint that does not answer at the moment, as opposed to one that is unusable. */
export class Unreachable extends UserError {
  constructor(
    message: string,
    readonly kind: FailureKind,
  ) {
    super(message);
  }
}

/** @throws UserError if the folder is not an adapter, or is one that servers would apply only in part */
export function expectPlainAdapter(folder: string): { rank: number } {
  const file = path.join(folder, 'adapter_config.json');
  if (!existsSync(file))
    throw new UserError(
      `${folder} holds a full checkpoint, and sampling.server.weights is adapter; train adapters (update.lora), or set sampling.server.weights to reload or restart`,
    );
  const { r, modules_to_save: saved } = readJsonObject(file);
  if (Array.isArray(saved) && saved.length > 0)
    throw new UserError(
      `${file} has modules_to_save (${saved.map(String).join(', ')}), which sampling servers ignore: they would sample another policy; train without it, or set sampling.server.weights to reload`,
    );
  if (typeof r !== 'number') throw new UserError(`${file} has no rank (r); expected a PEFT LoRA adapter`);
  return { rank: r };
}
