/** A sampling server that speaks vLLM's or SGLang's protocol on top of our own engine, and can misbehave. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { SampledResponse } from '../../../src/core/rows.js';
import { StandInEngine } from './engine.js';
import type { Faults } from './faults.js';
import { sglangRoutes } from './sglang.js';
import { vllmRoutes } from './vllm.js';

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** JSON, or text if it is a string. */
  body: unknown;
}
export type Body = Record<string, unknown>;
export type Routes = Record<string, (body: Body, url: URL) => Answer | Promise<Answer>>;

/** A response as it goes out, after the faults. */
export interface Sent {
  ids: number[];
  logprobs: number[];
  text: string;
  count: number;
  finish: 'stop' | 'length';
  /** The ids that the log-probabilities belong to. */
  repeated: number[];
}

export class StandIn {
  /** Requests so far, by route. */
  readonly requests: { route: string; body: Body }[] = [];
  /** Most sampling requests at once. */
  most = 0;
  private atOnce = 0;
  private sampled = 0;
  private dead = false;
  private server: Server | null = null;
  private port = 0;

  private constructor(
    readonly kind: 'vllm' | 'sglang',
    readonly engine: StandInEngine,
    readonly faults: Faults,
  ) {}

  /** @param folder the model that it is started with; a backend must be in use */
  static async start(kind: 'vllm' | 'sglang', folder: string, faults: Faults = {}, port = 0): Promise<StandIn> {
    const standIn = new StandIn(kind, await StandInEngine.open(folder, faults), faults);
    standIn.port = port;
    await standIn.listen();
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get isUp(): boolean {
    return !this.dead;
  }

  /** Bodies of the requests to a route. */
  bodies(route: string): Body[] {
    return this.requests.filter((request) => request.route === route).map(({ body }) => body);
  }

  /** Ends it as a kill would. */
  kill(): void {
    this.dead = true;
    this.server?.closeAllConnections();
    this.server?.close();
  }

  /** Listens again at the same address, with the weights that the engine holds. */
  async revive(): Promise<void> {
    this.dead = false;
    await this.listen();
  }

  close(): void {
    this.kill();
    this.engine.dispose();
  }

  /** Samples for a protocol's route. @returns what to answer in its place if a fault says so */
  async sample(make: () => Promise<SampledResponse>): Promise<{ sent: Sent } | { answer: Answer }> {
    const { faults } = this;
    this.most = Math.max(this.most, ++this.atOnce);
    try {
      if (faults.slow !== undefined) await delay(faults.slow);
      if ((faults.busy ?? 0) > 0) {
        faults.busy = (faults.busy as number) - 1;
        return { answer: { status: 429, headers: { 'retry-after': '0.05' }, body: { error: { message: 'busy' } } } };
      }
      if ((faults.broken ?? 0) > 0) {
        faults.broken = (faults.broken as number) - 1;
        return { answer: { status: 500, body: 'Internal Server Error' } };
      }
      if (faults.notJson === true) return { answer: { body: '<!doctype html><title>Welcome</title>' } };
      const response = await make();
      if (faults.diesAfter !== undefined && ++this.sampled > faults.diesAfter) this.kill();
      return { sent: this.spoilt(response) };
    } finally {
      this.atOnce--;
    }
  }

  private spoilt({ ids, token_logprobs, finish_reason }: SampledResponse): Sent {
    const { faults, engine } = this;
    const { tokenizer } = engine.model;
    const drops = faults.missingEnd !== undefined && finish_reason === 'stop';
    const shown = drops ? ids.slice(0, -1) : ids;
    const everywhere = faults.missingEnd === 'everywhere' && drops;
    return {
      ids: faults.idsOffByOne === true ? shown.map((id) => id + 1) : shown,
      logprobs: everywhere ? token_logprobs.slice(0, -1) : token_logprobs,
      text: tokenizer?.decode(shown, { skipSpecial: false }) ?? '',
      count: everywhere ? shown.length : ids.length,
      finish: finish_reason,
      repeated: everywhere ? shown : ids,
    };
  }

  private async listen(): Promise<void> {
    const routes = this.kind === 'vllm' ? vllmRoutes(this) : sglangRoutes(this);
    const server = createServer((request, response) => void this.handle(routes, request, response));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  private async handle(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const route = `${request.method} ${url.pathname}`;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = text === '' ? {} : (JSON.parse(text) as Body);
      this.requests.push({ route, body });
      const answer = await this.answer(routes, route, body, url, request.headers.authorization);
      if (this.dead) return void response.destroy();
      response.writeHead(answer.status ?? 200, answer.headers);
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    } catch {
      response.destroy();
    }
  }

  private async answer(
    routes: Routes,
    route: string,
    body: Body,
    url: URL,
    authorization: string | undefined,
  ): Promise<Answer> {
    const { key } = this.faults;
    const open = route === 'GET /health';
    if (key !== undefined && !open && authorization !== `Bearer ${key}`)
      return { status: 401, body: { error: 'Unauthorized' } };
    const handler = (routes as Partial<Routes>)[route];
    if (handler === undefined) return { status: 404, body: { detail: 'Not Found' } };
    return handler(body, url);
  }
}
