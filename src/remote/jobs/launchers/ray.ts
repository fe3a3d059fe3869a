/**
 * Launcher `ray`: the Jobs REST API of a Ray cluster. The submission id is the attempt's name, and Ray refuses a second
 * job with the same id. Repeated submissions are therefore harmless, so the engine submits directly.
 */
import http from 'node:http';
import https from 'node:https';
import { UserError, messageOf } from '../../../core/errors.js';
import { bodyOf } from '../../../io/http.js';
import { parseJson } from '../../../core/limits.js';
import { writeFileAtomic } from '../../../io/durable.js';
import { changedAt, jobFile } from '../contract.js';
import { remotePath } from '../../names.js';
import {
  type Attempt,
  type Launcher,
  type SchedulerEnd,
  type SchedulerState,
  type Submission,
  attemptFile,
  attemptName,
  scriptOf,
  stateOf,
} from './launcher.js';
import { plainText } from '../../../core/sanitize.js';
import { shellQuote } from '../../../core/shell.js';

const REQUEST_MS = 30_000;
/** Seconds between Ray's SIGTERM and its SIGKILL. */
const STOP_SECONDS = 60;
/**
 * Milliseconds after which a job that was stopped before it started counts as ended, because Ray lists it as PENDING
 * for minutes.
 */
const STOPPED_MS = 15_000;
/** Most bytes read of an answer: a failed job's message contains 20,000 characters of its log. */
const MOST = 2 ** 20;

export const rayLauncher: Launcher = {
  // `submission` sends the request, and repeats it if it did not arrive.
  submit: () => Promise.resolve(),

  async submission(attempt, look): Promise<Submission> {
    const id = attemptName(attempt);
    const known = await ask(attempt, 'GET', `${id}`);
    if (known.status === 200) return { state: 'submitted', job: id };
    if (known.status !== 404) return { state: 'pending', reason: known.said };
    if (look) return { state: 'lost', message: `Ray at ${attempt.config.ray} has no job ${id}` };
    const { dir, config } = attempt;
    const at = (file: string) => shellQuote(remotePath(file, config.paths));
    const answer = await ask(attempt, 'POST', '', {
      submission_id: id,
      entrypoint: `bash ${at(scriptOf(attempt))} >> ${at(jobFile(dir, 'log'))} 2>&1`,
      // Ray's default of 3 s is too short to write a checkpoint.
      runtime_env: { env_vars: { RAY_JOB_STOP_WAIT_TIME_S: String(STOP_SECONDS) } },
      ...(config.ray_gpus > 0 ? { entrypoint_num_gpus: config.ray_gpus } : {}),
    });
    if (answer.status === 200) return { state: 'submitted', job: id };
    if (answer.status === null || answer.status >= 500) {
      // This request may have arrived before, or that of an engine that was killed.
      if (/already exists/i.test(answer.text)) return { state: 'submitted', job: id };
      return { state: 'pending', reason: answer.said };
    }
    return { state: 'refused', message: `Ray at ${config.ray} refused the job: ${answer.said}` };
  },

  // Every request is either answered or repeated, so there is never a pending one to prevent.
  withhold: () => false,

  async status(attempt, job): Promise<SchedulerState> {
    const answer = await ask(attempt, 'GET', job);
    if (answer.status === 404) return stateOf('gone');
    if (answer.status !== 200) return stateOf('unknown', answer.said);
    const { status, message, driver_exit_code: exit } = answer.body;
    const said = typeof message === 'string' ? plainText(message).trim() : '';
    switch (status) {
      case 'PENDING': {
        const stopped = changedAt(attemptFile(attempt, 'stopped'));
        if (stopped === null) return stateOf('queued', said === '' ? null : said.slice(0, 300));
        // If the job should still start, it finds no script.
        if (Date.now() - stopped > STOPPED_MS) return stateOf('gone');
        return stateOf('queued', 'Ray was told to stop it and still lists it as pending');
      }
      case 'RUNNING':
        return stateOf('running');
      case 'STOPPED':
      case 'SUCCEEDED':
      case 'FAILED':
        return { ...stateOf('ended'), end: endOf(status, said, exit) };
      default:
        return stateOf('unknown', `Ray reports the state ${plainText(JSON.stringify(status) ?? 'none').slice(0, 80)}`);
    }
  },

  async cancel(attempt, job) {
    const answer = await ask(attempt, 'POST', `${job}/stop`);
    if (answer.status !== 200 && answer.status !== 404)
      throw new UserError(`Ray at ${attempt.config.ray} did not stop job ${job}: ${answer.said}`);
    const stopped = attemptFile(attempt, 'stopped');
    if (changedAt(stopped) === null) writeFileAtomic(stopped, '');
  },
};

/** Parses messages such as "Job entrypoint command failed with exit code 137, last available logs …". */
function endOf(status: 'STOPPED' | 'SUCCEEDED' | 'FAILED', said: string, exit: unknown): SchedulerEnd {
  const code = typeof exit === 'number' ? exit : Number(/exit code (-?\d+)/.exec(said)?.[1] ?? NaN);
  const known = Number.isInteger(code) ? code : status === 'SUCCEEDED' ? 0 : null;
  const lost = status === 'FAILED' && known === null && /actor died/i.test(said);
  const signal = known === null ? null : known < 0 ? -known : known > 128 ? known - 128 : null;
  return {
    cause: status === 'STOPPED' ? 'cancelled' : lost ? 'node failure' : null,
    code: known,
    signal,
    word: said === '' || known !== null ? status : `${status}: ${said.slice(0, 300)}`,
  };
}

interface Answer {
  /** null: no answer. */
  status: number | null;
  body: Record<string, unknown>;
  text: string;
  /** One line that says what went wrong. */
  said: string;
}

async function ask({ config }: Attempt, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  const url = `${config.ray.replace(/\/+$/, '')}/api/jobs/${path}`;
  try {
    const { status, text } = await send(new URL(url), method, body === undefined ? null : JSON.stringify(body));
    const json = jsonObject(text);
    if (status === 200 && json === null)
      return {
        status: null,
        body: {},
        text,
        said: `${config.ray} answers with something that is not JSON; expected the Jobs API of Ray`,
      };
    return { status, body: json ?? {}, text, said: `HTTP ${status}: ${lastLine(text)}` };
  } catch (error) {
    return { status: null, body: {}, text: '', said: `Ray at ${config.ray} does not answer (${messageOf(error)})` };
  }
}

/**
 * Does not use `fetch`: its header sec-fetch-mode makes Ray's dashboard treat it as a browser, which may not send POST.
 */
async function send(url: URL, method: string, body: string | null): Promise<{ status: number; text: string }> {
  const { request } = url.protocol === 'https:' ? https : http;
  const headers = body === null ? {} : { 'content-type': 'application/json' };
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const sent = request(url, { method, headers, signal: AbortSignal.timeout(REQUEST_MS) }, resolve);
    sent.once('error', reject);
    sent.end(body ?? undefined);
  });
  return { status: response.statusCode ?? 0, text: await bodyOf(response, MOST) };
}

function jsonObject(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/**
 * The last line with a letter: a traceback ends with the error, and errors relayed by the head end with a line of dots.
 */
function lastLine(text: string): string {
  const line = text.split('\n').findLast((each) => /\p{L}/u.test(each));
  return plainText(line ?? '')
    .trim()
    .slice(0, 400);
}
