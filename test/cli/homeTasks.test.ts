/** What the list and the form ask for is carried out, called off and told of; processes of their own are stood in for. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { RunList } from '../../src/run/preflight/runs.js';
import type { TaskHooks } from '../../src/run/preflight/tasks.js';
import type { HomeEvent, HomeTask } from '../../components/app/home.js';
import { HomeTasks } from '../../src/cli/homeTasks.js';
import type { AppEvent } from '../../components/app/state.js';
import { quickConfig } from '../engine/runs.js';
import { bundledFile } from '../../src/io/bundled.js';
import { temporaryDirectories } from '../temporary.js';
import { measurement, modelFacts, noFolder } from '../components/homeFixtures.js';
import type { TaskAsk } from '../../src/core/form/facts.js';

const fresh = temporaryDirectories();

const exampleFile = bundledFile('example.json');

interface Asked {
  ask: TaskAsk;
  hooks: TaskHooks;
  answer(value: unknown): void;
  fail(error: Error): void;
}

let home = '';
let actions: AppEvent[] = [];
let opened: string[] = [];
let asked: Asked[] = [];
let tasks: HomeTasks;

const events = () => actions.flatMap((action) => (action.type === 'home' ? [action.event] : []));
const ofKind = <W extends HomeEvent['what']>(what: W) =>
  events().filter((event): event is HomeEvent & { what: W } => event.what === what);
const notices = () => actions.flatMap((action) => (action.type === 'notice' ? [action.text] : []));
const settled = () => new Promise((resolve) => setImmediate(resolve));
const checkModel = (key: string): HomeTask => ({
  ...{ task: 'check', name: 'model', key },
  ask: { task: 'model', dir: key },
});

beforeEach(() => {
  home = fresh();
  [actions, opened, asked] = [[], [], []];
  tasks = new HomeTasks({
    place: { cwd: home, home: '/home/ann' },
    example: exampleFile,
    list: new RunList(home),
    isListed: () => true,
    now: (action) => actions.push(action),
    open: (directory) => opened.push(directory),
    demo: () => opened.push('demo'),
    run: ((ask: TaskAsk, hooks: TaskHooks) =>
      new Promise((resolve, reject) => {
        hooks.signal.addEventListener('abort', () => reject(new DOMException('called off', 'AbortError')));
        asked.push({ ask, hooks, answer: resolve, fail: reject });
      })) as never,
  });
});
afterEach(() => {
  tasks.close();
  vi.useRealTimers();
});

it('a later check of a field calls off the one before, which is told of no more', async () => {
  tasks.perform(checkModel('a'));
  tasks.perform(checkModel('b'));
  expect(asked.map(({ hooks }) => hooks.signal.aborted)).toEqual([true, false]);
  asked[1].answer(modelFacts);
  await settled();
  expect(events()).toEqual([{ what: 'checked', name: 'model', key: 'b', facts: modelFacts }]);
});

it('a check that fails is told with its sentence', async () => {
  tasks.perform(checkModel('a'));
  asked[0].fail(new UserError('a is no folder'));
  await settled();
  expect(events()).toEqual([{ what: 'check-failed', name: 'model', key: 'a', problem: 'a is no folder' }]);
});

it('a measurement is told part by part', async () => {
  tasks.perform({ task: 'measure', key: 'k', config: quickConfig(home) });
  asked[0].hooks.part?.({ ...measurement, update: null }, 'updating');
  asked[0].answer(measurement);
  await settled();
  expect(ofKind('measured').map(({ doing, known }) => [doing, known.update === null])).toEqual([
    ['updating', true],
    ['', false],
  ]);
});

it('surveys the machine and the folder in processes of their own, and says which failed', async () => {
  tasks.perform({ task: 'survey', name: 'folder' });
  tasks.perform({ task: 'survey', name: 'machine' });
  expect(asked.map(({ ask }) => ask)).toEqual([{ task: 'folder', folder: home }, { task: 'machine' }]);
  asked[0].answer(noFolder);
  asked[1].fail(new UserError('no answer'));
  await settled();
  expect(events()).toEqual([
    { what: 'surveyed', name: 'folder', facts: noFolder },
    { what: 'survey-failed', name: 'machine', problem: 'no answer' },
  ]);
});

it('the form of a folder takes the first of what it holds; the rest stays empty', () => {
  const found = { models: ['a', 'b'], rewards: ['r'], prompts: ['p.jsonl'], held_out: [] };
  tasks.perform({ task: 'form', source: { from: 'folder', found } });
  const [{ base, directory }] = ofKind('form');
  const [model, reward, prompts] = ['a', 'r', 'p.jsonl'].map((name) => path.join(home, name));
  expect(base.config).toEqual({ model, reward: `hf:${reward}`, prompts });
  expect(directory).toBe('runs/a');
});

it('the example is made in an unused directory and opened; the demo is opened', () => {
  tasks.perform({ task: 'example' });
  tasks.perform({ task: 'example' });
  tasks.perform({ task: 'demo' });
  expect(opened).toEqual([path.join(home, 'runs/example'), path.join(home, 'runs/example-2'), 'demo']);
  expect(existsSync(path.join(home, 'runs/example-2/run.json'))).toBe(true);
});

it('settings are saved, and over a file only when told to', async () => {
  const file = path.join(home, 'settings.json');
  const config = quickConfig(home);
  tasks.perform({ task: 'save', file, config, overwrite: false });
  expect(ofKind('saved').map((event) => event.file.path)).toEqual([file]);
  writeFileSync(file, 'mine');
  tasks.perform({ task: 'save', file, config, overwrite: false });
  expect(ofKind('file-exists')).toEqual([{ what: 'file-exists', file }]);
  expect(readFileSync(file, 'utf8')).toBe('mine');
  tasks.perform({ task: 'save', file, config, overwrite: true });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ sampling: { samples_per_prompt: 3 } });
  tasks.perform({ task: 'save', file: path.join(file, 'under-a-file.json'), config, overwrite: true });
  await settled();
  expect(notices().join()).toMatch(/under-a-file\.json/);
});

it('a run is made and opened; where it cannot be, the form hears why', () => {
  const directory = path.join(home, 'runs/one');
  tasks.perform({ task: 'create', named: [], directory, config: quickConfig(home) });
  expect(opened).toEqual([directory]);
  expect(existsSync(path.join(directory, 'run.json'))).toBe(true);
  tasks.perform({ task: 'create', named: [], directory, config: quickConfig(home) });
  expect(opened).toHaveLength(1);
  expect(ofKind('not-created').map(({ problem }) => problem)).toEqual([expect.stringContaining(directory)]);
});

it('a folder without runs is told so; a deleted run leaves the list', async () => {
  const directory = path.join(home, 'runs/one');
  tasks.perform({ task: 'create', named: [], directory, config: quickConfig(home) });
  tasks.perform({ task: 'look-in', folder: 'elsewhere' });
  await vi.waitFor(() => expect(ofKind('runs')).toHaveLength(1));
  expect(notices()).toEqual(['elsewhere holds no run that is not listed.']);
  expect(ofKind('runs')[0].entries.map((entry) => entry.directory)).toEqual([directory]);
  tasks.perform({ task: 'delete', directory });
  await vi.waitFor(() => expect(ofKind('runs')).toHaveLength(2));
  expect(ofKind('runs')[1].entries).toEqual([]);
  expect(notices()[1]).toBe('Deleted runs/one.');
  expect(existsSync(directory)).toBe(false);
});

it('looks again and again until it is closed, and then says nothing more', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  tasks.begin();
  await vi.waitFor(() => expect(ofKind('runs')).toHaveLength(1));
  await vi.advanceTimersByTimeAsync(2000);
  await vi.waitFor(() => expect(ofKind('runs')).toHaveLength(2));
  tasks.perform(checkModel('a'));
  tasks.close();
  expect(asked[0].hooks.signal.aborted).toBe(true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ofKind('runs')).toHaveLength(2);
  expect(ofKind('check-failed')).toEqual([]);
});
