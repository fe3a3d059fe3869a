/** The engine's worker thread: loads the backend and runs stages; the engine steers it through shared memory. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../core/config/schema.js';
import { type Control, Suspended } from '../core/control.js';
import { UserError, messageOf } from '../core/errors.js';
import { permissionIn } from '../io/trust.js';
import { configOf, promptCounts, rewardSpecs } from '../core/config/rounds.js';
import type { Work } from '../run/stages/context.js';
import { ModelShelf } from '../run/stages/models.js';
import { work } from '../run/stages/work.js';
import { checkLock } from '../io/lock.js';
import { releaseMemory, useBackend } from '../tensor/backend.js';
import { isDeviceLost } from '../tensor/memory.js';
import { type ComputeOptions, type WorkMessage, type WorkRequest, signal, words } from './compute.js';
import { log } from '../io/print.js';
import { judgeCacheFile, runFiles } from '../core/runFiles.js';

if (parentPort === null) throw new Error('worker.ts runs as a worker thread only');
const port = parentPort;
const { config, directory, lock, word } = workerData as ComputeOptions & { word: Int32Array };
const say = (message: WorkMessage) => port.postMessage(message);

/** Milliseconds between checks while paused. */
const PAUSE_MS = 20;

const steering = () => Atomics.load(word, words.steering);

const control: Control = {
  async point() {
    // Yields to messages: a thread that only computes would never read them.
    await new Promise((resolve) => setImmediate(resolve));
    // Polls instead of Atomics.wait: while paused, server answers still arrive and their time-outs run.
    while (steering() === signal.pause) await delay(PAUSE_MS);
    // Checks the lock here, as rows are written between these points.
    if (lock !== undefined) checkLock(lock);
    switch (steering()) {
      case signal.suspend:
        throw new Suspended();
      case signal.stop:
        return 'stop';
      case signal.abort:
        return 'abort';
      default:
        return 'go';
    }
  },
};

/** Loads the backend with the first model: stages computed by servers and jobs need none. */
const prepare = async (): Promise<void> => {
  const { name } = await useBackend(config.backend, config.threads, config.precision);
  say({ type: 'backend', name });
};

const permission = permissionIn(directory);
const models = new ModelShelf(permission, prepare, { file: path.join(directory, judgeCacheFile), place: 'run' });
const files = runFiles(directory, config);

async function handle({ id, stage, task: { round, branch, stopAfter, again } }: WorkRequest): Promise<void> {
  try {
    const merged = configOf(config, round);
    if (isRemote(stage, merged)) say({ type: 'backend', name: stage === 'update' ? 'job' : 'servers' });
    const all = merged.sampling.samples_per_prompt;
    const result = await work[stage]({
      config: merged,
      files,
      models,
      round,
      promptCounts: promptCounts(config, branch),
      rewardSpecs: rewardSpecs(config, branch),
      control,
      stopAfter,
      again,
      permission,
      enough: () => Atomics.load(word, words.enough) || all,
      report: (report) => say({ type: 'report', report }),
    });
    releaseMemory();
    say({ type: 'done', id, result });
  } catch (error) {
    // Anything but a UserError is a bug: its stack goes to engine.log.
    if (!(error instanceof UserError || error instanceof Suspended)) log(error);
    say({ type: 'failed', id, message: messageOf(error), lost: isDeviceLost() });
  }
}

/** Whether another machine computes the stage. If a model is loaded here anyway, that load names the backend. */
function isRemote(stage: Work, { sampling, update }: Config): boolean {
  return stage === 'update' ? update.job !== null : sampling.server !== null;
}

port.on('message', (request: WorkRequest) => void handle(request));
