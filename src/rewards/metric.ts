/**
 * A user's metric of held-out responses, such as whether an answer is right: a JavaScript module that exports
 * `score({prompt, response, row})` → number, with `row` the prompt's row of the held-out file and all its keys, and
 * optionally `name` (text) and `percent` (true: the values are from 0 to 1 and shown as percentages). It runs like a
 * module reward: in a thread, with permission, for a limited time per call.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import type { RewardOptions } from '../core/config/schema.js';
import { type Control } from '../core/control.js';
import { UserError } from '../core/errors.js';
import { MAX_REWARD } from '../core/limits.js';
import { makeLine, plainText } from '../core/sanitize.js';
import type { Permission } from '../core/trust.js';
import { ModuleThread } from './moduleThread.js';
import { promptExcerpt, type RewardInput } from './types.js';

export interface MetricInput extends RewardInput {
  row: Readonly<Record<string, unknown>>;
}

/** Longer names do not fit into tables. */
const LONGEST_NAME = 24;

export class Metric {
  private constructor(
    readonly name: string,
    readonly percent: boolean,
    /** Hash of the module's text: values of an earlier text are computed again. */
    readonly version: string,
    private readonly file: string,
    private readonly thread: ModuleThread,
    private readonly batch: number,
  ) {}

  /** @throws UserError if the module cannot be used or its `name` or `percent` is unusable */
  static async open(file: string, options: RewardOptions, permission: Permission): Promise<Metric> {
    const thread = await ModuleThread.start(file, {
      what: 'metric module',
      timeoutSeconds: options.timeout_seconds,
      timeoutKey: 'rewards.timeout_seconds',
      permission,
    });
    try {
      const { name = path.parse(file).name, percent = false } = thread.exported;
      if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
        throw new UserError(
          `metric module ${file} exports the name ${shown(name)}; expected text of at most ${LONGEST_NAME} characters`,
        );
      if (typeof percent !== 'boolean')
        throw new UserError(`metric module ${file} exports percent as ${shown(percent)}; expected true or false`);
      const version = createHash('sha256').update(readFileSync(file)).digest('hex');
      const batch = thread.takesBatches ? options.batch_size : 1;
      return new Metric(makeLine(name, LONGEST_NAME), percent, version, file, thread, batch);
    } catch (error) {
      thread.dispose();
      throw error;
    }
  }

  /**
   * @param onValue called once for each input, in order
   * @throws UserError that names the prompt if the module throws or gives something other than a usable number; values
   *   reported before remain valid
   */
  async score(
    inputs: readonly MetricInput[],
    onValue: (index: number, value: number) => void,
    control?: Control,
  ): Promise<void> {
    for (let start = 0; start < inputs.length; start += this.batch) {
      if (((await control?.point()) ?? 'go') !== 'go') return;
      const rows = inputs.slice(start, start + this.batch);
      const values = await this.thread.valuesOf(rows);
      rows.forEach((row, i) => onValue(start + i, this.checked(values[i], row)));
    }
  }

  private checked(value: unknown, { prompt }: MetricInput): number {
    const [least, most] = this.percent ? [0, 1] : [-MAX_REWARD, MAX_REWARD];
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw new UserError(
      `metric module ${this.file} gave ${shown(value)} for the response to ${promptExcerpt(prompt)}; expected a number from ${least} to ${most}`,
    );
  }

  dispose(): void {
    this.thread.dispose();
  }
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { breakLength: Infinity });
  return `${plainText(text).slice(0, 80)} (${typeof value})`;
}

/**
 * Opens all metrics.
 *
 * @throws UserError if two of them have the same name, as their figures could not be told apart
 */
export async function openMetrics(
  files: readonly string[],
  options: RewardOptions,
  permission: Permission,
): Promise<Metric[]> {
  const opened: Metric[] = [];
  try {
    for (const file of files) {
      const metric = await Metric.open(file, options, permission);
      opened.push(metric);
      const same = opened.findIndex(({ name }) => name === metric.name);
      if (same < opened.length - 1)
        throw new UserError(
          `metric modules ${files[same]} and ${file} have the same name "${metric.name}"; export another \`name\` from one of them`,
        );
    }
    return opened;
  } catch (error) {
    for (const metric of opened) metric.dispose();
    throw error;
  }
}
