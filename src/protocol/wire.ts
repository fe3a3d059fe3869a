/**
 * Parses requests from the socket, whoever sent them: their form is checked here, the handlers check whether they are
 * possible now.
 */
import type { Socket } from 'node:net';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { MOST_QUEUED } from '../core/queue.js';
import type { EngineCommand, Query, Request } from './messages.js';

const whole = z.int().min(0);
const settings = z.record(z.string(), z.unknown());
/** In an object, z.unknown() alone requires the key. */
const optional = z.unknown().optional();

/** Fields of every request besides `id` and `type`. The handlers check values with ranges. */
const fields: { [T in EngineCommand['type'] | Query['type']]: z.ZodRawShape } = {
  attach: { client: z.enum(['tui', 'auto']) },
  'take-over': {},
  'next-round': { settings: settings.optional() },
  fork: { parent: whole, settings: settings.optional(), overrides: settings.optional() },
  'redo-round': { round: whole, settings: settings.optional(), overrides: settings.optional() },
  judge: { round: whole, verdict: z.unknown() },
  'name-round': { round: whole, name: optional, note: optional },
  'delete-round': { round: whole },
  switch: { round: whole },
  enqueue: { round: whole, settings: z.array(settings).max(MOST_QUEUED) },
  dequeue: { attempts: z.array(whole) },
  'move-queued': { attempt: whole, to: whole },
  'hold-queue': { held: z.boolean() },
  decide: {
    prompt_index: z.unknown(),
    ruling: optional,
    note: optional,
    weight: optional,
    blind: z.boolean().optional(),
    reviewer: optional,
  },
  'decide-all': { prompts: z.unknown(), ruling: optional, weight: optional, reviewer: optional },
  'take-decisions': { file: z.unknown() },
  undo: {},
  redo: {},
  'fewer-samples': { samples_per_prompt: z.unknown() },
  set: { settings },
  'set-pairs': { pairs: settings },
  launch: {},
  pause: {},
  resume: {},
  stop: {},
  abort: {},
  retry: {},
  shutdown: {},
  'read-detail': { round: whole, prompt_index: whole },
  'read-tokens': { round: whole, prompt_index: whole, sample: z.unknown() },
  'read-round': { round: whole },
  'read-held-out': { round: whole },
  'read-metrics': { round: whole },
  'read-deletion': { round: whole },
  'read-engine': {},
  'read-log': {
    log: z.union([z.object({ of: z.literal('engine') }), z.object({ of: z.literal('job'), round: whole })]),
    from: whole.nullable(),
  },
  'read-machine': {},
  'read-plan': { round: whole },
  'read-hacking': { round: whole },
};

const head = z.looseObject({ id: z.number(), type: z.string() });

/**
 * @returns the request, or why it is invalid; then with its id, so that the client can match the refusal (0 without an
 *   id)
 */
export function parseRequest(line: string): Request | { id: number; problem: UserError } {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (cause) {
    return { id: 0, problem: new UserError(`the request is not JSON (${messageOf(cause)})`, { cause }) };
  }
  const request = head.safeParse(value);
  if (!request.success) return { id: 0, problem: new UserError('expected {"id": number, "type": text, …}') };
  const { id, type } = request.data;
  if (!Object.hasOwn(fields, type))
    return { id, problem: new UserError(`the engine knows no command ${JSON.stringify(type.slice(0, 80))}`) };
  const checked = z.looseObject(fields[type as keyof typeof fields]).safeParse(value);
  if (checked.success) return value as Request;
  const [{ path, message }] = checked.error.issues;
  return { id, problem: new UserError(`${type}: \`${path.join('.')}\`: ${message}`) };
}

/**
 * Splits a socket's bytes into lines.
 *
 * @param most characters per line; the peer decides how much it sends, so an unfinished line must not grow without
 *   limit
 * @param onTooLong called once; the socket is then read no further
 */
export function readLines(socket: Socket, most: number, onLine: (line: string) => void, onTooLong: () => void): void {
  let rest: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  const take = (chunk: Buffer | string) => {
    const parts = String(chunk).split('\n');
    for (const [i, part] of parts.entries()) {
      // A long line arrives in many chunks: join them once, not at each chunk.
      rest.push(part);
      length += part.length;
      if (length > most) {
        socket.off('data', take);
        rest = [];
        onTooLong();
        return;
      }
      if (i === parts.length - 1) return;
      const line = rest.join('');
      rest = [];
      length = 0;
      if (line !== '') onLine(line);
    }
  };
  socket.on('data', take);
}
