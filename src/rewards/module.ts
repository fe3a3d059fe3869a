/**
 * A reward that is a JavaScript module of the user's: `export function score({prompt, response})`, sync or async, or
 * `export function scoreBatch(rows)`. It runs in a thread of its own, so that even one that never returns can be ended.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RewardOptions } from '../config/schema.js';
import { UserError } from '../errors.js';
import { type Reward, type RewardHooks, type RewardInput, finiteReward, promptExcerpt } from './types.js';

/** What the thread runs: JavaScript text, because a worker cannot start from TypeScript. */
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

export async function openModuleReward(file: string, options: RewardOptions): Promise<Reward> {
  if (!existsSync(file)) throw new UserError(`reward module ${file} does not exist`);
  return ModuleReward.start(file, options);
}

class ModuleReward implements Reward {
  readonly spec: string;

  private constructor(
    private readonly file: string,
    private readonly options: RewardOptions,
    private readonly worker: Worker,
    private readonly batch: number,
  ) {
    this.spec = `module:${file}`;
  }

  static async start(file: string, options: RewardOptions): Promise<ModuleReward> {
    const worker = new Worker(threadSource, {
      eval: true,
      workerData: { url: pathToFileURL(path.resolve(file)).href },
    });
    const answer = await answerOf(worker, options.timeout_seconds);
    if (answer.ready === undefined) {
      await worker.terminate();
      throw new UserError(`reward module ${file} cannot be used: ${answer.failed ?? 'it does not answer'}`);
    }
    return new ModuleReward(file, options, worker, answer.ready === 'batch' ? options.batch_size : 1);
  }

  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    for (let start = 0; start < inputs.length; start += this.batch) {
      if ((await hooks.control?.point()) === 'stop') return;
      const rows = inputs.slice(start, start + this.batch);
      const pending = answerOf(this.worker, this.options.timeout_seconds);
      this.worker.postMessage(rows);
      const { rewards, failed } = await pending;
      if (failed !== undefined)
        throw new UserError(
          `reward module ${this.file} failed at the response to ${promptExcerpt(rows[0].prompt)}: ${failed}`,
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

  dispose(): void {
    void this.worker.terminate();
  }
}

/** The thread's next message; where none comes in time the thread is ended, and it says so. */
function answerOf(worker: Worker, timeoutSeconds: number): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      worker.off('message', finish).off('error', onError).off('exit', onExit);
      resolve(answer);
    };
    const onError = (error: Error) => finish({ failed: `it threw: ${error.message}` });
    const onExit = () => finish({ failed: 'its thread ended' });
    const timer = setTimeout(() => {
      void worker.terminate();
      finish({ failed: `it did not answer within ${timeoutSeconds} s (rewards.timeout_seconds)` });
    }, timeoutSeconds * 1000);
    worker.on('message', finish).on('error', onError).on('exit', onExit);
  });
}
