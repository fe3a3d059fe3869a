/**
 * Runs the form's checks in separate processes: whatever a reward, a tokenizer or a backend does there, the screen
 * keeps working, and ending the process ends the work.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../core/errors.js';
import type { Measurement, TaskAsk, TaskName, Tasks } from '../../core/form/facts.js';

/** Messages of the process: partial answers, then the final answer or an error. */
export type TaskMessage =
  | { type: 'part'; known: Measurement; doing: string }
  | { type: 'done'; answer: unknown }
  | { type: 'failed'; message: string };

/** Seconds after which a task is ended. */
const limits: Record<TaskName, number> = {
  ...{ model: 30, prompts: 60, reward: 30, preferences: 120, measure: 300 },
  ...{ endpoints: 30, environment: 240 },
  ...{ machine: 60, folder: 30, python: 240 },
};

export interface TaskHooks {
  signal: AbortSignal;
  part?(known: Measurement, doing: string): void;
}

/** @throws UserError with the task's own message, or that it timed out or exited; AbortError if it was aborted */
export function runTask<N extends TaskName>(ask: TaskAsk<N>, hooks: TaskHooks): Promise<Tasks[N]['answer']> {
  const name: TaskName = ask.task;
  const child = fork(fileURLToPath(new URL('./taskProcess.js', import.meta.url)), [], {
    // Output of a reward must not mix with the screen.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'json',
  });
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(late);
      hooks.signal.removeEventListener('abort', aborted);
      child.removeAllListeners();
      child.kill('SIGKILL');
      settle();
    };
    const aborted = (): void => end(() => reject(new DOMException('called off', 'AbortError')));
    const late = setTimeout(
      () => end(() => reject(new UserError(`no answer within ${limits[name]} s; it was ended`))),
      limits[name] * 1000,
    );
    hooks.signal.addEventListener('abort', aborted);
    child.on('message', (message: TaskMessage) => {
      if (message.type === 'part') hooks.part?.(message.known, message.doing);
      else if (message.type === 'done') end(() => resolve(message.answer as Tasks[N]['answer']));
      else end(() => reject(new UserError(message.message)));
    });
    child.on('error', (cause) =>
      end(() => reject(new UserError(`it could not be started: ${cause.message}`, { cause }))),
    );
    child.on('exit', (code, by) =>
      end(() =>
        reject(
          new UserError(
            `its process ended unexpectedly (${by ?? `exit code ${String(code)}`}); memory may have run out`,
          ),
        ),
      ),
    );
    if (hooks.signal.aborted) aborted();
    else child.send(ask);
  });
}
