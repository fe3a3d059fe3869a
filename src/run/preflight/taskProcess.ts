/**
 * The process behind tasks.ts: one task in, its answer out. It does not exit by itself, as the exit could overtake the
 * answer: the parent ends it.
 */
import { UserError, messageOf } from '../../core/errors.js';
import { checkModel, checkPrompts } from './checks.js';
import type { TaskMessage } from './tasks.js';
import type { TaskAsk } from '../../core/form/facts.js';

const say = (message: TaskMessage): Promise<void> =>
  new Promise((sent) => process.send?.(message, undefined, undefined, () => sent()) ?? sent());

async function answerTo(ask: TaskAsk): Promise<unknown> {
  switch (ask.task) {
    case 'model':
      return checkModel(ask.dir, 'causal-lm', ask.elsewhere);
    case 'prompts':
      return checkPrompts(ask.file, ask.model, ask.raw);
    case 'reward':
      return (await import('./reward.js')).tryReward(ask);
    case 'preferences':
      return (await import('./reward.js')).tryPreferences(ask);
    case 'endpoints':
      return (await import('./environment.js')).checkEndpoints(ask.urls);
    case 'environment':
      return (await import('./environment.js')).checkEnvironment(ask);
    case 'machine':
      return (await import('./machine.js')).surveyMachine(false);
    case 'folder':
      return (await import('./folder.js')).surveyFolder(ask.folder);
    case 'python':
      return (await import('./python.js')).findPython(process.env);
    case 'measure':
      return (await import('./measure.js')).measure(
        ask.config,
        (known, doing) => void say({ type: 'part', known, doing }),
      );
  }
}

async function serve(ask: TaskAsk): Promise<void> {
  try {
    await say({ type: 'done', answer: await answerTo(ask) });
  } catch (error) {
    // Anything but a UserError is a bug in Brevity or in the reward.
    const message = error instanceof UserError ? error.message : `it failed: ${messageOf(error)}`;
    await say({ type: 'failed', message });
  }
}

process.once('message', (ask: TaskAsk) => void serve(ask));
// The parent has ended.
process.once('disconnect', () => process.exit(0));
