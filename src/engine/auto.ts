/** The unattended client: takes a run through its rounds as a person would, with settings given beforehand. */
import type { RoundSettings, RoundState } from '../store/rounds.js';
import { UserError, messageOf } from '../errors.js';
import { type EngineClient, connect } from './client.js';
import { startEngine } from './launch.js';
import type { EngineEvent } from './protocol.js';

export interface AutoOptions {
  /** Rounds that the run is to have in all: a run that has some goes on from there. */
  rounds: number;
  /** For every round from here on. */
  settings: Partial<RoundSettings>;
  onEvent?(event: EngineEvent): void;
  /** Ends waiting; the engine goes on. */
  signal?: AbortSignal;
}

/**
 * Resolves when all rounds are done; the engine is then shut down.
 *
 * @returns the finished rounds, the base as round 0
 * @throws UserError with the sentence of the stage that failed
 */
export async function drive(runDir: string, options: AutoOptions): Promise<RoundState[]> {
  for (let attempt = 0; ; attempt++) {
    await startEngine(runDir);
    const client = await connect(runDir);
    try {
      const rounds = await follow(client, options);
      await client.send({ type: 'shutdown' });
      return rounds;
    } catch (error) {
      // An engine that was just ending is given the time to end; then another takes its place.
      if (error instanceof EngineEnding && attempt < ENDING_TRIES) {
        await new Promise((resolve) => setTimeout(resolve, ENDING_MS));
        continue;
      }
      // A failure is told; what was computed is kept, and the next start goes on.
      if (error instanceof StageProblem) await client.send({ type: 'shutdown' }).catch(() => {});
      throw error;
    } finally {
      client.close();
    }
  }
}

const ENDING_TRIES = 20;
const ENDING_MS = 100;

class EngineEnding extends UserError {}

class StageProblem extends UserError {}

function follow(client: EngineClient, options: AutoOptions): Promise<RoundState[]> {
  return new Promise((resolve, reject) => {
    const rounds = new Map<number, RoundState>();
    let attached = false;
    let retried = false;
    let asked = '';
    options.signal?.addEventListener('abort', () => reject(new UserError('interrupted; the engine goes on')));
    const act = (round: RoundState) => {
      rounds.set(round.id, round);
      // Events repeat a state: each is answered once.
      const key = `${round.id} ${round.stage}`;
      if (key === asked || round.id === 0) return;
      asked = key;
      if (round.stage === 'review') {
        void client
          .send({ type: 'set', settings: options.settings })
          .then(() => client.send({ type: 'launch' }))
          .catch(reject);
      } else if (round.stage === 'done') {
        if (round.id >= options.rounds) resolve([...rounds.values()].sort((a, b) => a.id - b.id));
        else client.send({ type: 'next-round', settings: options.settings }).catch(reject);
      }
    };
    client.on((event) => {
      options.onEvent?.(event);
      if (event.type === 'snapshot') {
        attached = true;
        const { rounds: known, current, engine } = event.snapshot;
        for (const round of known) rounds.set(round.id, round);
        // An engine that was left with a failure gets one more try.
        if (engine.problem !== null && !retried) {
          retried = true;
          client.send({ type: 'retry' }).catch(reject);
        }
        const now = known.find(({ id }) => id === current);
        if (now !== undefined) act(now);
      } else if (event.type === 'round') act(event.round);
      else if (event.type === 'problem') reject(new StageProblem(event.message));
      else if (event.type === 'bye') reject(attached ? new UserError(event.reason) : new EngineEnding(event.reason));
    });
    client
      .send({ type: 'attach', client: 'auto' })
      .catch((error: unknown) => reject(attached ? error : new EngineEnding(messageOf(error))));
  });
}
