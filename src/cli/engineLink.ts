/**
 * Connects the terminal to the engine: passes events on, sends commands, and tells the store when the connection is
 * lost. Settings that change quickly are sent once they stop changing; every other command is sent after them. While a
 * selection moves, only the last of the requested details is fetched.
 */
import { messageOf } from '../core/errors.js';
import type { EngineCommand, EngineEvent, Query, RoundSettings } from '../protocol/messages.js';
import { Untrusted } from '../core/trust.js';
import type { AppEvent } from '../../components/app/state.js';

const restMilliseconds = 120;

/** The part of protocol/client.ts that is used here. */
export interface Client {
  send(command: EngineCommand): Promise<void>;
  ask(query: Query): Promise<unknown>;
  on(listener: (event: EngineEvent) => void): void;
  close(): void;
}

export interface LinkOptions {
  /** Attaches to the engine and starts it if necessary (`attachEngine`). `use` gets the client before its events. */
  attach(use: (client: Client) => void, listener: (event: EngineEvent) => void): Promise<void>;
  /** Dispatches immediately. */
  now(action: AppEvent): void;
  /** Dispatches an event of the engine, which may be batched with others. */
  soon(event: EngineEvent): void;
}

export class Link {
  private client: Client | null = null;
  /** Counts attempts to attach; events of an earlier attempt are ignored. */
  private line = 0;
  private moved: Partial<RoundSettings> = {};
  private timer: NodeJS.Timeout | null = null;
  private asking: NodeJS.Timeout | null = null;
  private readonly later = new Set<NodeJS.Timeout>();

  constructor(private readonly options: LinkOptions) {}

  /** Starts the engine if necessary and attaches; a failure is shown as the screen's problem. */
  async open(): Promise<void> {
    this.client?.close();
    this.client = null;
    const line = ++this.line;
    try {
      await this.options.attach(
        (client) => {
          if (this.line === line) this.client = client;
          else client.close();
        },
        (event) => {
          if (this.line !== line) return;
          if (event.type === 'bye') this.client = null;
          this.options.soon(event);
        },
      );
    } catch (error) {
      if (this.line !== line) return;
      this.client = null;
      if (error instanceof Untrusted) return this.options.now({ type: 'untrusted', uses: error.uses });
      this.options.now({ type: 'link', link: { status: 'lost', reason: messageOf(error) } });
    }
  }

  send(command: EngineCommand): void {
    if (command.type !== 'set') {
      this.rest();
      this.transmit(command);
      return;
    }
    this.moved = { ...this.moved, ...command.settings };
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), restMilliseconds);
  }

  /** Dispatches the answer, or the refusal, as an action. @param after milliseconds to wait first */
  ask(query: Query, after = 0): void {
    if (after > 0) {
      const timer = setTimeout(() => {
        this.later.delete(timer);
        this.fetch(query);
      }, after);
      this.later.add(timer);
      return;
    }
    if (query.type !== 'read-detail') return this.fetch(query);
    if (this.asking !== null) clearTimeout(this.asking);
    this.asking = setTimeout(() => this.fetch(query), restMilliseconds);
  }

  /** Sends pending commands and detaches; the engine keeps working. */
  close(): void {
    this.rest();
    if (this.asking !== null) clearTimeout(this.asking);
    for (const timer of this.later) clearTimeout(timer);
    this.line++;
    this.client?.close();
    this.client = null;
  }

  private fetch(query: Query): void {
    this.rest();
    this.client?.ask(query).then(
      (answer) => this.options.now({ type: 'answer', query, answer }),
      (error: unknown) => this.options.now({ type: 'unanswered', query, message: messageOf(error) }),
    );
  }

  private rest(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    const settings = this.moved;
    this.moved = {};
    this.transmit({ type: 'set', settings });
  }

  private transmit(command: EngineCommand): void {
    this.client?.send(command).catch((error: unknown) => {
      this.options.now({ type: 'refused', command: command.type, message: messageOf(error) });
    });
  }
}
