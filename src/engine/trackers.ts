/**
 * Keeps experiment trackers up to date while the engine runs. It listens to the engine's events like a client and writes
 * what the run has; the files of the run directory stay the source, so that everything missed is written by the next engine
 * or by `brevity track`. A tracker that fails is reported once and left alone until the next start; work never waits for
 * it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';
import { commandLine, shellQuote } from '../core/shell.js';
import type { TrackedRun } from '../core/trackers.js';
import { log } from '../io/print.js';
import type { EngineEvent } from '../protocol/messages.js';
import { trackedRounds, trackedRun, trackedUpdate, type Tracker } from '../run/trackers/tracker.js';
import type { Core } from './core.js';

/** Milliseconds between writes: steps of a small model take less. */
const EVERY_MS = 2000;
/** Milliseconds that an ending engine waits for its trackers. */
const END_MS = 20_000;

export class TrackerFeed {
  private trackers: Tracker[];
  /** What has changed since the last write. */
  private readonly changed = { all: true, update: false, rounds: false };
  private timer: NodeJS.Timeout | null = null;
  private working: Promise<void> = Promise.resolve();

  constructor(
    private readonly core: Core,
    trackers: readonly Tracker[],
  ) {
    this.trackers = [...trackers];
    core.listen((event) => this.take(event));
    // What earlier engines missed; not at once, so that clients have attached and see a warning.
    this.schedule();
  }

  /** Writes the rest and ends the trackers. What does not arrive in time is written by the next engine. */
  async close(): Promise<void> {
    if (this.trackers.length === 0) return;
    if (this.timer !== null) clearTimeout(this.timer);
    const end = async () => {
      await this.working;
      await this.write(() => this.pending());
      for (const tracker of this.trackers) await tracker.close().catch(log);
    };
    await Promise.race([end(), delay(END_MS, undefined, { ref: false })]);
  }

  private take(event: EngineEvent): void {
    if (event.type === 'step' || event.type === 'snapshot') this.changed.update = true;
    else if (event.type === 'round') {
      if (event.round.stage === 'done') this.changed.rounds = true;
      if (event.round.stage === 'evaluate') this.changed.update = true;
    } else return;
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== null || this.trackers.length === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.working = this.working.then(() => this.write(() => this.pending()));
    }, EVERY_MS).unref();
  }

  private pending(): TrackedRun[] {
    const { run, view, round } = this.core;
    const { all, update, rounds } = this.changed;
    Object.assign(this.changed, { all: false, update: false, rounds: false });
    if (all) return trackedRun(run);
    return [
      ...(update && round.id > 0 && round.damaged === undefined ? [trackedUpdate(run, round, view.metrics)] : []),
      ...(rounds ? [trackedRounds(run)] : []),
    ];
  }

  /** Never fails. */
  private async write(read: () => TrackedRun[]): Promise<void> {
    let all: TrackedRun[];
    try {
      all = read();
    } catch (error) {
      for (const tracker of this.trackers) this.dropped(tracker, error);
      return;
    }
    for (const tracker of [...this.trackers]) {
      try {
        for (const tracked of all) await tracker.write(tracked);
      } catch (error) {
        this.dropped(tracker, error);
      }
    }
  }

  private dropped(tracker: Tracker, error: unknown): void {
    this.trackers = this.trackers.filter((each) => each !== tracker);
    const again = commandLine(`track ${shellQuote(this.core.run.directory)}`);
    const message = `${tracker.name} gets no more metrics, the run continues: ${messageOf(error)}; \`${again}\` writes them later`;
    log(message);
    this.core.emit({ type: 'warning', message });
  }
}
