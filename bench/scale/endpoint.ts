/**
 * A simulated sampling server: running requests share its throughput equally, none faster than a single stream, and
 * requests beyond `slots` wait in order. It can refuse requests, die and come back.
 */
import type { Timer, VirtualClock } from './clock.js';

export interface Speed {
  /** Output tokens per second of all running requests together at full load. */
  throughput: number;
  /** Output tokens per second of a request that runs alone. */
  single: number;
  /** Requests that run at once (vLLM: --max-num-seqs). */
  slots: number;
}

export class ConnectionLost extends Error {}
export class Unavailable extends Error {}

interface Request {
  tokens: number;
  /** The server's `served` at which this request is complete. */
  until: number;
  ended: boolean;
  resolve: () => void;
  reject: (error: Error) => void;
}

export class Server {
  /** Tokens that each running request has received since the server started: equal shares need one number. */
  private served = 0;
  private since = 0;
  private readonly running = new Set<Request>();
  private waiting: Request[] = [];
  private timer: Timer | undefined;
  private alive = true;
  /** Output tokens, those of aborted requests included. */
  generated = 0;

  constructor(
    private readonly clock: VirtualClock,
    private readonly speed: Speed,
  ) {}

  /** @throws ConnectionLost if the server is dead or dies */
  generate(tokens: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return reject(new ConnectionLost());
      const request: Request = { tokens, until: 0, ended: false, resolve, reject };
      signal.addEventListener(
        'abort',
        () => {
          if (!request.ended) this.drop(request);
        },
        { once: true },
      );
      this.advance();
      this.waiting.push(request);
      this.schedule();
    });
  }

  die(): void {
    this.advance();
    this.alive = false;
    const lost = [...this.running, ...this.waiting];
    this.running.clear();
    this.waiting = [];
    this.schedule();
    for (const request of lost) end(request, new ConnectionLost());
  }

  revive(): void {
    this.alive = true;
    this.since = this.clock.now();
  }

  get isAlive(): boolean {
    return this.alive;
  }

  private drop(request: Request): void {
    this.advance();
    this.running.delete(request);
    this.waiting = this.waiting.filter((other) => other !== request);
    this.schedule();
    end(request, new Error('aborted'));
  }

  /** Tokens per second of one running request. */
  private rate(): number {
    return Math.min(this.speed.single, this.speed.throughput / this.running.size);
  }

  private advance(): void {
    const now = this.clock.now();
    if (this.running.size > 0) {
      const tokens = (now - this.since) * this.rate();
      this.served += tokens;
      this.generated += tokens * this.running.size;
    }
    this.since = now;
  }

  /** Admits waiting requests and sets the timer of the next one to end. */
  private schedule(): void {
    while (this.waiting.length > 0 && this.running.size < this.speed.slots) {
      const request = this.waiting.shift() as Request;
      request.until = this.served + request.tokens;
      this.running.add(request);
    }
    if (this.timer !== undefined) this.timer.cancelled = true;
    this.timer = undefined;
    if (this.running.size === 0) return;
    let least = Infinity;
    for (const { until } of this.running) least = Math.min(least, until);
    this.timer = this.clock.after((least - this.served) / this.rate(), () => this.complete());
  }

  private complete(): void {
    this.advance();
    // Rounding errors may leave a tiny fraction of the last token.
    const done = [...this.running].filter(({ until }) => until <= this.served + 1e-6);
    for (const request of done) this.running.delete(request);
    this.schedule();
    for (const request of done) end(request, null);
  }
}

function end(request: Request, error: Error | null): void {
  request.ended = true;
  if (error === null) request.resolve();
  else request.reject(error);
}
