/** A tree of rounds by a real engine: a fork that samples and trains otherwise, a round done again, one deleted. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/protocol/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { RoundState, Stage } from '../../src/protocol/messages.js';
import { sampleRowSchema } from '../../src/core/rows.js';
import { readJsonLines } from '../../src/io/jsonl.js';
import { lockHolder } from '../../src/io/lock.js';
import { dist, quickRun, temporaryFolder } from './runs.js';

const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}protocol/client.js`)) as typeof Client;
const { startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

const home = temporaryFolder();
const run = quickRun(home, { update: { lr: 1e-4, batch_size: 8, epochs: 1, checkpoint_seconds: 60 } });
const file = (round: number, name: string) => path.join(run, 'rounds', `000${round}`, name);

afterAll(() => {
  const holder = lockHolder(run);
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

it('is grown, gone over again and cut', async () => {
  await drive(run, { rounds: 1, settings: { alpha: 0.01 } });
  await startEngine(run);
  const client = await connect(run);
  const rounds = new Map<number, RoundState>();
  const waiting = new Set<() => void>();
  client.on((event) => {
    if (event.type === 'snapshot') for (const round of event.snapshot.rounds) rounds.set(round.id, round);
    if (event.type === 'round') rounds.set(event.round.id, event.round);
    for (const look of waiting) look();
  });
  const reaches = (id: number, stage: Stage) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (rounds.get(id)?.stage !== stage) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await client.send({ type: 'attach', client: 'tui' });

  const lora = { rank: 2, alpha: 4, targets: ['q_proj'] };
  await client.send({ type: 'fork', parent: 0, overrides: { sampling: { samples_per_prompt: 2 }, update: { lora } } });
  await reaches(2, 'review');
  const samples = readJsonLines(file(2, 'samples.jsonl'), sampleRowSchema);
  expect(samples.every(({ responses }) => responses.length === 2)).toBe(true);
  expect(await client.ask({ type: 'read-plan', round: 2 })).toMatchObject({ trained: 'LoRA rank 2', seconds: null });
  await client.send({ type: 'launch' });
  await reaches(2, 'done');
  expect(existsSync(file(2, 'policy/adapter_model.safetensors'))).toBe(true);

  await client.send({ type: 'redo-round', round: 1, settings: { alpha: 0.5, lr: 3e-4 } });
  await reaches(3, 'review');
  const plan = await client.ask({ type: 'read-plan', round: 3 });
  expect(plan).toMatchObject({ trained: 'all weights', reference: 'round start (base policy)' });
  expect(plan.seconds).toBeGreaterThan(0);
  await client.send({ type: 'launch' });
  await reaches(3, 'done');
  for (const name of ['samples.jsonl', 'scores.jsonl', 'pairs.jsonl', 'reference.jsonl'])
    expect(readFileSync(file(3, name), 'utf8')).toBe(readFileSync(file(1, name), 'utf8'));
  // Both take the same steps over the same pairs, whose sides are equally long here: only the learning rate tells them apart.
  const weights = (round: number) => readFileSync(file(round, 'policy/model.safetensors')).toString('base64');
  expect(weights(3)).not.toBe(weights(1));
  const held = await client.ask({ type: 'read-held-out', round: 3 });
  expect(held).toHaveLength(6);
  const probes = (await client.ask({ type: 'read-round', round: 3 })).probes;
  expect(new Set(probes.map(({ probe }) => probe))).toEqual(new Set([0, 1, 2]));
  expect(probes[0].step).toBe(0);

  await client.send({ type: 'delete-round', round: 2 });
  expect(existsSync(path.dirname(file(2, 'x')))).toBe(false);
  await client.send({ type: 'shutdown' });
  client.close();
});
