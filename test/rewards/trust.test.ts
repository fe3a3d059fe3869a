/** Which rewards of a run the user allows: once per run and file, kept in the user's own state directory. */
import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  UntrustedReward,
  permissionIn,
  sensitiveParts,
  trustFile,
  trustRewards,
  untrustedRewards,
} from '../../src/rewards/trust.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
let home = '';
let run = '';
let file = '';

beforeEach(() => {
  home = fresh();
  vi.stubEnv('XDG_STATE_HOME', path.join(home, 'state'));
  vi.stubEnv('BREVITY_REWARD_KEY', '');
  run = path.join(home, 'run');
  mkdirSync(run);
  file = path.join(home, 'reward.mjs');
  writeFileSync(file, 'export const score = () => 1;\n');
});
afterEach(() => vi.unstubAllEnvs());

it('modules need permission, in a weighted sum too; model folders and servers without a key do not', () => {
  expect(sensitiveParts(`0.7*hf:/models/a+0.3*module:${file}+http://host/classify`)).toEqual([file]);
  expect(untrustedRewards(run, [`module:${file}`, `hf:/a+module:${file}`])).toEqual([file]);
  expect(untrustedRewards(run, ['hf:/a', 'http://host/classify'])).toEqual([]);
});

it('is given once per run and file, and stays with the user', () => {
  const check = () => permissionIn(run)(file);
  expect(check).toThrow(UntrustedReward);
  expect(check).toThrow(`names the reward module ${file}, which is code`);
  expect(check).toThrow(`--trust-reward ${file}`);
  trustRewards(run, [file], 'asked');
  expect(check).not.toThrow();
  expect(untrustedRewards(run, [`module:${file}`])).toEqual([]);

  const other = path.join(home, 'other');
  mkdirSync(other);
  expect(untrustedRewards(other, [`module:${file}`])).toEqual([file]);

  expect(trustFile()).toBe(path.join(home, 'state/brevity/trusted.jsonl'));
  expect(statSync(trustFile()).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(trustFile())).mode & 0o777).toBe(0o700);
  expect(JSON.parse(readFileSync(trustFile(), 'utf8'))).toMatchObject({ run, reward: file });
});

it('does not outlive a change of a file that was asked about; one that the user named he may edit', () => {
  trustRewards(run, [file], 'asked');
  appendFileSync(file, 'export const more = 1;\n');
  expect(() => permissionIn(run)(file)).toThrow(UntrustedReward);
  trustRewards(run, [file], 'named');
  appendFileSync(file, 'export const again = 1;\n');
  expect(() => permissionIn(run)(file)).not.toThrow();
});

it('is of the file that a link leads to', () => {
  const link = path.join(run, 'reward.mjs');
  symlinkSync(file, link);
  expect(sensitiveParts(`module:${link}`)).toEqual([file]);
  trustRewards(run, [file], 'named');
  expect(() => permissionIn(run)(link)).not.toThrow();
});

it('covers servers as soon as there is a key to send', () => {
  vi.stubEnv('BREVITY_REWARD_KEY', 'secret');
  expect(untrustedRewards(run, ['http://host:8000/classify'])).toEqual(['http://host:8000']);
  const check = () => permissionIn(run)('http://host:8000');
  expect(check).toThrow('would send BREVITY_REWARD_KEY to http://host:8000');
  trustRewards(run, ['http://host:8000'], 'asked');
  expect(check).not.toThrow();
});
