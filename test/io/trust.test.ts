/** What a run may do with the user's rights: once per run and use, kept in the user's own state directory. */
import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Config, configSchema } from '../../src/core/config/schema.js';
import { allUses, permissionIn, sensitiveSettings, trust, trustFile, untrustedUses } from '../../src/io/trust.js';
import { temporaryDirectories } from '../temporary.js';
import { type Sensitive, Untrusted } from '../../src/core/trust.js';

const fresh = temporaryDirectories();
let home = '';
let run = '';
let file = '';

beforeEach(() => {
  home = fresh();
  vi.stubEnv('XDG_STATE_HOME', path.join(home, 'state'));
  vi.stubEnv('BREVITY_REWARD_KEY', '');
  vi.stubEnv('BREVITY_JUDGE_KEY', '');
  vi.stubEnv('CLUSTER_KEY', '');
  run = path.join(home, 'run');
  mkdirSync(run);
  file = path.join(home, 'reward.mjs');
  writeFileSync(file, 'export const score = () => 1;\n');
});
afterEach(() => vi.unstubAllEnvs());

function configWith(changes: { reward?: string; server?: object; job?: object }): Config {
  const { reward = 'hf:/models/a', server = null, job = null } = changes;
  return configSchema.parse({
    ...{ model: '/m', reward, prompts: '/p', held_out: '/h' },
    sampling: { server },
    update: { job },
  });
}

const rewardUses = (reward: string) => allUses([configWith({ reward })]);

describe('reward modules', () => {
  const module = (): Sensitive => ({ kind: 'module', file });

  it('need permission, in a weighted sum too; model folders and servers without a key do not', () => {
    expect(rewardUses(`0.7*hf:/models/a+0.3*module:${file}+http://host/classify`)).toEqual([module()]);
    const configs = [`module:${file}`, `hf:/a+module:${file}`].map((reward) => configWith({ reward }));
    expect(untrustedUses(run, configs)).toEqual([module()]);
    expect(untrustedUses(run, [configWith({ reward: 'http://host/classify' })])).toEqual([]);
  });

  it('are allowed once per run and file, and the permission stays with the user', () => {
    const check = () => permissionIn(run)(module());
    expect(check).toThrow(Untrusted);
    expect(check).toThrow(`names the module ${file}, which is code`);
    expect(check).toThrow(`read it, then pass --trust-reward ${file}`);
    trust(run, [module()], 'asked');
    expect(check).not.toThrow();
    expect(untrustedUses(run, [configWith({ reward: `module:${file}` })])).toEqual([]);

    const other = path.join(home, 'other');
    mkdirSync(other);
    expect(untrustedUses(other, [configWith({ reward: `module:${file}` })])).toEqual([module()]);

    expect(trustFile()).toBe(path.join(home, 'state/brevity/trusted.jsonl'));
    expect(statSync(trustFile()).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(trustFile())).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(trustFile(), 'utf8'))).toMatchObject({ run, reward: file });
  });

  it('are asked about again after a change; one that the user named he may edit', () => {
    trust(run, [module()], 'asked');
    appendFileSync(file, 'export const more = 1;\n');
    expect(() => permissionIn(run)(module())).toThrow(Untrusted);
    trust(run, [module()], 'named');
    appendFileSync(file, 'export const again = 1;\n');
    expect(() => permissionIn(run)(module())).not.toThrow();
  });

  it('are the files that links lead to', () => {
    const link = path.join(run, 'reward.mjs');
    symlinkSync(file, link);
    expect(rewardUses(`module:${link}`)).toEqual([module()]);
    trust(run, [module()], 'named');
    expect(() => permissionIn(run)({ kind: 'module', file: link })).not.toThrow();
  });
});

describe('keys', () => {
  it('of reward servers need permission as soon as there is one to send', () => {
    vi.stubEnv('BREVITY_REWARD_KEY', 'secret');
    const [use] = rewardUses('http://host:8000/classify');
    expect(use).toEqual({ kind: 'key', variable: 'BREVITY_REWARD_KEY', origin: 'http://host:8000' });
    const check = () => permissionIn(run)(use);
    expect(check).toThrow('would send BREVITY_REWARD_KEY to http://host:8000');
    expect(check).toThrow('pass --trust-reward http://host:8000');
    trust(run, [use], 'asked');
    expect(check).not.toThrow();
  });

  it('of judges are another variable, so another permission', () => {
    vi.stubEnv('BREVITY_REWARD_KEY', 'secret');
    expect(rewardUses('judge:https://host/v1#m')).toEqual([]);
    vi.stubEnv('BREVITY_JUDGE_KEY', 'other');
    const [use, ...more] = rewardUses('0.5*judge:https://host/v1#m+hf:a');
    expect(use).toEqual({ kind: 'key', variable: 'BREVITY_JUDGE_KEY', origin: 'https://host' });
    expect(more).toEqual([]);
    trust(run, [{ ...use, variable: 'BREVITY_REWARD_KEY' } as typeof use], 'asked');
    expect(() => permissionIn(run)(use)).toThrow('pass --trust BREVITY_JUDGE_KEY@https://host');
  });

  it('of sampling servers need permission for each variable and each origin', () => {
    const server = { endpoints: ['https://a:1/v1', 'https://a:1/x', 'https://b'], key_variable: 'CLUSTER_KEY' };
    expect(sensitiveSettings(configWith({ server }))).toEqual([]);
    vi.stubEnv('CLUSTER_KEY', 'secret');
    const uses = allUses([configWith({ server })]);
    expect(uses).toEqual(
      ['https://a:1', 'https://b'].map((origin) => ({ kind: 'key', variable: 'CLUSTER_KEY', origin })),
    );
    trust(run, [uses[0]], 'asked');
    expect(untrustedUses(run, [configWith({ server })])).toEqual([uses[1]]);
    expect(() => permissionIn(run)(uses[1])).toThrow('pass --trust CLUSTER_KEY@https://b');
    // A reward's key sent to the same server is another permission.
    expect(() => permissionIn(run)({ kind: 'key', variable: 'BREVITY_REWARD_KEY', origin: 'https://a:1' })).toThrow(
      Untrusted,
    );
  });
});

describe('shell commands', () => {
  it('need permission where they are used, and again when they change', () => {
    const server = { endpoints: ['http://a'], restart: 'restart.sh {weights}' };
    expect(allUses([configWith({ server })])).toEqual([]);
    const [use] = allUses([configWith({ server: { ...server, weights: 'restart' } })]);
    expect(use).toEqual({ kind: 'command', key: 'sampling.server.restart', command: 'restart.sh {weights}' });
    expect(() => permissionIn(run)(use)).toThrow(
      `run ${run} would execute the shell command of sampling.server.restart as you (restart.sh {weights}); if it may, pass --trust sampling.server.restart`,
    );
    trust(run, [use], 'asked');
    expect(() => permissionIn(run)(use)).not.toThrow();
    expect(() => permissionIn(run)({ ...use, command: 'rm -r ~' } as Sensitive)).toThrow(Untrusted);
  });

  it('of a job need permission unless they are the default; options of sbatch can name files', () => {
    expect(allUses([configWith({ job: { launcher: 'process' } })])).toEqual([]);
    const job = { launcher: 'slurm', command: 'x {dir}', setup: ['a', 'b'], sbatch: ['--output=/x'], submit: 'unused' };
    expect(allUses([configWith({ job })])).toEqual([
      { kind: 'command', key: 'update.job.command', command: 'x {dir}' },
      { kind: 'command', key: 'update.job.setup', command: 'a\nb' },
      { kind: 'command', key: 'update.job.sbatch', command: '--output=/x' },
    ]);
    const own = { launcher: 'command', submit: 's', status: 't', cancel: 'c' };
    expect(allUses([configWith({ job: own })]).map((use) => use.kind === 'command' && use.key)).toEqual([
      'update.job.submit',
      'update.job.status',
      'update.job.cancel',
    ]);
  });

  it('show control characters as spaces', () => {
    const use: Sensitive = { kind: 'command', key: 'update.job.command', command: 'a\u001b[2Jb' };
    expect(() => permissionIn(run)(use)).toThrow('(a [2Jb)');
  });
});

it('sending figures to W&B needs permission; event files and trackio do not', () => {
  const config = (trackers: object) =>
    configSchema.parse({ ...{ model: '/m', reward: 'hf:/a', prompts: '/p', held_out: '/h' }, trackers });
  const use: Sensitive = { kind: 'service', key: 'trackers.wandb', to: 'the W&B project team/p' };
  expect(untrustedUses(run, [config({ tensorboard: '/tb', trackio: { project: 'p' } })])).toEqual([]);
  const configs = [config({ wandb: { project: 'p', entity: 'team' } })];
  expect(untrustedUses(run, configs)).toEqual([use]);
  expect(() => permissionIn(run)(use)).toThrow(
    /would send its figures and settings to the W&B project team\/p with your login; if it may, pass --trust trackers\.wandb$/,
  );
  trust(run, [use], 'asked');
  expect(untrustedUses(run, configs)).toEqual([]);
  // Another project is another service.
  expect(untrustedUses(run, [config({ wandb: { project: 'q', entity: 'team' } })])).toHaveLength(1);
  // Whoever gives --wandb has named it.
  expect(sensitiveSettings(configs[0])).toEqual([{ use, keys: ['trackers.wandb.project'] }]);
});
