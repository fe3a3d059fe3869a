/**
 * `npm run bench:ui`: the terminal's cost and the latency of keys, at 80×24 in a real pseudo-terminal. Measures bytes
 * and frames for moving the selection and α over 20,000 pairs; the time to draw them and to compute the α panel; then,
 * during the bundled example's update, frames and bytes per second and the latency of keys while the engine is fully
 * busy. Writes bench/results/ui.json. Takes under two minutes; on a machine that does other work as well, that work
 * adds to the latencies.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { lockHolder } from '../src/io/lock.js';
import { machine } from './machine.js';
import { median, percentile } from './median.js';
import { panelTimes } from './ui/panel.js';
import { writeSamples } from './ui/samples.js';
import { Screen, keys, pause } from './ui/screen.js';

const root = path.resolve(import.meta.dirname, '../..');
const PAIRS = 20_000;
const MOVES = 25;

const results: { figure: string; value: number; unit: string; most?: number }[] = [];
function tell(figure: string, value: number, unit: string, most?: number): void {
  results.push({ figure, value, unit, ...(most === undefined ? {} : { most }) });
  const bound = most === undefined ? '' : `  (at most ${most}: ${value <= most ? 'met' : 'NOT MET'})`;
  console.log(`${figure.padEnd(52)} ${value.toFixed(unit === 'ms' ? 1 : 0).padStart(8)} ${unit}${bound}`);
}

const described = { ...machine(), load_before: Number(loadavg()[0].toFixed(1)) };
console.log(`${described.processor}, ${described.cores} cores, Node ${described.node}, load ${described.load_before}`);

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-bench-'));
try {
  const file = path.join(folder, 'samples.jsonl');
  writeSamples(file, PAIRS);
  panel(file);
  await moves(file);
  await busyEngine();
} finally {
  const holder = lockHolder(path.join(folder, 'run'));
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(
  path.join(root, 'bench/results/ui.json'),
  JSON.stringify({ machine: described, results }, null, 2) + '\n',
);

function panel(file: string): void {
  const times = panelTimes(file, 9);
  tell(`α panel at ${times.pairs} pairs: all numbers after a step of α`, times.move, 'ms', 16);
  tell('α panel: the first time, with its curves', times.first, 'ms');
  tell('α panel: length-neutral α', times.neutral, 'ms', 16);
  tell('α panel: largest α that flips at most 100', times.flips, 'ms', 16);
}

/** The cost and latency of one key while nothing else runs. */
async function moves(file: string): Promise<void> {
  const screen = new Screen(['review', file], folder);
  tell(
    `first frame of ${PAIRS} pairs, program start included`,
    await screen.until((text) => / 1\/20,000/.test(text), 'the table'),
    'ms',
  );
  tell('of which processor time', screen.processorTime(), 'ms');
  await pause(1000);
  tell('bytes of the first screen', screen.bytes, 'bytes');
  for (const [name, key, shows] of [
    ['the selection', keys.down, (i: number) => (text: string) => text.includes(` ${i + 2}/20,000`)],
    ['α', keys.right, (i: number) => (text: string) => text.includes(`α ${((i + 1) / 10_000).toFixed(4)}`)],
  ] as const) {
    const [bytes, frames, times]: [number[], number[], number[]] = [[], [], []];
    const used = screen.processorTime();
    for (let i = 0; i < MOVES; i++) {
      const before = { bytes: screen.bytes, frames: screen.frames };
      times.push(await screen.key(key, shows(i)));
      // The responses of the newly selected prompt are shown once the selection rests.
      await pause(200);
      bytes.push(screen.bytes - before.bytes);
      frames.push(screen.frames - before.frames);
    }
    tell(`moving ${name}: bytes, median`, median(bytes), 'bytes');
    tell(`moving ${name}: bytes, most`, Math.max(...bytes), 'bytes', 2048);
    tell(`moving ${name}: frames, most`, Math.max(...frames), 'frames');
    const processor = (screen.processorTime() - used) / MOVES;
    if (!Number.isNaN(processor)) tell(`moving ${name}: processor time a key`, processor, 'ms');
    tell(`moving ${name}: shown after, median`, median(times), 'ms', 50);
    tell(`moving ${name}: shown after, 95th percentile`, percentile(times, 0.95), 'ms', 100);
  }
  const still = { bytes: screen.bytes, frames: screen.frames };
  await pause(2000);
  tell('nothing changes for two seconds: bytes', screen.bytes - still.bytes, 'bytes', 0);
  await screen.end();
}

/** An update of the bundled example that takes a few minutes. */
async function busyEngine(): Promise<void> {
  const data = path.join(root, 'data');
  const config = path.join(folder, 'config.json');
  const head = (name: string, lines: number): string => {
    const to = path.join(folder, name);
    writeFileSync(to, readFileSync(path.join(data, name), 'utf8').split('\n').slice(0, lines).join('\n') + '\n');
    return to;
  };
  cpSync(path.join(data, 'base-policy'), path.join(folder, 'policy'), { recursive: true });
  const example = JSON.parse(readFileSync(path.join(data, 'example.json'), 'utf8')) as object;
  const settings = {
    model: path.join(folder, 'policy'),
    reward: `hf:${path.join(data, 'reward-model')}`,
    evaluation: { metric: [path.join(data, 'correct.mjs')] },
    ...{ prompts: head('prompts.jsonl', 24), held_out: head('held-out.jsonl', 4) },
    sampling: { samples_per_prompt: 4, max_new_tokens: 48, batch_size: 32 },
    update: { lr: 1e-5, batch_size: 4, micro_batch: 4, epochs: 100 },
  };
  writeFileSync(config, JSON.stringify({ ...example, ...settings }));
  const screen = new Screen(['run', '--config', config], folder);
  await screen.until((text) => text.includes('─ Prompt 1'), 'the review');
  screen.type(keys.enter);
  await screen.until((text) => text.includes('y/n'), 'the question');
  screen.type('y');
  await screen.until((text) => /\b[2-9]\d* of [\d,]+ steps/.test(text), 'the update');

  const seconds = 8;
  const before = { bytes: screen.bytes, frames: screen.frames };
  await pause(seconds * 1000);
  const [bytes, frames] = [screen.bytes - before.bytes, screen.frames - before.frames];
  tell('while updating: frames a second', frames / seconds, 'frames', 10);
  tell('while updating: bytes a frame', bytes / Math.max(1, frames), 'bytes');
  tell('while updating: bytes a second', bytes / seconds, 'bytes');

  await screen.key('2', (text) => text.includes('[2 Review'));
  await pause(500);
  const times: number[] = [];
  for (let i = 0; i < MOVES; i++) {
    const down = Math.floor(i / 10) % 2 === 0;
    const at = Number(/ (\d+)\/\d+ ─/.exec(screen.text())?.[1]);
    times.push(await screen.key(down ? 'j' : 'k', (text) => text.includes(` ${down ? at + 1 : at - 1}/`)));
    await pause(60 + ((i * 37) % 90));
  }
  tell('the engine works flat out: a key shows after, median', median(times), 'ms', 50);
  tell('the engine works flat out: 95th percentile', percentile(times, 0.95), 'ms', 100);
  await screen.end();
}
