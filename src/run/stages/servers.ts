/** A round on sampling servers: the weights that they must hold, and the records for verifying them. */
import path from 'node:path';
import { existsSync } from 'node:fs';
import type { ServerConfig } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import { type PolicyFiles, readPolicyFiles } from '../../model/policyFiles.js';
import { remoteName } from '../../remote/names.js';
import { expectPlainAdapter } from '../../remote/servers/endpoint.js';
import { ServerPool, type WantedWeights } from '../../remote/servers/pool.js';
import type { WorkContext } from './context.js';
import {
  type PolicyProbes,
  appendVerification,
  readNoise,
  readPolicyProbes,
  writePolicyProbes,
} from './policyProbes.js';
import { heldOutPrompts } from './prompts.js';
import type { Sampler } from './sample.js';
import { encodePrompts } from '../../model/prompts.js';

/** Longest held-out prompt, in tokens, that weights are compared on before any response is known. */
const MAX_PROBE = 256;

/**
 * Connects the round's servers, runs the work, and disconnects.
 *
 * @throws UserError if they cannot be used
 */
export async function withServers<T>(
  context: WorkContext,
  server: ServerConfig,
  work: (pool: ServerPool) => Promise<T>,
): Promise<T> {
  const { files, round } = context;
  const pool = await ServerPool.connect({
    server,
    policy: policyFiles(context),
    permission: context.permission,
    onViews: (servers) => context.report({ type: 'servers', servers }),
    onVerification: (endpoint, noise) => appendVerification(files, round.id, endpoint, noise),
    noiseOf: (url) => readNoise(files, [round.parent ?? 0, round.id], url),
    restartLog: path.join(files.roundDir(round.id), 'server-restart.log'),
  });
  try {
    return await work(pool);
  } finally {
    pool.close();
  }
}

/** Tokenizer, vocabulary and context of the run, read from the base, since updates change none of them. */
export function policyFiles({ files }: Pick<WorkContext, 'files'>): PolicyFiles {
  return readPolicyFiles(files.policyDir(0));
}

export function serverSampler(pool: ServerPool): Sampler {
  return {
    policy: pool.policy,
    sample: (jobs, settings, hooks, nameJob) => pool.sample(jobs, settings, hooks, nameJob),
  };
}

/**
 * Loads the policy of a round on every endpoint and verifies it.
 *
 * @param beside rounds whose adapters stay loaded
 * @throws UserError that names the endpoint and the weights that it seems to hold
 */
export async function holdPolicy(
  context: WorkContext,
  pool: ServerPool,
  server: ServerConfig,
  round: number,
  beside: readonly number[] = [],
): Promise<void> {
  const { files } = context;
  const wanted = wantedWeights(context, server, round);
  const keep = beside.map((id) => remoteName(files, id));
  const prefix = server.weights === 'adapter' ? remoteName(files, 0).replace(/r\d+$/, 'r') : null;
  const said = await pool.hold(wanted, keep, prefix);
  if (wanted.recorded !== null) return;
  // From now on other weights are detected, provided that these were right.
  writePolicyProbes(files, { round, parent: null, by: 'servers', sequences: wanted.probes, start: null, end: said });
}

/** `base policy`, `round 3`. */
export const policyName = (round: number): string => (round === 0 ? 'base policy' : `round ${round}`);

/** @throws UserError if the servers cannot get this policy in the configured way */
function wantedWeights(context: WorkContext, server: ServerConfig, round: number): WantedWeights {
  const { files } = context;
  const folder = files.policyDir(round);
  // Decided by the adapter's own files: the job may have named its base by a folder of another machine.
  const isAdapter = existsSync(path.join(folder, 'adapter_config.json'));
  if (isAdapter && server.weights !== 'adapter')
    throw new UserError(
      `the policy of ${policyName(round)} (${folder}) is a LoRA adapter, and sampling.server.weights is ${server.weights}; set it to adapter, or train all weights`,
    );
  if (isAdapter || (server.weights === 'adapter' && round > 0)) expectPlainAdapter(folder);
  const record = recordOf(context, round);
  return {
    name: policyName(round),
    before: record === null || record.parent === null ? null : policyName(record.parent),
    folder,
    adapter: adapterOf(files, round),
    served: server.weights === 'adapter' && !isAdapter,
    probes: record?.sequences ?? promptProbes(context, server.probes),
    recorded: record,
    recordedBy: record?.by ?? 'trainer',
    ...(record === null || record.parent === null ? {} : { beforeAdapter: adapterOf(files, record.parent) }),
  };
}

/** The servers' name for a round's adapter; null: its policy is full weights, or their base model. */
function adapterOf(files: WorkContext['files'], round: number): string | null {
  return existsSync(path.join(files.policyDir(round), 'adapter_config.json')) ? remoteName(files, round) : null;
}

/**
 * The records of a round's policy. Trainers record a policy when they make it, and again when they start from it; the
 * latter is how the base gets its record.
 */
function recordOf({ files, round: current }: WorkContext, round: number): PolicyProbes | null {
  const own = readPolicyProbes(files, round);
  if (own?.by === 'trainer') return own;
  for (let id = round + 1; id < current.id; id++) {
    const later = existsSync(files.roundDir(id)) ? readPolicyProbes(files, id) : null;
    if (later !== null && later.parent === round && later.by === 'trainer' && later.start !== null)
      return { ...later, round, parent: null, start: null, end: later.start };
  }
  return own;
}

/** Tokens of held-out prompts: the only ones available before anything is sampled. */
function promptProbes(context: WorkContext, count: number): PolicyProbes['sequences'] {
  const { config } = context;
  const entries = heldOutPrompts(config).slice(0, count);
  const sequences = encodePrompts(policyFiles(context), entries, { raw: config.sampling.raw })
    .filter(({ length }) => length >= 2)
    .map((ids) => ({ prompt_ids: ids.slice(0, 1), response_ids: ids.slice(1, MAX_PROBE) }));
  if (sequences.length > 0) return sequences;
  throw new UserError(
    `the held-out prompts of ${config.held_out} have one token each, so the sampling servers' weights cannot be compared; give longer prompts`,
  );
}
