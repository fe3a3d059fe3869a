/**
 * Runs targets in a process of its own: `child.ts SEED COUNT FROM TARGET…`. The first line of standard output lists the
 * targets; then it prints one JSON line for each target or failure. The number of the input under way is kept in the file that
 * BREVITY_FUZZ_AT names, for the parent to find after a hang.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { Random } from '../../src/core/seeds.js';
import { Mutator } from './mutate.js';
import { type Target, targets } from './targets.js';

/** Of one input. */
const MOST_SECONDS = 2;
const MOST_MEGABYTES = 200;

const [seed, count, from] = process.argv.slice(2, 5).map(Number);
const chosen = process.argv.slice(5);
const at = openSync(process.env.BREVITY_FUZZ_AT ?? '/dev/null', 'w');
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

/** Every input has a seed of its own, so that one can be made again without those before it. */
const seedOf = (name: string, input: number) =>
  createHash('sha256').update(`${seed} ${name} ${input}`).digest().readUInt32LE();

/** What the program says of itself on the way is not the harness's output. */
console.error = () => {};

type Problem = { what: string; stack?: string };

async function tried(target: Target, input: Buffer): Promise<Problem | null> {
  const before = process.memoryUsage.rss();
  const started = process.cpuUsage();
  let problem: Problem | null = null;
  try {
    await target.read(input);
  } catch (error) {
    problem = wrongWith(error);
  }
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  const megabytes = (process.memoryUsage.rss() - before) / 2 ** 20;
  if (problem !== null) return problem;
  if (seconds > MOST_SECONDS) return { what: `took ${seconds.toFixed(1)} s of processor time` };
  return megabytes > MOST_MEGABYTES ? { what: `grew by ${megabytes.toFixed(0)} MB` } : null;
}

/** null for the one sentence of a UserError. */
function wrongWith(error: unknown): Problem | null {
  if (!(error instanceof Error)) return { what: `threw ${String(error)}` };
  if (error.name !== 'UserError')
    return { what: `${error.name}: ${error.message.slice(0, 300)}`, stack: error.stack?.slice(0, 2000) };
  if (error.message.trim() === '') return { what: 'an empty sentence' };
  return /\n\s+at /.test(error.message)
    ? { what: `a stack trace in the sentence: ${error.message.slice(0, 300)}` }
    : null;
}

/** The input with pieces cut out, as long as it fails in the same way. */
async function smaller(target: Target, input: Buffer, what: string): Promise<Buffer> {
  let best = input;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1 && tries < 200; size = Math.floor(size / 2))
    for (let start = 0; start < best.length && tries < 200;) {
      const cut = Buffer.concat([best.subarray(0, start), best.subarray(start + size)]);
      tries++;
      if ((await tried(target, cut))?.what === what) best = cut;
      else start += size;
    }
  return best;
}

const directory = mkdtempSync(path.join(process.env.BREVITY_FUZZ_FOLDER ?? '/tmp', 'fuzz-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const all = await targets(directory);
process.stdout.write(JSON.stringify({ targets: Object.keys(all) }) + '\n');
for (const name of chosen.length > 0 ? chosen : Object.keys(all)) {
  const target = all[name];
  const kinds = new Set<string>();
  let done = 0;
  const began = process.memoryUsage.rss();
  for (let i = from; i < from + count; i++) {
    writeSync(at, `${name} ${i}`.padEnd(80), 0);
    const input = target.make(new Mutator(new Random(seedOf(name, i))));
    const problem = await tried(target, input);
    done++;
    if (problem === null) continue;
    const kind = problem.what.replace(/\d+/g, '#').slice(0, 80);
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    const slow = problem.what.startsWith('took') || problem.what.startsWith('grew');
    const shown = slow ? input : await smaller(target, input, problem.what);
    const file = path.join(process.env.BREVITY_FUZZ_FOLDER ?? '/tmp', `brevity-fuzz-${name.replace(/\W+/g, '-')}-${i}`);
    writeFileSync(file, input);
    process.stdout.write(
      JSON.stringify({ target: name, seed, input: i, ...problem, file, smallest: shown.toString().slice(0, 500) }) +
        '\n',
    );
    if (kinds.size >= 10) break;
  }
  collect();
  const growth = Math.round((process.memoryUsage.rss() - began) / 2 ** 20);
  process.stdout.write(JSON.stringify({ target: name, done, failures: kinds.size, growth }) + '\n');
}
for (const target of Object.values(all)) target.close?.();
process.exit(0);
