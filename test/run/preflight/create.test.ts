import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDirectory, createRun } from '../../../src/run/preflight/create.js';
import { isRun } from '../../../src/run/run.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';

const temporary = temporaryDirectories();

describe('checkDirectory', () => {
  it('takes one that is not there, at any depth, or is empty', () => {
    const folder = temporary();
    expect(checkDirectory(path.join(folder, 'a/b/c'))).toEqual({ exists: false });
    expect(checkDirectory(folder)).toEqual({ exists: true });
  });

  it('refuses one that holds a run, something else, or lies in a file', () => {
    const folder = temporary();
    for (const name of ['run', 'full']) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'run/run.json'), '{}');
    writeFileSync(path.join(folder, 'full/thesis.tex'), '');
    const check = (name: string) => () => checkDirectory(path.join(folder, name));
    expect(check('run')).toThrow(/holds a run already; name another directory/);
    expect(check('full')).toThrow(/full is not empty; name a new directory/);
    expect(check('full/thesis.tex')).toThrow(/thesis\.tex is a file; name a new directory/);
    expect(check('full/thesis.tex/run')).toThrow(/thesis\.tex is a file; name a directory elsewhere/);
  });
});

describe('createRun', () => {
  it('makes a run that can be opened', () => {
    const folder = temporary();
    const run = createRun(path.join(folder, 'runs/mine'), quickConfig(folder));
    expect(isRun(run.directory)).toBe(true);
  });

  it('makes nothing of what cannot be used', () => {
    const folder = temporary();
    const config = quickConfig(folder);
    writeFileSync(path.join(folder, 'broken.jsonl'), '{"prompt": "a"}\n{"prompt": \n');
    const make = (changes: object) => () => createRun(path.join(folder, 'run'), { ...config, ...changes });
    expect(make({ prompts: path.join(folder, 'broken.jsonl') })).toThrow(/broken\.jsonl:2/);
    expect(make({ model: path.join(folder, 'nowhere') })).toThrow(/^model: .*nowhere does not exist$/);
    expect(make({ model: path.join(folder, 'nowhere'), seed: -1 })).toThrow(
      /^2 settings cannot be used:\n {2}seed: -1: expected .*\n {2}model: .*nowhere does not exist$/,
    );
    expect(existsSync(path.join(folder, 'run'))).toBe(false);
  });
});
