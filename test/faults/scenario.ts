/**
 * A person's way through a run, as a script that goes on whatever happens to the engine: a round with decisions, a name,
 * settings, an update that is aborted and launched again; then a second round whose update is stopped. What the engine
 * has acknowledged is remembered, and each engine that comes after must know it.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type * as ClientModule from '../../src/protocol/client.js';
import type { EngineClient } from '../../src/protocol/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { DecisionView, EngineCommand, EngineEvent, RoundState, Snapshot } from '../../src/protocol/messages.js';
import { lockHolder } from '../../src/io/lock.js';
import { contentsOf, dist, quickRun } from '../engine/runs.js';

const { attachEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;
const { EngineGone } = (await import(`${dist}protocol/client.js`)) as typeof ClientModule;

/** A run of seconds. */
export function tinyRun(folder: string): string {
  return quickRun(folder, {
    sampling: { samples_per_prompt: 2, max_new_tokens: 6, batch_size: 8, temperature: 2, prompts_per_round: 6 },
    update: { lr: 1e-3, batch_size: 2, epochs: 2, checkpoint_seconds: 0 },
    evaluation: { probes: 1 },
  } as never);
}

type Decide = Extract<EngineCommand, { type: 'decide' }>;

/** One step of the script: where it belongs, what is sent, and how a later engine shows that it was acknowledged. */
interface Step {
  name: string;
  round: number;
  /** At this stage the command is sent. `launched`: as soon as the update has taken a step. */
  at: 'review' | 'update' | 'done';
  command(state: Seen): EngineCommand;
  /** Whether the run shows it; asked until another step undoes it. */
  shows(state: Seen): boolean;
  /** The name of the step after which it need not show any longer. */
  until?: string;
}

/** What a client knows of the run. */
export interface Seen {
  rounds: Map<number, RoundState>;
  current: number;
  decisions: DecisionView;
  review: Snapshot['review'];
}

const round = (state: Seen, id: number) => state.rounds.get(id);
/** A stop that comes after the last step has been taken changes nothing. */
const isStopped = (state: RoundState | undefined): boolean =>
  state?.stopped_early === true || (state?.steps ?? 0) === 2 * Math.ceil((state?.pairs ?? NaN) / 2);

const rulingOf = (state: Seen, prompt: number) =>
  state.decisions.decisions.find(({ prompt_index }) => prompt_index === prompt)?.ruling ?? null;
const promptOf = (state: Seen, position: number) => state.review[position].prompt_index;

function decision(name: string, position: number, ruling: Decide['ruling'], until?: string): Step {
  return {
    name,
    round: 1,
    at: 'review',
    command: (state) => ({ type: 'decide', prompt_index: promptOf(state, position), ruling }),
    // Later rounds show their own decisions.
    shows: (state) => state.current !== 1 || rulingOf(state, promptOf(state, position))?.kind === ruling?.kind,
    until,
  };
}

export const script: readonly Step[] = [
  decision('exclude', 0, { kind: 'exclude' }),
  decision('tie', 1, { kind: 'tie' }, 'clear'),
  decision('clear', 1, null),
  decision('swap', 2, { kind: 'pair', chosen: 0, rejected: 1 }),
  {
    name: 'name',
    round: 1,
    at: 'review',
    command: () => ({ type: 'name-round', round: 1, name: 'first try', note: '' }),
    shows: (state) => round(state, 1)?.name === 'first try',
  },
  {
    name: 'set',
    round: 1,
    at: 'review',
    command: () => ({ type: 'set', settings: { alpha: 0.02 } }),
    shows: (state) => round(state, 1)?.settings.alpha === 0.02,
    until: 'set again',
  },
  {
    name: 'launch',
    round: 1,
    at: 'review',
    command: () => ({ type: 'launch' }),
    shows: (state) => round(state, 1)?.stage !== 'review',
    until: 'abort',
  },
  {
    name: 'abort',
    round: 1,
    at: 'update',
    command: () => ({ type: 'abort' }),
    // It may not have come to its end: then the next engine still has to carry it out. It must never be evaluated.
    shows: (state) => ['review', 'update'].includes(round(state, 1)?.stage ?? ''),
    until: 'launch again',
  },
  {
    name: 'set again',
    round: 1,
    at: 'review',
    command: () => ({ type: 'set', settings: { alpha: 0.03 } }),
    shows: (state) => round(state, 1)?.settings.alpha === 0.03,
  },
  {
    name: 'launch again',
    round: 1,
    at: 'review',
    command: () => ({ type: 'launch' }),
    shows: (state) => round(state, 1)?.stage !== 'review',
  },
  {
    name: 'next round',
    round: 1,
    at: 'done',
    command: () => ({ type: 'next-round' }),
    shows: (state) => state.rounds.has(2),
  },
  {
    name: 'launch second',
    round: 2,
    at: 'review',
    command: () => ({ type: 'launch' }),
    shows: (state) => round(state, 2)?.stage !== 'review',
  },
  {
    name: 'stop',
    round: 2,
    at: 'update',
    command: () => ({ type: 'stop' }),
    shows: (state) => round(state, 2)?.stage !== 'done' || isStopped(round(state, 2)),
  },
];

/** What a person has done so far; outlives engines. */
export interface Progress {
  /** Steps that were acknowledged, or seen to have had their effect. */
  done: number;
  acknowledged: { name: string; at: bigint }[];
  /** A round that finished before the command that was to end its update early was acknowledged. */
  missed: string[];
  /** Refusals by a disk that was full, or failed. */
  failures: string[];
}

export const atStart = (): Progress => ({ done: 0, acknowledged: [], missed: [], failures: [] });

export interface PlayOptions {
  /** Given to the first engine: see shim.cjs. */
  fault?: { mode: string; thread?: 'main' | 'worker'; n?: number };
  log?: string;
  /** Called at each event of each engine. */
  onEvent?(event: EngineEvent): void;
  /** How many engines it may take. */
  engines?: number;
}

const shim = new URL('shim.cjs', import.meta.url).pathname;
const MAX_ENGINES = 20;

/**
 * Plays the script to its end over as many engines as it takes. @returns how many engines there were
 */
export async function play(run: string, progress: Progress, options: PlayOptions = {}): Promise<number> {
  for (let engines = 1; engines <= (options.engines ?? MAX_ENGINES); engines++) {
    const faulty = engines === 1 && options.fault !== undefined;
    if (faulty) setFault(run, { log: options.log, ...options.fault });
    try {
      if (await playOn(run, progress, options)) return engines;
    } finally {
      if (faulty) setFault(run, null);
    }
  }
  throw new Error(`the script was not finished by that many engines`);
}

/** Runs whose next engine gets a fault. */
const faults = new Map<string, object>();

/** Engines inherit the environment whenever they are started, which is some time after this. */
function setFault(run: string, fault: object | null): void {
  if (fault === null) faults.delete(run);
  else faults.set(run, fault);
  process.env.BREVITY_FAULTS_OF = JSON.stringify(Object.fromEntries(faults));
  process.env.NODE_OPTIONS = `--require ${shim}`;
}

/** With one engine. @returns whether the script is at its end; false if the engine has ended */
async function playOn(run: string, progress: Progress, options: PlayOptions): Promise<boolean> {
  let client: EngineClient | null = null;
  const player = new Player(progress, options);
  try {
    await attachEngine(
      run,
      'auto',
      (used) => {
        client = used;
        player.client = used;
      },
      (event) => {
        options.onEvent?.(event);
        player.take(event);
      },
    );
    return await player.finished;
  } catch (error) {
    // It may have been killed, or its disk full, before it listened.
    const failed = options.log !== undefined && existsSync(`${options.log}.failed`);
    const message = error instanceof Error ? error.message : String(error);
    if (failed && !progress.failures.includes(message)) {
      progress.failures.push(message);
      writeFileSync(`${options.log}.freed`, '');
      return false;
    }
    // Killed before it listened.
    if (message.includes('it was ended by SIGKILL')) return false;
    throw error;
  } finally {
    (client as EngineClient | null)?.close();
  }
}

class Player {
  client: EngineClient | null = null;
  private readonly state: Seen = { rounds: new Map(), current: 0, decisions: undefined as never, review: [] };
  private busy = false;
  /** Steps of the update that is under way. */
  private steps = false;
  private settle: { resolve(finished: boolean): void; reject(error: unknown): void } | null = null;
  readonly finished = new Promise<boolean>((resolve, reject) => (this.settle = { resolve, reject }));

  constructor(
    private readonly progress: Progress,
    private readonly options: PlayOptions,
  ) {
    this.finished.catch(() => {});
  }

  take(event: EngineEvent): void {
    const { state } = this;
    switch (event.type) {
      case 'snapshot':
        state.rounds = new Map(event.snapshot.rounds.map((each) => [each.id, each]));
        state.current = event.snapshot.current;
        state.decisions = event.snapshot.decisions;
        state.review = event.snapshot.review;
        try {
          checkAcknowledged(this.progress, state);
        } catch (error) {
          this.settle?.reject(error);
          return;
        }
        if (event.snapshot.engine.problem !== null) this.failed(event.snapshot.engine.problem);
        break;
      case 'round':
        state.rounds.set(event.round.id, event.round);
        state.current = event.round.id;
        break;
      case 'rounds':
        state.rounds = new Map(event.rounds.map((each) => [each.id, each]));
        state.current = event.current;
        break;
      case 'pairs':
        state.review = event.review;
        break;
      case 'decisions':
        state.decisions = event.decisions;
        break;
      case 'step':
        this.steps = true;
        break;
      case 'problem':
        this.failed(event.message);
        return;
      case 'bye':
        this.settle?.resolve(false);
        return;
      default:
        return;
    }
    void this.act();
  }

  private failed(message: string): void {
    this.progress.failures.push(message);
    if (this.options.log === undefined || !existsSync(`${this.options.log}.failed`)) {
      this.settle?.reject(new Error(`the engine failed although no fault was injected: ${message}`));
      return;
    }
    writeFileSync(`${this.options.log}.freed`, '');
    this.client?.send({ type: 'retry' }).catch((error: unknown) => this.notGone(error));
  }

  private notGone(error: unknown): void {
    if (!(error instanceof EngineGone)) this.settle?.reject(error);
  }

  private async act(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (;;) {
        const { progress, state } = this;
        const step = script.at(progress.done) as Step | undefined;
        if (step === undefined) {
          if (state.rounds.get(2)?.stage === 'done') this.settle?.resolve(true);
          return;
        }
        const stage = state.rounds.get(step.round)?.stage;
        if (step.at === 'review' && (stage === 'evaluate' || stage === 'done') && !step.name.startsWith('launch'))
          throw new Error(
            `${progress.acknowledged.at(-1)?.name ?? 'nothing'} was acknowledged, and lost: the update was evaluated`,
          );
        const sent = progress.acknowledged.at(-1)?.name === step.name;
        if (!sent && this.overtaken(step)) continue;
        if (stage !== step.at || (step.at === 'update' && !this.steps && !sent)) return;
        await this.send(step);
      }
    } catch (error) {
      this.notGone(error);
    } finally {
      this.busy = false;
    }
  }

  /** An engine that ended before it answered has done it all the same. */
  private overtaken(step: Step): boolean {
    const stage = this.state.rounds.get(step.round)?.stage;
    const { progress } = this;
    if (step.name.startsWith('launch') && stage !== undefined && ['update', 'evaluate', 'done'].includes(stage)) {
      progress.done++;
      return true;
    }
    if (step.name === 'next round' && this.state.rounds.has(2)) {
      progress.done++;
      return true;
    }
    if (
      step.at === 'update' &&
      (stage === 'evaluate' || stage === 'done' || (step.name === 'abort' && stage === 'review'))
    ) {
      // `abort` in review has worked; an update that came to its end first was missed.
      if (stage !== 'review') progress.missed.push(step.name);
      progress.done = step.name === 'abort' && stage !== 'review' ? indexOf('next round') : progress.done + 1;
      return true;
    }
    return false;
  }

  private async send(step: Step): Promise<void> {
    const { progress } = this;
    try {
      await this.client?.send(step.command(this.state));
    } catch (error) {
      if (error instanceof EngineGone) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (this.options.log === undefined || !existsSync(`${this.options.log}.failed`)) {
        // The update ended while the command was on its way.
        if (step.at === 'update' && /can be (stopped|aborted)/.test(message)) return;
        throw error;
      }
      progress.failures.push(message);
      writeFileSync(`${this.options.log}.freed`, '');
      return;
    }
    progress.acknowledged.push({ name: step.name, at: process.hrtime.bigint() });
    progress.done++;
    if (step.name.startsWith('launch')) this.steps = false;
  }
}

const indexOf = (name: string) => script.findIndex((step) => step.name === name);

/** All that was acknowledged must be there, unless a later step undid it or may have. */
export function checkAcknowledged(progress: Progress, state: Seen): void {
  const acknowledged = progress.acknowledged.map(({ name }) => name);
  const lost = script.filter(({ name, until, shows }) => {
    // A command that was sent may have had its effect before its reply came.
    const undone = until !== undefined && indexOf(until) <= progress.done;
    return acknowledged.includes(name) && !undone && !shows(state);
  });
  expect(
    lost.map(({ name }) => name),
    'acknowledged, and lost',
  ).toEqual([]);
}

/** What must be equal however the run came about: everything of the base and the first round. */
export function resultOf(run: string): Record<string, string> {
  const { rounds } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as { rounds: RoundState[] };
  const [, first, second] = rounds;
  const kept = ({ stage, name, settings, pairs, steps, stopped_early, decisions }: RoundState) =>
    JSON.stringify({ stage, name, settings, pairs, steps, stopped_early, decisions });
  expect(second.stage).toBe('done');
  expect(isStopped(second), 'the second update was stopped, or had taken all steps').toBe(true);
  return { ...contentsOf(run, [0, 1]), 'round 1': kept(first) };
}

/** Ends the engine of a run, if one is there. */
export async function endEngine(run: string): Promise<void> {
  const holder = lockHolder(run);
  if (holder === null) return;
  process.kill(holder.pid, 'SIGKILL');
  while (lockHolder(run) !== null) await new Promise((resolve) => setTimeout(resolve, 20));
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
