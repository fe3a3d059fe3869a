/** The engine screen: what it asks for while it is open, following and searching a log, and machines in words. */
import { describe, expect, it } from 'vitest';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { engineLayout } from '../../../../components/screens/engine/select.js';
import { noGpus } from '../../../../src/core/machine.js';
import { after, attached, job, press, small } from '../../fixtures.js';
import { enginePane, gpus } from '../../scenes.js';
import { on, slices } from '../../slices.js';

const asked = { of: 'engine' } as const;
const part = (lines: string[], more: object = {}) => ({
  ...{ lines, open: '', next: 100, skipped: 0, replaced: false },
  ...more,
});
const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);
const open = press(attached('review', small), '6');
const read = (state: State, text: string[], more: object = {}): State =>
  after(state, {
    ...{ type: 'answer', query: { type: 'read-log', log: asked, from: null } },
    answer: part(text, more),
  });
const first = (state: State): string | undefined => {
  const { rows, top } = engineLayout(on.engine(state));
  return rows?.at(top)?.text;
};

describe('the log', () => {
  it('is asked for when the screen opens, and from where it was a while after each answer', () => {
    const { effects } = reduce(attached('review', small), { type: 'key', key: '6' });
    expect(effects).toEqual([
      { do: 'ask', query: { type: 'read-machine' } },
      { do: 'ask', query: { type: 'read-log', log: asked, from: null } },
    ]);
    const query = { type: 'read-log' as const, log: asked, from: null };
    const answered = reduce(open, { type: 'answer', query, answer: part(['a']) });
    expect(answered.effects).toEqual([{ do: 'ask', query: { type: 'read-log', log: asked, from: 100 }, after: 1000 }]);
  });

  it('is asked for no more once the screen is left', () => {
    const left = press(open, '2');
    const query = { type: 'read-log' as const, log: asked, from: null };
    expect(reduce(left, { type: 'answer', query, answer: part(['a']) }).effects).toEqual([]);
  });

  it('is asked for again after a refusal and after a lost connection', () => {
    const query = { type: 'read-log' as const, log: asked, from: null };
    expect(reduce(open, { type: 'unanswered', query, message: 'no' })).toMatchObject({
      state: { notice: 'no' },
      effects: [{ do: 'ask', query: { type: 'read-log' }, after: 1000 }],
    });
    expect(reduce(open, { type: 'snapshot', snapshot: open.run! }).effects).toHaveLength(2);
  });

  it('is followed until it is scrolled, and again from its end on', () => {
    const long = read(open, lines(100));
    const last = first(long);
    expect(engineLayout(on.engine(long)).rows?.at(-1)?.text).toBe('line 99');
    const more = read(long, ['line 100', 'line 101']);
    expect(first(more)).toBe(`line ${Number(last?.slice(5)) + 2}`);
    const up = press(more, 'up');
    expect(first(read(up, ['line 102']))).toBe(first(up));
    expect(first(press(up, 'g'))).toBe('line 0');
    expect(slices(press(up, 'G')).engine.top).toBeNull();
  });

  it("is the job's if the round has one; o shows the engine's", () => {
    const ofJob = press(attached('update', small, { job: job() }), 'l');
    expect(slices(ofJob).engine.log?.name).toEqual({ of: 'job', round: 2 });
    expect(slices(press(ofJob, 'o')).engine.log?.name).toEqual({ of: 'engine' });
    expect(press(open, 'o').notice).toBe('This round has no job: there is only the log of the engine.');
  });

  it('wraps long lines, or cuts them', () => {
    const long = read(open, ['x'.repeat(200)]);
    expect(engineLayout(on.engine(long)).rows).toHaveLength(3);
    expect(engineLayout(on.engine(press(long, 'w'))).rows).toHaveLength(1);
  });
});

describe('searching', () => {
  const log = read(open, [...lines(50), 'Error: one', ...lines(50), 'Error: two', ...lines(50)]);
  const found = (state: State) => slices(state).engine.found;

  it('finds the last match first, whatever the case, and goes around', () => {
    const searched = press(log, '/', ...'error:', 'enter');
    expect(found(searched)).toBe(101);
    expect(found(press(searched, 'N'))).toBe(50);
    expect(found(press(searched, 'n'))).toBe(50);
    expect(found(press(searched, 'n', 'n'))).toBe(101);
    expect(first(press(searched, 'N'))).toBe('line 41');
    expect(slices(press(searched, 'escape')).engine).toMatchObject({ search: '', found: null });
  });

  it('says that nothing has the text', () => {
    const state = press(log, '/', ...'nothing', 'enter');
    expect(state.modal).toMatchObject({ error: 'no line has this text' });
  });

  it('goes from error to error, from the end on', () => {
    expect(found(press(log, 'e'))).toBe(101);
    expect(found(press(log, 'e', 'e'))).toBe(50);
    expect(found(press(log, 'e', 'e', 'e'))).toBe(101);
  });
});

describe('machines', () => {
  const texts = (state: State): string[] =>
    engineLayout(on.engine(state)).machines.flatMap(({ title, lines: of }) => [
      title,
      ...of.map(({ label, text }) => `${label} ${text}`.trim()),
    ]);

  it('says in words what is known, and nothing for what is not', () => {
    expect(texts(enginePane(attached('review', small), gpus(2), null))).toEqual([
      'Engine on node1',
      'CPU 48 % of 16 cores · engine 7.6',
      'Memory 12.1 of 62.8 GB · engine 1.2 GB',
      'GPU 0 97 % · 59.8/79.6 GB · 312/700 W · 61 °C · NVIDIA H100 80GB HBM3',
      'GPU 1 MIG · 54.9/79.6 GB · 313/700 W · 60 °C · NVIDIA H100 80GB HBM3',
    ]);
    const none = gpus(1).gpus.map((gpu) => ({
      ...{ ...gpu, utilization: null, memory_used_mb: null, power_watts: null, temperature: null },
    }));
    const unknown = enginePane(attached('review', small), { gpus: none, gpu_problem: null }, null);
    expect(texts(unknown).at(-1)).toBe('GPU 0 – · NVIDIA H100 80GB HBM3');
  });

  it('says that there is no GPU rather than 0 %', () => {
    const state = enginePane(attached('review', small), noGpus('nvidia-smi is not installed here'), null);
    expect(texts(state).at(-1)).toBe('GPU no NVIDIA GPU: nvidia-smi is not installed here');
  });

  it("has the job's machine too, and counts the GPUs that do not fit", () => {
    const state = enginePane(attached('update', small, { job: job() }), noGpus('nvidia-smi finds no device'), gpus(8));
    expect(texts(state)).toContain('Job on gpu17');
    expect(texts(state).at(-1)).toBe('and 6 further GPUs');
    expect(texts(press(state, 'z', 'z')).at(-1)).toMatch(/^GPU 7/);
  });
});
