/**
 * A user's JavaScript module in a thread of its own, so that a module that never returns can be terminated. It exports
 * `score(row)`, sync or async, or `scoreBatch(rows)`.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UserError, messageOf } from '../core/errors.js';
import { printForeign } from '../io/print.js';
import { plainText } from '../core/sanitize.js';
import type { Permission } from '../core/trust.js';
import { promptExcerpt, type RewardInput } from './types.js';

/** The thread's code, as JavaScript text, because a worker cannot start from TypeScript. */
const threadSource = `
const { parentPort, workerData } = require('node:worker_threads');
const say = (error) => String(error && error.message ? error.message : error);
import(workerData.url).then((module) => {
  const score = module.score ?? module.default?.score ?? (typeof module.default === 'function' ? module.default : undefined);
  const scoreBatch = module.scoreBatch ?? module.default?.scoreBatch;
  if (typeof score !== 'function' && typeof scoreBatch !== 'function') {
    parentPort.postMessage({ failed: 'it exports neither score nor scoreBatch' });
    return;
  }
  parentPort.on('message', async (rows) => {
    try {
      if (typeof scoreBatch === 'function') {
        parentPort.postMessage({ values: await scoreBatch(rows) });
        return;
      }
      const values = [];
      for (const row of rows) values.push(await score(row));
      parentPort.postMessage({ values });
    } catch (error) {
      parentPort.postMessage({ failed: 'it threw: ' + say(error) });
    }
  });
  const ready = typeof scoreBatch === 'function' ? 'batch' : 'single';
  const exported = (key) => module[key] ?? module.default?.[key];
  try {
    parentPort.postMessage({ ready, name: exported('name'), percent: exported('percent') });
  } catch (error) {
    parentPort.postMessage({ failed: 'its name or percent cannot be read: ' + say(error) });
  }
}, (error) => parentPort.postMessage({ failed: 'it cannot be loaded: ' + say(error) }));
`;

interface Answer {
  ready?: 'batch' | 'single';
  name?: unknown;
  percent?: unknown;
  values?: unknown;
  failed?: string;
}

export interface ModuleOptions {
  /** What errors call the module: "reward module". */
  what: string;
  timeoutSeconds: number;
  /** The setting that the time is given by. */
  timeoutKey: string;
  permission: Permission;
}

export class ModuleThread {
  /** Why the thread no longer answers; null while it does. */
  private ended: string | null = null;

  private constructor(
    private readonly file: string,
    private readonly options: ModuleOptions,
    private readonly worker: Worker,
    /** Its exports `name` and `percent`, unchecked. */
    readonly exported: { name?: unknown; percent?: unknown } = {},
    readonly takesBatches = false,
  ) {}

  /** @throws UserError if the file does not exist, is not permitted or cannot be loaded in time */
  static async start(file: string, options: ModuleOptions): Promise<ModuleThread> {
    const { what, permission } = options;
    if (!existsSync(file)) throw new UserError(`${what} ${file} does not exist`);
    permission({ kind: 'module', file });
    const worker = new Worker(threadSource, {
      eval: true,
      stdout: true,
      stderr: true,
      workerData: { url: pathToFileURL(path.resolve(file)).href },
    });
    // Standard output carries data: the module's prints would mix with the rows.
    printForeign(worker.stdout);
    printForeign(worker.stderr);
    const { ready, name, percent, failed } = await answerOf(worker, options);
    if (ready === undefined) {
      await worker.terminate();
      throw new UserError(`${what} ${file} cannot be used: ${plainText(failed ?? 'it does not answer')}`);
    }
    const thread = new ModuleThread(file, options, worker, { name, percent }, ready === 'batch');
    // Handles errors between two calls (thrown by a timer, say): an unhandled one would end the whole process.
    worker
      .on('error', (error) => (thread.ended ??= thrown(error)))
      .on('exit', () => (thread.ended ??= 'its thread ended'));
    return thread;
  }

  /**
   * The module's values of these rows, unchecked.
   *
   * @throws UserError that names the first row's prompt if the module throws, does not answer in time, or gives no list
   *   of as many values
   */
  async valuesOf(rows: readonly RewardInput[]): Promise<unknown[]> {
    const { what } = this.options;
    const { values, failed } = await this.ask(rows);
    const [{ prompt }] = rows;
    if (failed !== undefined)
      throw new UserError(
        `${what} ${this.file} failed at the response to ${promptExcerpt(prompt)}: ${plainText(failed)}`,
      );
    if (Array.isArray(values) && values.length === rows.length) return values as unknown[];
    const count = Array.isArray(values) ? `${values.length} values` : typeof values;
    throw new UserError(
      `${what} ${this.file} gave ${count} for ${rows.length} responses from ${promptExcerpt(prompt)} on; expected an array of as many numbers`,
    );
  }

  private ask(rows: readonly RewardInput[]): Promise<Answer> {
    if (this.ended !== null) return Promise.resolve({ failed: this.ended });
    const pending = answerOf(this.worker, this.options);
    this.worker.postMessage(rows);
    return pending;
  }

  dispose(): void {
    void this.worker.terminate();
  }
}

/** The thread's next message. If none arrives in time, terminates the thread and returns that as the failure. */
function answerOf(worker: Worker, { timeoutSeconds, timeoutKey }: ModuleOptions): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      worker.off('message', finish).off('error', onError).off('exit', onExit);
      resolve(answer);
    };
    const onError = (error: unknown) => finish({ failed: thrown(error) });
    const onExit = () => finish({ failed: 'its thread ended' });
    const timer = setTimeout(() => {
      void worker.terminate();
      finish({ failed: `it did not answer within ${timeoutSeconds} s (${timeoutKey})` });
    }, timeoutSeconds * 1000);
    worker.on('message', finish).on('error', onError).on('exit', onExit);
  });
}

function thrown(error: unknown): string {
  return `it threw: ${messageOf(error)}`;
}
