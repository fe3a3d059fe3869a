/**
 * Holds the state between reducer and screen. Keys show at once; the engine's events are gathered and show at most ten
 * times a second, however many arrive.
 */
import { reduce } from './reducer.js';
import type { AppEvent, Effect, State } from './state.js';

const frameMilliseconds = 100;

export class Store {
  private gathered: AppEvent[] = [];
  private timer: NodeJS.Timeout | null = null;
  private readonly listeners = new Set<() => void>();

  /** @param perform carries out what keys ask for */
  constructor(
    private current: State,
    private readonly perform: (effect: Effect) => void,
  ) {}

  readonly state = (): State => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** For keys, the terminal's size and the connection. What was gathered comes first, to keep the order. */
  readonly now = (action: AppEvent): void => {
    this.gathered.push(action);
    this.flush();
  };

  /** For what the engine says. */
  readonly soon = (action: AppEvent): void => {
    this.gathered.push(action);
    this.timer ??= setTimeout(this.flush, frameMilliseconds);
  };

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.listeners.clear();
  }

  private readonly flush = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const actions = this.gathered;
    this.gathered = [];
    const effects: Effect[] = [];
    for (const action of actions) {
      const step = reduce(this.current, action);
      this.current = step.state;
      effects.push(...step.effects);
    }
    for (const listener of this.listeners) listener();
    for (const effect of effects) this.perform(effect);
  };
}
