/** The command that messages tell people to type, for every way of starting the program. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { invocationOf } from '../../src/io/invocation.js';
import { temporaryFolder } from '../engine/runs.js';

const script = '/home/ann/brevity/dist/src/cli.js';
const start = { npm_lifecycle_event: 'start', npm_lifecycle_script: 'node dist/src/cli.js' };

describe('invocationOf', () => {
  it.each<[string, string, NodeJS.ProcessEnv, string, string]>([
    [
      'npm start',
      script,
      { ...start, npm_config_user_agent: 'npm/10.8 node/v20' },
      '/home/ann/brevity',
      'npm start --',
    ],
    ['pnpm start', script, { ...start, npm_config_user_agent: 'pnpm/9.1 npm/? node/v20' }, '/', 'pnpm start'],
    ['yarn start', script, { ...start, npm_config_user_agent: 'yarn/1.22 npm/? node/v20' }, '/', 'yarn start'],
    ['another script', script, { ...start, npm_lifecycle_event: 'tui' }, '/', 'npm run tui --'],
    [
      'npx',
      '/home/ann/.npm/_npx/1/node_modules/.bin/brevity',
      { npm_lifecycle_event: 'npx', npm_lifecycle_script: 'brevity runs/a' },
      '/home/ann',
      'npx brevity',
    ],
    ['node in the clone', script, {}, '/home/ann/brevity', 'node dist/src/cli.js'],
    ['node elsewhere', script, {}, '/home/ann/work', `node ${script}`],
    ['a path with a space', '/home/ann/my code/cli.js', {}, '/', "node 'home/ann/my code/cli.js'"],
    // What a package script starts inherits its variables: this file was not started by that script.
    [
      'a test runner',
      script,
      { npm_lifecycle_event: 'test', npm_lifecycle_script: 'vitest run' },
      '/home/ann/brevity',
      'node dist/src/cli.js',
    ],
    [
      'a shell under npx',
      script,
      { npm_lifecycle_event: 'npx', npm_lifecycle_script: 'vitest' },
      '/home/ann/brevity',
      'node dist/src/cli.js',
    ],
  ])('%s', (_name, file, env, cwd, command) => {
    expect(invocationOf(file, env, cwd)).toBe(command);
  });

  describe('a linked command', () => {
    let home = '';
    let linked = '';
    beforeEach(() => {
      home = temporaryFolder();
      mkdirSync(path.join(home, 'bin'));
      writeFileSync(path.join(home, 'cli.js'), '');
      linked = path.join(home, 'bin/brevity');
      symlinkSync(path.join(home, 'cli.js'), linked);
    });
    afterEach(() => rmSync(home, { recursive: true, force: true }));

    it('is its name where PATH leads to it, else its path', () => {
      expect(invocationOf(linked, { PATH: `/usr/bin:${home}/bin` }, home)).toBe('brevity');
      expect(invocationOf(linked, { PATH: '/usr/bin' }, home)).toBe('bin/brevity');
      expect(invocationOf(linked, { PATH: '/usr/bin' }, path.join(home, 'bin'))).toBe('./brevity');
      expect(invocationOf(linked, { PATH: '/usr/bin' }, '/nowhere')).toBe(linked);
    });
  });
});
