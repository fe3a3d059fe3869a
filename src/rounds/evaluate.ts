/** A round's answers to the held-out prompts, and its opponents', computed on this machine or on sampling servers. */
import type { ServerConfig } from '../config/schema.js';
import { pauseOnly } from '../control.js';
import type { Answers, Opponent } from '../evaluation/evaluate.js';
import { ContextFull, type ServerPool } from '../remote/servers/pool.js';
import type { WorkContext } from './context.js';
import { heldOutAnswers, logpsOnServers, logpsUnder, readAnswers } from './heldOut.js';
import { Probes } from './probes.js';
import { localSampler } from './sampling.js';
import { holdPolicy, serverSampler, withServers } from './servers.js';

/** @throws UserError if a policy cannot be loaded, or the servers cannot be used */
export async function answersOf(context: WorkContext): Promise<{ answers: Answers; opponents: Opponent[] }> {
  const { server } = context.config.sampling;
  const { answers, logps } =
    server === null
      ? await answersHere(context)
      : await withServers(context, server, (pool) => answersThere(context, pool, server));
  const opponents = opponentsOf(context).map(({ against, id }, i): Opponent => ({
    against,
    ...readAnswers(context, id),
    logps: logps[i],
  }));
  return { answers, opponents };
}

/** The policies that a round is compared with. */
function opponentsOf({ round: { id, parent } }: WorkContext): { against: string; id: number }[] {
  if (id === 0) return [];
  return [
    { against: 'round-start', id: parent ?? 0 },
    { against: 'base', id: 0 },
  ];
}

/** `logps`: of the answers, under each opponent. */
interface Evaluated {
  answers: Answers;
  logps: Opponent['logps'][];
}

async function answersHere(context: WorkContext): Promise<Evaluated> {
  const { files, round } = context;
  const model = await context.models.load(files.policyDir(round.id));
  const answers = await heldOutAnswers(localSampler(model), context);
  const logps: number[][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await logpsUnder(context, files.policyDir(id)));
  return { answers, logps };
}

/** The update's last probes are answered here, where its policy is first on the servers. */
async function answersThere(context: WorkContext, pool: ServerPool, server: ServerConfig): Promise<Evaluated> {
  const { round } = context;
  await holdPolicy(context, pool, server, round.id, [round.parent ?? 0]);
  if (round.id > 0 && round.steps !== null) {
    const control = pauseOnly(context.control);
    const probes = new Probes({ ...context, control }, serverSampler(pool), round.steps, false);
    await probes.at(round.steps, round.steps);
  }
  const answers = await heldOutAnswers(serverSampler(pool), context);
  const logps: Opponent['logps'][] = [];
  for (const { id } of opponentsOf(context)) logps.push(await opponentLogps(context, pool, server, id));
  return { answers, logps };
}

/** Known only if the servers hold the opponent beside the round's policy. */
async function opponentLogps(
  context: WorkContext,
  pool: ServerPool,
  server: ServerConfig,
  opponent: number,
): Promise<Opponent['logps']> {
  if (server.weights !== 'adapter')
    return { unknown: `the servers hold one policy at a time (sampling.server.weights is ${server.weights})` };
  await holdPolicy(context, pool, server, opponent, [context.round.id]);
  try {
    return await logpsOnServers(context, pool, opponent, pool.weights?.adapter ?? null);
  } catch (error) {
    if (!(error instanceof ContextFull)) throw error;
    return { unknown: error.message };
  }
}
