/** The user's command at the end of a stage, with what happened in its environment and never in its text. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { notifyByCommand, notifyCommand, variablesOf } from '../../src/engine/notify.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config } from './fakes.js';

const fresh = temporaryDirectories();

it('is read from the environment, else from the settings file, each time', () => {
  const file = path.join(fresh(), 'settings.json');
  const env = { BREVITY_SETTINGS: file };
  expect(notifyCommand(env)).toBeNull();
  writeFileSync(file, '{"notify_command": "tell me"}');
  expect(notifyCommand(env)).toBe('tell me');
  expect(notifyCommand({ ...env, BREVITY_NOTIFY_COMMAND: 'other' })).toBe('other');
  for (const broken of ['{', '[]', '{"notify_command": 3}', '{"notify_command": " "}']) {
    writeFileSync(file, broken);
    expect(notifyCommand(env)).toBeNull();
  }
});

it('runs once per end, and nothing in a name or message is run', async () => {
  const folder = fresh();
  const out = path.join(folder, 'out');
  const evil = path.join(folder, `$(touch ${path.join(folder, 'pwned')})`);
  const b = new Bench(Run.create(evil, config));
  const command = `printf '%s|%s|%s|%s|%s\\n' "$BREVITY_RUN" "$BREVITY_ROUND" "$BREVITY_STAGE" "$BREVITY_OUTCOME" "$BREVITY_MESSAGE" >> "${out}"`;
  notifyByCommand(b.engine.core, { ...process.env, BREVITY_NOTIFY_COMMAND: command });
  await b.toReview();
  await b.command({ type: 'launch' });
  await b.fail('update', '`touch pwned`; $(touch pwned)');
  await vi.waitFor(() => expect(existsSync(out)).toBe(true), 10_000);
  await vi.waitFor(() =>
    expect(readFileSync(out, 'utf8')).toBe(
      `${evil}|1|update|failed|round 1: the update has failed: \`touch pwned\`; $(touch pwned)\n`,
    ),
  );
  expect(existsSync(path.join(folder, 'pwned'))).toBe(false);
});

it('passes what happened as variables', () => {
  const end = { round: 3, stage: 'update', outcome: 'done', seconds: 75.4, message: 'round 3: …' } as const;
  expect(variablesOf('/runs/a', end)).toEqual({
    ...{ BREVITY_RUN: '/runs/a', BREVITY_ROUND: '3', BREVITY_STAGE: 'update', BREVITY_OUTCOME: 'done' },
    ...{ BREVITY_SECONDS: '75', BREVITY_MESSAGE: 'round 3: …' },
  });
});
