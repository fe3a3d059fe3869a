/**
 * A reward from a user's JavaScript module: `export function score({prompt, response})`, sync or async, or `export
 * function scoreBatch(rows)`. It runs in its own thread, so that a module that never returns can be terminated.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RewardOptions } from '../core/config/schema.js';
import { UserError, messageOf } from '../core/errors.js';
import { finiteReward, promptExcerpt, type Reward, type RewardHooks, type RewardInput } from './types.js';
import { printForeign } from '../io/print.js';
import { plainText } from '../core/sanitize.js';
import type { Permission } from '../core/trust.js';

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
        parentPort.postMessage({ rewards: await scoreBatch(rows) });
        return;
      }
      const rewards = [];
      for (const row of rows) rewards.push(await score(row));
      parentPort.postMessage({ rewards });
    } catch (error) {
      parentPort.postMessage({ failed: 'it threw: ' + say(error) });
    }
  });
  parentPort.postMessage({ ready: typeof scoreBatch === 'function' ? 'batch' : 'single' });
}, (error) => parentPort.postMessage({ failed: 'it cannot be loaded: ' + say(error) }));
`;

interface Answer {
  ready?: 'batch' | 'single';
  rewards?: unknown;
  failed?: string;
}

export async function openModuleReward(file: string, options: RewardOptions, permission: Permission): Promise<Reward> {
  if (!existsSync(file)) throw new UserError(`reward module ${file} does not exist`);
  permission({ kind: 'module', file });
  return ModuleReward.start(file, options);
}

class ModuleReward implements Reward {
  readonly spec: string;
  /** Why the thread no longer answers; null while it does. */
  private ended: string | null = null;

  private constructor(
    private readonly file: string,
    private readonly options: RewardOptions,
    private readonly worker: Worker,
    private batch = 1,
  ) {
    this.spec = `module:${file}`;
    // Handles errors between two calls (thrown by a timer, say): an unhandled one would end the whole process.
    worker.on('error', (error) => (this.ended ??= thrown(error))).on('exit', () => (this.ended ??= 'its thread ended'));
  }

  static async start(file: string, options: RewardOptions): Promise<ModuleReward> {
    const worker = new Worker(threadSource, {
      eval: true,
      stdout: true,
      stderr: true,
      workerData: { url: pathToFileURL(path.resolve(file)).href },
    });
    // Standard output carries data: the module's prints would mix with the rows.
    printForeign(worker.stdout);
    printForeign(worker.stderr);
    const reward = new ModuleReward(file, options, worker);
    const answer = await answerOf(worker, options.timeout_seconds);
    if (answer.ready === undefined) {
      await worker.terminate();
      throw new UserError(`reward module ${file} cannot be used: ${plainText(answer.failed ?? 'it does not answer')}`);
    }
    if (answer.ready === 'batch') reward.batch = options.batch_size;
    return reward;
  }

  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    for (let start = 0; start < inputs.length; start += this.batch) {
      const verdict = (await hooks.control?.point()) ?? 'go';
      if (verdict !== 'go') return;
      const rows = inputs.slice(start, start + this.batch);
      const { rewards, failed } = await this.ask(rows);
      if (failed !== undefined)
        throw new UserError(
          `reward module ${this.file} failed at the response to ${promptExcerpt(rows[0].prompt)}: ${plainText(failed)}`,
        );
      if (!Array.isArray(rewards) || rewards.length !== rows.length) {
        const count = Array.isArray(rewards) ? `${rewards.length} rewards` : typeof rewards;
        throw new UserError(
          `reward module ${this.file} gave ${count} for ${rows.length} responses from ${promptExcerpt(rows[0].prompt)} on; expected an array of as many numbers`,
        );
      }
      rows.forEach((row, i) => hooks.onReward(start + i, finiteReward(rewards[i], this.spec, row)));
    }
  }

  private ask(rows: RewardInput[]): Promise<Answer> {
    if (this.ended !== null) return Promise.resolve({ failed: this.ended });
    const pending = answerOf(this.worker, this.options.timeout_seconds);
    this.worker.postMessage(rows);
    return pending;
  }

  dispose(): void {
    void this.worker.terminate();
  }
}

/** The thread's next message. If none arrives in time, terminates the thread and returns that as the failure. */
function answerOf(worker: Worker, timeoutSeconds: number): Promise<Answer> {
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
      finish({ failed: `it did not answer within ${timeoutSeconds} s (rewards.timeout_seconds)` });
    }, timeoutSeconds * 1000);
    worker.on('message', finish).on('error', onError).on('exit', onExit);
  });
}

function thrown(error: unknown): string {
  return `it threw: ${messageOf(error)}`;
}
