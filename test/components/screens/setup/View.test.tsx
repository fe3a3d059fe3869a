import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../../components/parts/text.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';
import { press, small } from '../../fixtures.js';
import { answered, exampleBase, formOn, noModel, opened, ready } from '../../homeFixtures.js';

describe.each(sizes)('the form at $columns×$rows', (size) => {
  it('fits, with the fields, the estimate, the command and the keys', () => {
    const text = frame(ready(size));
    const lines = text.split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(text).toMatch(/› Start the run +with the bundled/);
    expect(text).toMatch(/≈ 379 MB/);
    expect(text).toContain('sample 0:05');
    expect(text).toContain('$ brevity auto runs/example');
    expect(lines.at(-1)).toMatch(/enter start .*q quit/);
  });

  it('keeps the selected field in view', () => {
    expect(frame(press(ready(size), 'G'))).toMatch(/› backend +‹ auto ›/);
    expect(frame(press(ready(size), 'G', 'g'))).toMatch(/› Start the run/);
  });
});

it('80×24 shows all fields but the last eight, and says that there are more', () => {
  const text = frame(ready(small));
  for (const label of ['run directory', 'reward', 'samples on', 'objective', 'α length', 'β'])
    expect(text).toContain(label);
  expect(text).toMatch(/─ Start ─+ ↓8 ─/);
  expect(frame(press(ready(small), 'G'))).toMatch(/ {2}trains [\s\S]*› backend/);
});

it('heads its sections where there is room', () => {
  const text = frame(ready({ columns: 120, rows: 40 }));
  expect(text).toMatch(/^ {2}Sampling *\n {2}samples on .*this machine/m);
  expect(text).toMatch(/^ {2}Update *\n {2}objective *lr-dpo/m);
  expect(frame(ready(small))).not.toMatch(/^ {2}Sampling *$/m);
});

it('a problem stands whole below its field', () => {
  const text = frame(press(answered(opened('setup'), { model: noModel }), 's')).replace(/\n/g, ' ');
  expect(text).toContain('✘ 1 invalid field: model folder');
  expect(text).toContain('✘ /home/ann/work/models/SmolLM is not there; expected a Hugging Face folder');
  expect(text).toContain('Not started: model folder');
});

it('a value is typed where it stands, its end in view', () => {
  const long = press(ready(), 'j', 'j', 'enter', ...'/and/so/on'.repeat(20));
  expect(frame(long)).toMatch(/› model folder +….*\/and\/so\/on█/);
});

it('what a file, a folder or a reward says is harmless', () => {
  expectHarmless(press(answered(opened('setup'), { model: hostile }), 'j', 'j'));
  const base = { ...exampleBase, config: { ...exampleBase.config, model: hostile }, name: 'x' };
  expectHarmless(press(opened('setup', { columns: 160, rows: 50 }, formOn(base)), 'j', 'j'));
});
