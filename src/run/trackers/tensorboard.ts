/**
 * Writes a run as TensorBoard event files: FOLDER/RUN/round-0003/ has the curves of a round's update, FOLDER/RUN/rounds/ the
 * evaluations. Each folder has one file that is only appended to, so that a running TensorBoard can follow it. Points that
 * are no longer true are withdrawn by the mark of a restart, as torch's SummaryWriter does with `purge_step`.
 */
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { decodeEvent, encodeEvent, frame, unframe, type LoggedEvent } from '../../core/eventFile.js';
import type { TrackedPoint, TrackedRun } from '../../core/trackers.js';
import { messageOf, UserError } from '../../core/errors.js';
import { readTextFile } from '../../io/files.js';
import { makeDirectory, writeAll } from '../../io/durable.js';
import { isRun, type Run } from '../run.js';
import { groupOf, type Tracker } from './tracker.js';

const eventFile = 'events.out.tfevents.brevity';
/** Names the run that a folder belongs to: two runs of one name must not withdraw each other's points. */
const ownerFile = 'brevity-run';

interface Written {
  points: TrackedPoint[];
  hyperparameters: string;
}

export class TensorBoard implements Tracker {
  readonly name: string;
  private readonly group: string;
  private readonly known = new Map<string, Written>();

  constructor(
    private readonly run: Pick<Run, 'directory'>,
    private readonly folder: string,
  ) {
    this.name = `TensorBoard (${folder})`;
    this.group = path.join(folder, groupOf(run));
  }

  write(tracked: TrackedRun): Promise<void> {
    try {
      this.update(tracked);
      return Promise.resolve();
    } catch (error) {
      // What is in the file is read again before the next attempt.
      this.known.delete(tracked.name);
      if (error instanceof UserError) return Promise.reject(error);
      return Promise.reject(new UserError(`cannot write event files to ${this.folder}: ${messageOf(error)}`));
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private update({ name, points, hyperparameters }: TrackedRun): void {
    const folder = path.join(this.group, name);
    const file = path.join(folder, eventFile);
    const before = this.known.get(name) ?? this.read(file);
    if (before === null && points.length === 0) return;
    if (!this.known.has(name)) {
      this.claim();
      makeDirectory(folder, 'user');
    }
    const events: LoggedEvent[] = before === null ? [{ kind: 'version' }] : [];
    const rounded = points.map(asStored);
    const text = markdown(hyperparameters);
    if (before?.hyperparameters !== text) events.push({ kind: 'text', tag: 'hyperparameters', text });
    const old = before?.points ?? [];
    const same = commonLength(old, rounded);
    let first = same;
    if (old.length > same) {
      const step = Math.min(old[same].step, rounded[same]?.step ?? Infinity);
      events.push({ kind: 'restart', step });
      first = rounded.findIndex((point) => point.step >= step);
      if (first < 0) first = rounded.length;
    }
    for (const { step, values } of rounded.slice(first)) events.push({ kind: 'scalars', step, values });
    if (events.length > 0) append(file, events);
    this.known.set(name, { points: rounded, hyperparameters: text });
  }

  /** @throws UserError if another run of this name writes to the same folder */
  private claim(): void {
    const own = realpathSync(this.run.directory);
    const file = path.join(this.group, ownerFile);
    makeDirectory(this.group, 'user');
    const other = existsSync(file) ? readTextFile(file, 2 ** 16).trim() : own;
    if (other !== own && isRun(other))
      throw new UserError(
        `${this.group} has the event files of run ${other}; give run ${own} another folder, as both have the name ${path.basename(own)}`,
      );
    if (other !== own || !existsSync(file)) writeFileSync(file, `${own}\n`);
  }

  /** What TensorBoard reads from the file; null if there is none. A torn end, left by a crash, is cut off. */
  private read(file: string): Written | null {
    if (!existsSync(file)) return null;
    const bytes = readFileSync(file);
    const { records, valid } = unframe(bytes);
    if (valid < bytes.length) {
      const handle = openSync(file, 'r+');
      try {
        ftruncateSync(handle, valid);
      } finally {
        closeSync(handle);
      }
    }
    if (records.length === 0) return null;
    const written: Written = { points: [], hyperparameters: '' };
    for (const record of records) {
      const event = decodeEvent(record);
      if (event?.kind === 'scalars') written.points.push({ step: event.step, values: event.values });
      if (event?.kind === 'text') written.hyperparameters = event.text;
      if (event?.kind === 'restart') written.points = written.points.filter(({ step }) => step < event.step);
    }
    return written;
  }
}

function append(file: string, events: readonly LoggedEvent[]): void {
  const seconds = Date.now() / 1000;
  const bytes = Buffer.concat(events.map((event) => frame(encodeEvent(event, seconds))));
  const handle = openSync(file, 'a');
  try {
    writeAll(handle, bytes);
  } finally {
    closeSync(handle);
  }
}

/** Scalars are float32 in event files. */
const asStored = ({ step, values }: TrackedPoint): TrackedPoint => ({
  step,
  values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Math.fround(value)])),
});

/** The number of points at the start that are equal. */
export function commonLength(old: readonly TrackedPoint[], now: readonly TrackedPoint[]): number {
  const at = old.findIndex((point, i) => i >= now.length || textOf(point) !== textOf(now[i]));
  return at < 0 ? old.length : at;
}

const textOf = ({ step, values }: TrackedPoint): string =>
  JSON.stringify([step, Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))]);

/** TensorBoard shows texts as Markdown. */
function markdown(values: TrackedRun['hyperparameters']): string {
  const rows = Object.entries(values).map(([key, value]) => `| ${key} | ${String(value).replaceAll('|', '\\|')} |`);
  return ['| setting | value |', '|---|---|', ...rows].join('\n');
}
