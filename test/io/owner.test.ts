/** Run directories of other users are refused, as git refuses them. */
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/protocol/client.js';
import { startEngine } from '../../src/engine/launch.js';
import { checkOwner } from '../../src/io/trust.js';
import { Run } from '../../src/run/run.js';
import { quickConfig } from '../engine/runs.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const root = process.geteuid?.() === 0;
const noSettings = { BREVITY_SETTINGS: '/nonexistent/settings.json' };
let home = '';
/** A directory of somebody else: only root can make one, but everybody has root's. */
let foreign = '/usr';
let owner = 0;

beforeEach(() => {
  home = fresh();
  if (!root) return;
  foreign = path.join(home, 'theirs');
  owner = 54_321;
  mkdirSync(foreign);
  chownSync(foreign, owner, owner);
});

it('own directories pass, those of others are named with their owner and what to do', () => {
  expect(() => checkOwner(home, noSettings)).not.toThrow();
  expect(() => checkOwner(path.join(home, 'missing'), noSettings)).not.toThrow();
  const check = () => checkOwner(foreign, noSettings);
  expect(check).toThrow(new RegExp(`${foreign} belongs to .*user ${owner}`));
  expect(check).toThrow(`BREVITY_SAFE_DIRECTORIES=${foreign}`);
});

it('a link to one is one', () => {
  const link = path.join(home, 'link');
  symlinkSync(foreign, link);
  expect(() => checkOwner(link, noSettings)).toThrow('belongs to');
});

describe('the user can allow them', () => {
  it.each<[string, () => Record<string, string>, boolean]>([
    ['by name', () => ({ BREVITY_SAFE_DIRECTORIES: `/elsewhere:${foreign}` }), true],
    ['with all beside it', () => ({ BREVITY_SAFE_DIRECTORIES: `${path.dirname(foreign).replace(/\/$/, '')}/*` }), true],
    ['with everything', () => ({ BREVITY_SAFE_DIRECTORIES: '*' }), true],
    ['not by the start of its name', () => ({ BREVITY_SAFE_DIRECTORIES: foreign.slice(0, -1) }), false],
    ['not by what lies in it', () => ({ BREVITY_SAFE_DIRECTORIES: `${foreign}/*` }), false],
  ])('%s', (_name, env, allowed) => {
    const check = () => checkOwner(foreign, { ...noSettings, ...env() });
    if (allowed) expect(check).not.toThrow();
    else expect(check).toThrow('belongs to');
  });

  it('in the settings file', () => {
    const settings = path.join(home, 'settings.json');
    writeFileSync(settings, JSON.stringify({ safe_directories: [foreign] }));
    expect(() => checkOwner(foreign, { BREVITY_SETTINGS: settings })).not.toThrow();
    writeFileSync(settings, '{"safe_directories": "no list"}');
    expect(() => checkOwner(foreign, { BREVITY_SETTINGS: settings })).toThrow('belongs to');
  });

  it.runIf(root)('under sudo those of the caller are his own', () => {
    expect(() => checkOwner(foreign, { ...noSettings, SUDO_UID: String(owner) })).not.toThrow();
    expect(() => checkOwner(foreign, { ...noSettings, SUDO_UID: '1' })).toThrow('belongs to');
  });
});

describe.runIf(root)('a run of another user', () => {
  let run = '';
  beforeEach(() => {
    run = Run.create(path.join(home, 'run'), quickConfig(home)).directory;
    chownSync(path.join(run, 'run.json'), owner, owner);
  });

  it('is not opened, attached to or worked on', async () => {
    expect(() => Run.open(run)).toThrow(`${run}/run.json belongs to`);
    await expect(connect(run)).rejects.toThrow('belongs to');
    await expect(startEngine(run)).rejects.toThrow('belongs to');
  });

  it('can be read for a report', () => {
    expect(Run.open(run, { owner: 'anyone' }).rounds).toEqual([]);
  });
});
