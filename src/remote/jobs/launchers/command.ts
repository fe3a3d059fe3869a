/** Launcher `command`: submits, watches and cancels a job with the user's shell commands, for any scheduler. */
import { UserError } from '../../../core/errors.js';
import {
  type Attempt,
  type Launcher,
  type SchedulerState,
  type Submission,
  attemptName,
  readSubmission,
  runProgram,
  scriptOf,
  startSubmission,
  stateOf,
  takeLock,
} from './launcher.js';
import { remotePath } from '../../names.js';
import { plainText } from '../../../core/sanitize.js';
import { shellQuote } from '../../../core/shell.js';

export const commandLauncher: Launcher = {
  submit: (attempt) => startSubmission(attempt, filled('submit', attempt, null)),

  async submission(attempt): Promise<Submission> {
    const result = readSubmission(attempt);
    if (result === 'pending') return { state: 'pending', reason: null };
    if (result === 'interrupted')
      return {
        state: 'lost',
        message: `the submit command was killed before it ended, and whether ${attemptName(attempt)} was submitted cannot be found out; see that no such job runs`,
      };
    if (result.rc !== 0)
      return { state: 'refused', message: `the submit command failed: ${result.err || `exit code ${result.rc}`}` };
    const job = plainText(result.out.trim().split('\n').at(-1) ?? '').trim();
    if (job === '' || job.length > 500)
      return { state: 'refused', message: 'the submit command printed no id; expected one as its last line' };
    return { state: 'submitted', job };
  },

  withhold: takeLock,

  async status(attempt, job): Promise<SchedulerState> {
    const { code, out, err } = await runProgram('/bin/sh', ['-c', filled('status', attempt, job)], attempt.dir);
    if (code !== 0) return stateOf('unknown', `the status command failed: ${err || `exit code ${code}`}`);
    const [word, ...rest] = plainText(out).trim().split(/\s+/);
    const reason = rest.join(' ').slice(0, 300);
    switch (word) {
      case 'queued':
        return stateOf('queued', reason === '' ? null : reason);
      case 'running':
        return stateOf('running');
      case 'done':
      case 'failed':
        return {
          ...stateOf('ended'),
          end: { cause: null, code: word === 'done' ? 0 : null, signal: null, word: reason === '' ? word : reason },
        };
      default:
        return stateOf(
          'unknown',
          `the status command printed "${word.slice(0, 80)}"; expected queued, running, done or failed`,
        );
    }
  },

  async cancel(attempt, job) {
    const { code, err } = await runProgram('/bin/sh', ['-c', filled('cancel', attempt, job)], attempt.dir);
    if (code !== 0) throw new UserError(`the cancel command failed: ${err || `exit code ${code}`}`);
  },
};

/** A template with its placeholders replaced by quoted words. @throws UserError if the template is not set */
function filled(name: 'submit' | 'status' | 'cancel', attempt: Attempt, job: string | null): string {
  const template = attempt.config[name];
  if (template === null)
    throw new UserError(`update.job.${name} is missing; the command launcher needs submit, status and cancel`);
  const words: Record<string, string> = {
    script: remotePath(scriptOf(attempt), attempt.config.paths),
    dir: remotePath(attempt.dir, attempt.config.paths),
    name: attemptName(attempt),
    ...(job === null ? {} : { id: job }),
  };
  return template.replaceAll(/\{(script|dir|name|id)\}/g, (all, word: string) =>
    Object.hasOwn(words, word) ? shellQuote(words[word]) : all,
  );
}
