/**
 * W&B and trackio through the user's own Python: one helper process each. RUN/trackers/NAME.jsonl records which points were
 * sent, so that neither a restarted engine nor `brevity track` sends one twice. Neither package can take a point back: if
 * an update was discarded and another one follows, its points go to a new tracker run, `round-0003-2`.
 *
 * API keys come from the environment or the login of the package; none passes through here.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { messageOf, UserError } from '../../core/errors.js';
import { parseJson } from '../../core/limits.js';
import { plainText } from '../../core/sanitize.js';
import { roundsName, type TrackedPoint, type TrackedRun } from '../../core/trackers.js';
import { makeDirectory } from '../../io/durable.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { pythonCandidates } from '../preflight/python.js';
import type { Run } from '../run.js';
import { trackerProgram } from './helper.js';
import { groupOf, type Tracker } from './tracker.js';

export type PythonTrackerKind = 'wandb' | 'trackio';
export interface PythonTrackerSettings {
  project: string;
  entity?: string | null;
}

const titles: Record<PythonTrackerKind, string> = { wandb: 'W&B', trackio: 'trackio' };

/** A first `import wandb` from a network file system, or the first contact with a slow server. */
const ANSWER_MS = 180_000;
const CLOSE_MS = 60_000;
/** Points in one message. */
const AT_ONCE = 200;

const sentSchema = z.object({
  /** Project and entity. */
  target: z.string(),
  name: z.string(),
  /** 1, and one more after each discarded update. */
  part: z.int().min(1),
  /** Of the tracker run. */
  id: z.string(),
  step: z.int().min(0),
  /** Hash of the point's values. */
  key: z.string(),
});
type Sent = z.infer<typeof sentSchema>;

const answerSchema = z.object({
  error: z.string().optional(),
  problem: z.string().nullable().optional(),
  step: z.number().nullable().optional(),
});
type Answer = z.infer<typeof answerSchema>;

/**
 * Finds a Python with the package.
 *
 * @returns its path
 * @throws UserError that says which Pythons were tried, or that a login is missing
 */
export function pythonFor(kind: PythonTrackerKind, env: NodeJS.ProcessEnv = process.env): string {
  const tried: string[] = [];
  for (const program of pythonCandidates(env)) {
    const find = `import importlib.util as u, sys; sys.exit(0 if u.find_spec(${JSON.stringify(kind)}) else 3)`;
    if (spawnSync(program, ['-c', find], { env, timeout: 20_000 }).status === 0) return program;
    tried.push(program);
  }
  const where =
    tried.length === 0 ? 'no Python was found' : `${tried.join(' and ')} ${tried.length === 1 ? 'lacks' : 'lack'} it`;
  throw new UserError(
    `${titles[kind]} needs the Python package ${kind}, and ${where}; install it with pip, or set BREVITY_PYTHON to a Python that has it`,
  );
}

/** @throws UserError if the package cannot be used: it is missing, cannot be imported, or has no login */
export function checkPythonTracker(kind: PythonTrackerKind, settings: PythonTrackerSettings): void {
  const program = pythonFor(kind);
  const { stdout, stderr, status } = spawnSync(
    program,
    ['-c', trackerProgram, kind, JSON.stringify(settings), 'check'],
    { env: helperEnvironment(), encoding: 'utf8', timeout: ANSWER_MS },
  );
  const answer = parsed(stdout.trimEnd().split('\n').at(-1) ?? '');
  const problem = answer?.error ?? answer?.problem;
  if (problem !== undefined && problem !== null)
    throw new UserError(`${titles[kind]} cannot be used: ${plainText(problem)}`);
  if (status !== 0 || answer === null)
    throw new UserError(`${titles[kind]} cannot be used: ${program} gave no answer (${lastLine(stderr)})`);
}

export class PythonTracker implements Tracker {
  readonly name: string;
  private readonly file: string;
  private readonly target: string;
  private sent: Sent[] | null = null;
  private helper: Helper | null = null;
  /** Id of the tracker run that the helper has open. */
  private open = '';

  constructor(
    private readonly run: Pick<Run, 'directory'>,
    private readonly kind: PythonTrackerKind,
    private readonly settings: PythonTrackerSettings,
  ) {
    this.target = [settings.entity, settings.project].filter(Boolean).join('/');
    this.name = `${titles[kind]} (${this.target})`;
    this.file = path.join(run.directory, 'trackers', `${kind}.jsonl`);
  }

  async write(tracked: TrackedRun): Promise<void> {
    const { name, points } = tracked;
    this.sent ??= readJsonLines(this.file, sentSchema, { missing: 'empty' }).filter(
      ({ target }) => target === this.target,
    );
    const before = this.sent.filter((each) => each.name === name);
    const newest = before.at(-1);
    let part = newest?.part ?? 1;
    let id = newest?.id ?? newId();
    let old = before.filter((each) => each.part === part);
    const keys = points.map(keyOf);
    // An interrupted update repeats its last steps: they are known, and fewer than what was sent.
    if (old.some(({ key }, i) => i < keys.length && key !== keys[i])) {
      part++;
      id = newId();
      old = [];
    }
    let rest = points.slice(old.length);
    if (rest.length === 0) return;
    const last = await this.begin(tracked, part, id);
    // Sent by an engine that was killed before it recorded them.
    const unrecorded = rest.filter(({ step }) => last !== null && step <= last);
    this.record(name, part, id, unrecorded);
    rest = rest.slice(unrecorded.length);
    while (rest.length > 0) {
      const some = rest.slice(0, AT_ONCE);
      await this.ask({ points: some });
      this.record(name, part, id, some);
      rest = rest.slice(AT_ONCE);
    }
  }

  async close(): Promise<void> {
    await this.helper?.end();
    this.helper = null;
    this.open = '';
  }

  /** Opens the tracker run. @returns the last step that it has; null if it is new or was open */
  private async begin({ name, hyperparameters }: TrackedRun, part: number, id: string): Promise<number | null> {
    if (this.open === id) return null;
    const kind = name === roundsName ? 'evaluation' : 'update';
    const shown = `${groupOf(this.run)}-${name}${part === 1 ? '' : `-${part}`}`;
    const { step } = await this.ask({
      open: { id, name: shown, group: groupOf(this.run), kind, config: hyperparameters },
    });
    this.open = id;
    return step ?? null;
  }

  private record(name: string, part: number, id: string, points: readonly TrackedPoint[]): void {
    const rows = points.map((point): Sent => ({
      target: this.target,
      name,
      part,
      id,
      step: point.step,
      key: keyOf(point),
    }));
    makeDirectory(path.dirname(this.file));
    appendJsonLines(this.file, rows);
    this.sent?.push(...rows);
  }

  private async ask(message: object): Promise<Answer> {
    if (this.helper === null) {
      const dir = path.join(this.run.directory, 'trackers');
      makeDirectory(dir);
      this.helper = new Helper(pythonFor(this.kind), this.kind, { ...this.settings, dir });
      // It says that the package is imported.
      await this.answered();
    }
    this.helper.tell(message);
    return this.answered();
  }

  private async answered(): Promise<Answer> {
    const { helper } = this;
    if (helper === null) throw new Error('the helper has not begun');
    try {
      const answer = await helper.answer();
      if (answer.error === undefined) return answer;
      throw new UserError(plainText(answer.error));
    } catch (error) {
      helper.kill();
      this.helper = null;
      this.open = '';
      throw new UserError(messageOf(error), { cause: error });
    }
  }
}

/** What a repeated step has again, whatever the speed of the machine is. */
function keyOf({ step, values }: TrackedPoint): string {
  const repeated = Object.entries(values)
    .filter(([name]) => !['train/tokens_per_second', 'train/memory_mb', 'train/micro_batch'].includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([step, repeated]))
    .digest('hex')
    .slice(0, 16);
}

const newId = (): string => randomBytes(4).toString('hex');

/** One Python process. */
class Helper {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: string[] = [];
  private waiting: { resolve(line: string): void; reject(error: Error): void } | null = null;
  private errors = '';
  private readonly ended: Promise<void>;
  private over = false;

  constructor(
    private readonly program: string,
    kind: PythonTrackerKind,
    settings: object,
  ) {
    this.child = spawn(program, ['-c', trackerProgram, kind, JSON.stringify(settings)], { env: helperEnvironment() });
    this.child.stderr.on('data', (data: Buffer) => (this.errors = (this.errors + data.toString()).slice(-4000)));
    // Reported when its answer is missing.
    this.child.stdin.on('error', () => {});
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const { waiting } = this;
      this.waiting = null;
      if (waiting === null) this.lines.push(line);
      else waiting.resolve(line);
    });
    this.ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.over = true;
        this.waiting?.reject(new UserError(`${this.program} ended (${why})`));
        this.waiting = null;
        resolve();
      };
      this.child.on('error', (error) => end(messageOf(error)));
      this.child.on('close', () => end(lastLine(this.errors)));
    });
    this.child.unref();
  }

  tell(message: object): void {
    this.child.stdin.write(JSON.stringify(message) + '\n');
  }

  /** @throws UserError without one in time */
  async answer(): Promise<Answer> {
    const line = this.lines.shift() ?? (await this.next());
    const answer = parsed(line);
    if (answer === null) throw new UserError(`${this.program} answered ${JSON.stringify(line.slice(0, 100))}`);
    return answer;
  }

  private next(): Promise<string> {
    if (this.over) return Promise.reject(new UserError(`${this.program} ended (${lastLine(this.errors)})`));
    return new Promise((resolve, reject) => {
      const late = new UserError(`${this.program} gave no answer within ${ANSWER_MS / 1000} s`);
      const timer = setTimeout(() => reject(late), ANSWER_MS);
      this.waiting = {
        resolve(line) {
          clearTimeout(timer);
          resolve(line);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  /** Lets it finish its tracker run, which may have to send data. */
  async end(): Promise<void> {
    this.child.stdin.end();
    const timer = setTimeout(() => this.kill(), CLOSE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

function helperEnvironment(): NodeJS.ProcessEnv {
  // Whatever is set by the user counts. Brevity's own files keep what matters of W&B's console output.
  return { WANDB_SILENT: 'true', WANDB_CONSOLE: 'off', PYTHONDONTWRITEBYTECODE: '1', ...process.env };
}

function parsed(line: string): Answer | null {
  try {
    return answerSchema.parse(parseJson(line));
  } catch {
    return null;
  }
}

const lastLine = (text: string): string =>
  plainText(text.trim().split('\n').at(-1) ?? '').slice(-300) || 'it said nothing';
