/**
 * Where a person was on the screens of a run or a reviewed file, kept in the user's state directory from one session to
 * the next (components/app/screen.ts: `keptOf`). What is kept is a convenience: a file that cannot be read counts as
 * empty, and one that cannot be written is reported once.
 */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJson } from '../core/limits.js';
import { messageOf } from '../core/errors.js';
import { makeDirectory, writeFileAtomic } from '../io/durable.js';
import { readTextFile } from '../io/files.js';
import { stateFile } from '../io/trust.js';

/** Runs and files whose places are kept: those that were open last. */
const mostPlaces = 100;
const mostBytes = 2 ** 22;
/** Milliseconds after a change before it is written. */
const WRITE_MS = 1000;

const placesSchema = z.record(z.string(), z.object({ at: z.string(), screens: z.record(z.string(), z.unknown()) }));

export const placesFile = (): string => stateFile('places.json', process.env);

export class Places {
  private readonly key: string;
  private written = '';
  private timer: NodeJS.Timeout | null = null;
  private failed = false;

  /** @param of a run directory, or a reviewed file @param warn gets a sentence if the places cannot be kept */
  constructor(
    of: string,
    private readonly warn: (sentence: string) => void,
  ) {
    // A run that does not exist is reported by its engine.
    this.key = existsSync(of) ? realpathSync(of) : path.resolve(of);
  }

  /** What was kept by screen; empty without any. */
  read(): Record<string, unknown> {
    return readPlaces()[this.key]?.screens ?? {};
  }

  /** Keeps what `now` gives, soon; what is the same is not written again. */
  changed(now: () => Record<string, unknown>): void {
    if (this.failed) return;
    this.timer ??= setTimeout(() => this.keep(now()), WRITE_MS).unref();
  }

  /** Keeps it at once, at the end. */
  keep(screens: Record<string, unknown>): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const text = JSON.stringify(screens);
    if (text === this.written || this.failed) return;
    try {
      const others = Object.entries(readPlaces()).filter(([key]) => key !== this.key);
      const newest = others.sort(([, a], [, b]) => (a.at < b.at ? 1 : -1)).slice(0, mostPlaces - 1);
      const all = Object.fromEntries([[this.key, { at: new Date().toISOString(), screens }], ...newest]);
      makeDirectory(path.dirname(placesFile()));
      writeFileAtomic(placesFile(), JSON.stringify(all));
      this.written = text;
    } catch (error) {
      this.failed = true;
      this.warn(`Your place is not kept for the next session: ${messageOf(error)}.`);
    }
  }
}

function readPlaces(): z.infer<typeof placesSchema> {
  try {
    return placesSchema.safeParse(parseJson(readTextFile(placesFile(), mostBytes))).data ?? {};
  } catch {
    return {};
  }
}
