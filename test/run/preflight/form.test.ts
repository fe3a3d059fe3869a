import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { exampleForm, fileForm, runForm, withFlags } from '../../../src/run/preflight/form.js';
import { temporaryDirectories } from '../../temporary.js';

const temporary = temporaryDirectories();

it('the example, a file, a run: each proposes a directory that is free', () => {
  const cwd = temporary();
  const place = { cwd, home: '/home/ann' };
  const file = path.join(cwd, 'mine.json');
  writeFileSync(file, '{"model": "policy", "dpo": {"alpha": 0.5}}');
  expect(fileForm('mine.json', place)).toEqual({
    base: {
      config: { model: path.join(cwd, 'policy'), dpo: { alpha: 0.5 } },
      file: { path: file, config: { model: path.join(cwd, 'policy'), dpo: { alpha: 0.5 } } },
      name: 'mine.json',
    },
    directory: 'runs/mine',
  });
  expect(exampleForm(file, place)).toMatchObject({ base: { name: 'the bundled example' }, directory: 'runs/example' });
  for (const name of ['example', 'example-2']) {
    mkdirSync(path.join(cwd, 'runs', name), { recursive: true });
    writeFileSync(path.join(cwd, 'runs', name, 'run.json'), '');
  }
  expect(exampleForm(file, place).directory).toBe('runs/example-3');
  expect(runForm(path.join(cwd, 'runs/example-2'), { seed: 1 }, place)).toEqual({
    base: { config: { seed: 1 }, file: null, name: 'runs/example-2' },
    directory: 'runs/example-3',
  });
});

it('flags lie over a file, which stays what it is', () => {
  const cwd = temporary();
  writeFileSync(path.join(cwd, 'mine.json'), '{"dpo": {"alpha": 0.5, "beta": 1}}');
  const { base } = withFlags(fileForm('mine.json', { cwd, home: '' }), { dpo: { alpha: 0 } });
  expect(base.config).toEqual({ dpo: { alpha: 0, beta: 1 } });
  expect(base.file?.config).toEqual({ dpo: { alpha: 0.5, beta: 1 } });
});

it.each([
  ['{"model": ', /is not JSON/],
  ['[]', /is not a JSON object/],
])('a file that holds %j is refused with its name', (text, problem) => {
  const cwd = temporary();
  writeFileSync(path.join(cwd, 'bad.json'), text);
  expect(() => fileForm('bad.json', { cwd, home: '' })).toThrow(problem);
  expect(() => fileForm('none.json', { cwd, home: '' })).toThrow(/none\.json does not exist/);
});
