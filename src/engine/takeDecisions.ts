/** The client of `brevity merge-decisions --into`: gives the round in review decisions that were made elsewhere. */
import { UserError } from '../core/errors.js';
import type { EngineClient } from '../protocol/client.js';
import type { Snapshot } from '../protocol/messages.js';
import { Run } from '../run/run.js';
import { attachEngine } from './launch.js';

/**
 * Attaches to the run's engine, or starts one, since only the engine writes to a run. The engine is shut down again
 * unless another client is attached: a round in review loses nothing by it.
 *
 * @param file absolute path of a journal
 * @returns the round that has taken the decisions
 * @throws UserError if the round is not in review, the journal is about other samples, or a terminal drives the run
 */
export async function takeDecisions(runDir: string, file: string): Promise<{ round: number }> {
  // An engine would go on with the work of another stage.
  const run = Run.open(runDir, { recount: false });
  const { current, rounds } = run;
  if (rounds.find(({ id }) => id === current)?.stage !== 'review')
    throw new UserError(
      `round ${current} of ${runDir} is not in review, so it takes no decisions; the run was not changed`,
    );
  let client: EngineClient | null = null;
  try {
    const snapshot = await new Promise<Snapshot>((resolve, reject) => {
      attachEngine(
        runDir,
        'auto',
        (one) => (client = one),
        (event) => {
          if (event.type === 'snapshot') resolve(event.snapshot);
          else if (event.type === 'bye') reject(new UserError(`the engine of ${runDir} ended: ${event.reason}`));
        },
      ).catch(reject);
    });
    if (!snapshot.role.driving)
      throw new UserError(`a terminal drives ${runDir}; detach it (q), then take the decisions over`);
    const attached = client as EngineClient | null;
    try {
      await attached?.send({ type: 'take-decisions', file });
    } finally {
      if (snapshot.role.terminals <= 1) await attached?.send({ type: 'shutdown' }).catch(() => {});
    }
    return { round: snapshot.current };
  } finally {
    (client as EngineClient | null)?.close();
  }
}
