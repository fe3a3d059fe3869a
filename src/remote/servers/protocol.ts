/**
 * The interface of a sampling server's protocol, and the checks that both protocols share. Requests and answers are
 * token ids.
 */
import type { SamplingConfig } from '../../core/config/schema.js';
import type { PolicyFiles } from '../../model/policyFiles.js';
import type { HttpFailure } from '../../io/http.js';
import type { SampledResponse } from '../../core/rows.js';

/**
 * A failure that no retry repairs: the endpoint is not used any more. `message` continues a sentence that starts with
 * the endpoint's name.
 */
export class EndpointFault extends Error {
  override readonly name = 'EndpointFault';
}

export interface ServerFacts {
  version: string;
  /** Name of the served base model in requests. */
  model: string;
  /** Folder or hub name that the server says it loaded; null if it does not say. */
  root: string | null;
  /** Longest sequence, tokens; null if it does not say. */
  context: number | null;
  /** Loaded adapters: name and folder. */
  adapters: ReadonlyMap<string, string>;
  /** Largest rank of an adapter; null if it does not say. */
  maxRank: number | null;
  /** Why a seed may not reproduce a response on this server; null if seeds are honoured. */
  seedProblem: string | null;
}

export interface SampleRequest {
  prompt_ids: readonly number[];
  /** 32 bits. */
  seed: number;
  /** The adapter's name, or null for the base model. */
  adapter: string | null;
  settings: Pick<SamplingConfig, 'temperature' | 'top_p' | 'top_k' | 'min_p' | 'repetition_penalty' | 'max_new_tokens'>;
}

export interface BeamRequest {
  prompt_ids: readonly number[];
  beams: number;
  length_penalty: number;
  max_new_tokens: number;
  adapter: string | null;
}

export interface Protocol {
  readonly kind: 'vllm' | 'sglang';
  /** @throws HttpFailure; EndpointFault */
  identify(): Promise<ServerFacts>;
  /** Token ids of a text without special tokens added; null if the server cannot tell. */
  tokenize(text: string): Promise<number[] | null>;
  /** One response. @throws EndpointFault if the answer contradicts itself or the policy's tokenizer */
  sample(request: SampleRequest, signal: AbortSignal): Promise<SampledResponse>;
  /**
   * The best response of the server's own beam search; absent if it has none.
   *
   * @throws EndpointFault as `sample`
   */
  beam?(request: BeamRequest, signal: AbortSignal): Promise<SampledResponse>;
  /** log π(token | prefix) of the response tokens, not tempered. */
  logprobs(
    prompt_ids: readonly number[],
    response_ids: readonly number[],
    adapter: string | null,
    signal: AbortSignal,
  ): Promise<number[]>;
  loadAdapter(name: string, folder: string): Promise<void>;
  unloadAdapter(name: string): Promise<void>;
  /** Replaces the full weights by those of a folder, and drops everything cached from the old ones. */
  reload(folder: string): Promise<void>;
}

/** What protocols need to make requests and to read answers. */
export interface ProtocolContext {
  /** The endpoint without a trailing slash or `/v1`. */
  base: URL;
  policy: PolicyFiles;
  /** Longest sequence in tokens: the smaller of the policy's context and the server's. */
  context: () => number;
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown, options?: PostOptions): Promise<unknown>;
  /** For answers that are not JSON. */
  postText(path: string, body: unknown, options?: PostOptions): Promise<string>;
}

export interface PostOptions {
  signal?: AbortSignal;
  /** `load`: as long as a server's start, for requests that load weights. */
  time?: 'request' | 'load';
}

/** A server's generated response, before it is checked. */
export interface Generated {
  ids: number[];
  logprobs: number[];
  /** The ids that the server repeats in its log-probabilities, if it does. */
  repeated: number[] | null;
  /** The text of all ids, special tokens included, if the server returns it. */
  text: string | null;
  /** The server's count of generated tokens. */
  count: number | null;
  finish: 'stop' | 'length';
  /** The token that ended the response, if the server names it. */
  stopId: number | null;
}

/**
 * Checks that a response is complete: as many log-probabilities as ids, ids of the vocabulary that match the server's
 * text, and exactly one end-of-turn token, at the end, if and only if the model ended its turn.
 *
 * A response without its end-of-turn token is refused rather than repaired: the token's log-probability is unknown, and
 * a server that drops a token may have shifted others.
 *
 * @throws EndpointFault
 */
export function checkedResponse(generated: Generated, policy: PolicyFiles, limit: number): SampledResponse {
  const { ids, logprobs, repeated, text, count, finish, stopId } = generated;
  const { tokenizer, config } = policy;
  const eos = new Set(policy.generation.eosTokenIds);
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocab_size);
  if (bad !== undefined)
    throw new EndpointFault(
      `gave the token id ${bad}, and the policy's vocabulary ends at ${config.vocab_size - 1}: it serves another model, or counts ids differently`,
    );
  if (finish === 'stop' && !eos.has(ids[ids.length - 1]))
    throw new EndpointFault(
      ids.some((id) => eos.has(id)) || stopId === null || eos.has(stopId)
        ? `left out the end-of-turn token of a response that it says has ended (${counted(ids.length, count)}): |y| would be one too small; use a release of the server that returns all ids`
        : `ended a response at token ${stopId}, which is no end-of-turn token of the policy (${[...eos].join(', ')}); start it with this model's generation_config.json`,
    );
  if (count !== null && count !== ids.length)
    throw new EndpointFault(
      `returned ${ids.length} token ids of a response of ${count} tokens; use a release of the server that returns all ids`,
    );
  if (logprobs.length !== ids.length)
    throw new EndpointFault(
      `gave ${logprobs.length} log-probabilities for ${ids.length} token ids; use a release of the server that counts both alike`,
    );
  const off = repeated === null ? -1 : ids.findIndex((id, i) => repeated[i] !== id);
  if (repeated !== null && off >= 0)
    throw new EndpointFault(
      `gave the token id ${ids[off]} at position ${off}, and ${repeated[off]} beside its log-probability: its ids do not belong to its tokens`,
    );
  const early = ids.slice(0, -1).findIndex((id) => eos.has(id));
  if (early >= 0)
    throw new EndpointFault(
      `continued a response after the end-of-turn token ${ids[early]}; start it with this model's generation_config.json, without ignore_eos`,
    );
  if (finish === 'length' && eos.has(ids[ids.length - 1]))
    throw new EndpointFault(
      'says that a response was cut off which ends with the end-of-turn token; use a release of the server that reports the finish reason',
    );
  if (finish === 'length' && ids.length !== limit)
    throw new EndpointFault(
      `cut a response off after ${ids.length} tokens, and ${limit} were asked for: it does not honour the length of requests`,
    );
  const wrong = logprobs.findIndex((value) => !(value <= 1e-4) || value === -Infinity);
  if (wrong >= 0)
    throw new EndpointFault(
      `gave the log-probability ${logprobs[wrong]} to token ${ids[wrong]}; expected a finite number of at most 0`,
    );
  if (tokenizer !== null && text !== null) {
    const own = tokenizer.decode(ids, { skipSpecial: false });
    if (!sameText(own, text))
      throw new EndpointFault(
        `gave token ids that spell ${quoted(own)} in the policy's tokenizer beside the text ${quoted(text)}: its ids do not belong to its tokens, or its tokenizer is another`,
      );
  }
  return {
    ids,
    text: tokenizer?.decode(ids) ?? '',
    logps: logprobs.reduce((sum, value) => sum + value, 0),
    token_logprobs: logprobs,
    finish_reason: finish,
  };
}

const counted = (ids: number, count: number | null): string =>
  count === null ? `${ids} ids` : `${ids} ids of ${count} tokens`;

/**
 * Servers decode token by token: they keep a leading space that a whole decoding drops, hold back parts of characters
 * at the end, and clean up spaces. Only the remaining characters are compared; ids off by one would change far more.
 */
function sameText(a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/[\s\uFFFD▁]+/gu, '');
  return plain(a) === plain(b);
}

function quoted(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return `"${clean.length > 40 ? `${clean.slice(0, 40)}…` : clean}"`;
}

/** The server's message about a refusal, in the formats of vLLM and SGLang, on one line. */
export function serverMessage(failure: HttpFailure): string {
  const { json, text } = failure;
  const object = (value: unknown) =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const { error, message, detail, error_message } = object(json);
  const found = [object(error).message, error, error_message, message, detail].find((it) => typeof it === 'string');
  return ((found as string | undefined) ?? text).replace(/\s+/g, ' ').trim().slice(0, 300);
}
