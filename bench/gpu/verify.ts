/**
 * `node verify.js OUT MINUTES DEVICE ROOT WORK`, started by verify.sh: runs the checks concurrently, then the
 * benchmarks one by one. Updates OUT after each step. Fails if a check failed or was not reached; a benchmark that
 * misses its target does not fail.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { lockHolder } from '../../src/io/lock.js';
import { machine } from '../machine.js';
import { benchSteps } from './benchmarks.js';
import { checkLanes, runDirectories } from './checks.js';
import { contextOf } from './context.js';
import { type Step, Verification } from './steps.js';
import { type Comparison, type Figures, comparisons, targets } from './targets.js';

const [out, minutes, device, root, work] = process.argv.slice(2);
const context = contextOf(root, work, device === 'cuda-emulated');
const say = (line: string) => process.stderr.write(`${line}\n`);

interface Opened {
  description: string;
  copy_gb_per_s: number | null;
  matrix_tflop_per_s: number | null;
}

let opened: Opened | null = null;
let peerIs = 'not looked for';
let [done, interrupted] = [false, false];

const verification = new Verification(out, Number(minutes) * 60, results, say);
const smi = context.emulated
  ? null
  : told('nvidia-smi', ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader']);

/** The head of the results. */
function results(): object {
  return {
    passed: done && failures().length === 0,
    complete: done,
    device,
    gpu: opened,
    nvidia_smi: smi,
    peer: peerIs,
    machine: machine(),
    packed: context.manifest,
    comparisons: compared(),
  };
}

function failures(): string[] {
  const failed = Object.entries(verification.steps).filter(([, step]) => step.status !== 'passed' && !step.optional);
  return failed.map(([name]) => name);
}

function compared(): Comparison[] {
  const figuresOf = (kind: string) =>
    Object.fromEntries(
      Object.keys(targets).map((shape) => [shape, (verification.steps[`${kind}-${shape}`]?.figures ?? {}) as Figures]),
    );
  return comparisons(figuresOf('bench'), figuresOf('peer'), opened?.matrix_tflop_per_s ?? null);
}

/** A program's output; null if it fails or does not exist. */
function told(program: string, args: string[]): string | null {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? stdout.trim() : null;
}

for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(name, () => {
    interrupted = true;
    verification.stop(`ended by ${name}`);
  });
}

/** Runs lanes concurrently; in a lane, a failed step skips those after it. */
async function runLanes(lanes: Step[][]): Promise<void> {
  const waiting = [...lanes];
  const next = async (): Promise<void> => {
    for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
      let broken = '';
      for (const step of lane) {
        if (broken !== '') verification.leaveOut(step, `${broken} failed`);
        else if (!(await verification.run(step))) broken = step.name;
      }
    }
  };
  await Promise.all(Array.from({ length: context.lanes }, next));
}

/** Engines outlive the processes that started them. */
function endEngines(): void {
  for (const directory of runDirectories(context)) {
    const holder = lockHolder(directory);
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
}

const open: Step = {
  name: 'open',
  limit: 60 * context.scale,
  command: context.program('open'),
  env: context.device,
  judge: (stdout) => (opened = JSON.parse(stdout) as Opened),
};

const findTorch: Step = {
  name: 'peer',
  limit: 60,
  optional: true,
  command: [
    ...[context.python, '-c'],
    'import torch; print("torch", torch.__version__, "CUDA" if torch.cuda.is_available() else "no CUDA")',
  ],
  judge(stdout) {
    if (stdout.includes('no CUDA')) throw new Error(`${stdout.trim()}: the peer cannot run`);
    peerIs = stdout.trim();
  },
};

async function benchmark(): Promise<void> {
  if (context.emulated) {
    for (const [ours] of benchSteps(context, false)) verification.leaveOut(ours, 'an emulator has no speed');
    return;
  }
  const hasPeer = peerIs.startsWith('torch');
  if (!hasPeer) {
    peerIs = `${context.python} has no torch that sees the GPU: ours was measured alone`;
    say(peerIs);
  }
  for (const [ours, peer] of benchSteps(context, hasPeer)) {
    await verification.run(ours);
    if (peer !== null) await verification.run(peer);
  }
}

if (await verification.run(open)) {
  if (context.sanitizer === null) {
    const why = context.emulated ? 'there is no GPU' : 'compute-sanitizer is not installed';
    for (const name of ['memcheck', 'racecheck']) verification.leaveOut({ name, optional: true }, why);
  }
  await runLanes([...(context.emulated ? [] : [[findTorch]]), ...checkLanes(context)]);
  endEngines();
  await benchmark();
  done = !interrupted;
}
verification.write();
for (const { shape, figure, ratio, target, reached } of compared()) {
  say(`${shape} ${figure}: ${ratio.toFixed(2)} (aimed at ${target}${reached ? '' : ', not reached'})`);
}
const failed = failures();
const where = path.resolve(out);
say(
  failed.length === 0
    ? `every check passed; ${where} has the results`
    : `${failed.length} checks did not pass (${failed.join(', ')}); ${where} has why`,
);
process.exit(failed.length === 0 && done ? 0 : 1);
