/**
 * JSON over HTTP for reward servers, sampling servers and schedulers: bounds bodies, sets time-outs, and decides which
 * failures are worth a retry. Text from a server is made printable before it enters a message.
 *
 * Leaves out what a failure means for the caller, who turns HttpFailure into a sentence.
 */
import { causeOf, messageOf } from '../core/errors.js';
import { MAX_ANSWER, megabytes, parseJson } from '../core/limits.js';
import { plainText } from '../core/sanitize.js';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE' | 'PUT';
  /** Sent as JSON. */
  body?: unknown;
  /** Bearer token; fetch drops it if a server redirects to another origin. */
  key?: string | null;
  timeoutSeconds: number;
  /** The key that the time-out message names, such as `rewards.timeout_seconds`. */
  timeoutKey: string;
  /** Limit on the answer after decompression, in bytes. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export type FailureKind =
  /** No connection, or the connection broke. */
  | 'connection'
  | 'timeout'
  /** The server answered with an error status. */
  | 'status'
  /** Not JSON, or too large. */
  | 'form';

/** A request without a usable answer. `message` completes a sentence whose subject is the server: `answered 500 …`. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';

  constructor(
    readonly kind: FailureKind,
    message: string,
    /** null without an answer. */
    readonly status: number | null = null,
    /** Seconds that the server asks to wait; NaN if it does not ask. */
    readonly retryAfter: number = NaN,
    /** Beginning of the answer, printable. */
    readonly text: string = '',
    /** The whole answer if it is small JSON, else undefined. */
    readonly json: unknown = undefined,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    if (this.kind !== 'status') return this.kind !== 'form';
    const status = this.status ?? 0;
    return status >= 500 || status === 408 || status === 429;
  }
}

/** Bytes read of an answer that reports a failure. */
const MAX_PROBLEM = 16 * 1024;
/** Characters of it shown in a message. */
const SHOWN = 200;

/**
 * Sends one request without retries. @returns the answer's text @throws HttpFailure; the reason that `signal` was
 * aborted with
 */
export async function sendText(url: URL, request: HttpRequest): Promise<string> {
  const { method, body, key = null, timeoutSeconds, maxBytes = MAX_ANSWER, signal } = request;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const response = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    const stream = response.body as AsyncIterable<Uint8Array> | null;
    if (response.ok) return await bodyOf(stream, maxBytes);
    throw statusFailure(response, await bodyOf(stream, MAX_PROBLEM, 'cut'));
  } catch (error) {
    if (error instanceof HttpFailure) throw error;
    if (signal?.aborted) throw signal.reason;
    throw failureOf(error, request);
  }
}

/** Likewise for a JSON answer. */
export async function sendJson(url: URL, request: HttpRequest): Promise<unknown> {
  const text = await sendText(url, request);
  try {
    return parseJson(text);
  } catch {
    const shown = plainText(text).trim().slice(0, 80);
    throw new HttpFailure('form', `gave an answer that is not JSON${shown === '' ? '' : ` ("${shown}")`}`);
  }
}

/** Seconds before the next attempt after `attempts` failures; respects the server's Retry-After. */
export function backoff(attempts: number, failure: { retryAfter: number } | null, mostSeconds = 20): number {
  const after = failure?.retryAfter ?? NaN;
  if (after > 0) return Math.min(mostSeconds, after);
  return Math.min(mostSeconds, 0.25 * 2 ** attempts) * (0.5 + Math.random() / 2);
}

/** Sends until it succeeds, fails permanently, or has used up its retries. @throws the last HttpFailure */
export async function retrying<T>(
  send: () => Promise<T>,
  retries: number,
  onRetry: (failure: HttpFailure) => void = () => {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof HttpFailure) || !error.isTransient || attempt >= retries) throw error;
      onRetry(error);
      await new Promise((resolve) => setTimeout(resolve, backoff(attempt, error) * 1000));
    }
  }
}

function statusFailure(response: Response, body: string): HttpFailure {
  const text = plainText(body);
  let json: unknown;
  try {
    json = parseJson(body);
  } catch {
    json = undefined;
  }
  const message = `answered ${response.status} ${text.slice(0, SHOWN)}`.trim();
  const after = retryAfter(response.headers.get('retry-after'));
  return new HttpFailure('status', message, response.status, after, text, json);
}

class TooLarge extends Error {}

/**
 * Reads a response's body and counts bytes after decompression as they arrive: two megabytes of gzip may hold
 * gigabytes.
 *
 * @param beyond `cut`: bytes over the limit are dropped; else TooLarge is thrown
 */
export async function bodyOf(body: AsyncIterable<Uint8Array> | null, most: number, beyond?: 'cut'): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream, which closes the connection.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= most) continue;
    if (beyond === 'cut') break;
    throw new TooLarge(`sent more than ${megabytes(most)}`);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Seconds, from either form of the header (RFC 9110, section 10.2.3); NaN if it is absent. */
function retryAfter(header: string | null): number {
  if (header === null) return NaN;
  const seconds = Number(header);
  return Number.isNaN(seconds) ? (Date.parse(header) - Date.now()) / 1000 : seconds;
}

function failureOf(error: unknown, { timeoutSeconds, timeoutKey }: HttpRequest): HttpFailure {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new HttpFailure('timeout', `did not answer within ${timeoutSeconds} s (${timeoutKey})`);
  if (error instanceof TooLarge) return new HttpFailure('form', error.message);
  return new HttpFailure('connection', `cannot be reached (${plainText(messageOf(causeOf(error)))})`);
}
