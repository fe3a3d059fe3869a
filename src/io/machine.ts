/** Samples this machine without blocking: nothing is read or run unless somebody asks, and GPUs at most once a second. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, freemem, hostname, totalmem } from 'node:os';
import { messageOf } from '../core/errors.js';
import { type GpuViews, type MachineView, lacksMig, noGpus, nvidiaSmiQuery, readNvidiaSmi } from '../core/machine.js';
import { plainText } from '../core/sanitize.js';

/** A sample that is younger answers the next question too, in ms. */
const FRESH_MS = 1000;
/** A driver that hangs must not collect processes, in ms. */
const TIMEOUT_MS = 10_000;
/** How long a failure of nvidia-smi counts, in ms: a missing program, or a driver that is down, is not asked each time. */
const FAILED_MS = 30_000;

export interface SamplerOptions {
  /** The program that knows the GPUs. */
  nvidiaSmi?: string;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

interface Counted {
  at: number;
  /** Milliseconds of all cores, and of those the busy ones. */
  total: number;
  busy: number;
  /** Microseconds of this process. */
  process: number;
}

export class MachineSampler {
  private readonly program: string;
  private readonly now: () => number;
  private before: Counted | null = null;
  private sampled: { at: number; view: Promise<MachineView> } | null = null;
  private failed: { until: number; gpus: GpuViews } | null = null;
  private knowsMig = true;

  constructor({ nvidiaSmi = 'nvidia-smi', now = () => performance.now() }: SamplerOptions = {}) {
    this.program = nvidiaSmi;
    this.now = now;
  }

  /** Several who ask at once get one sample. Shares of time are since the sample before. */
  sample(): Promise<MachineView> {
    const at = this.now();
    if (this.sampled === null || at - this.sampled.at >= FRESH_MS) this.sampled = { at, view: this.take(at) };
    return this.sampled.view;
  }

  private async take(at: number): Promise<MachineView> {
    const { before } = this;
    const counted = count(at);
    this.before = counted;
    const passed = before === null ? 0 : counted.total - before.total;
    const elapsed = before === null ? 0 : counted.at - before.at;
    return {
      host: hostname(),
      at: new Date().toISOString(),
      cores: cpus().length,
      cpu_share: before === null || passed <= 0 ? null : (counted.busy - before.busy) / passed,
      ...memory(),
      process: {
        pid: process.pid,
        cpu_cores: before === null || elapsed <= 0 ? null : (counted.process - before.process) / 1000 / elapsed,
        memory_mb: process.memoryUsage.rss() / 2 ** 20,
      },
      ...(await this.gpus()),
    };
  }

  private async gpus(): Promise<GpuViews> {
    if (this.failed !== null && this.now() < this.failed.until) return this.failed.gpus;
    const { output, problem } = await this.ask();
    if (problem !== null && this.knowsMig && lacksMig(output)) {
      this.knowsMig = false;
      return this.gpus();
    }
    const gpus = problem === null ? readNvidiaSmi(output, this.knowsMig) : noGpus(problem);
    this.failed = gpus.gpu_problem === null ? null : { until: this.now() + FAILED_MS, gpus };
    return gpus;
  }

  private ask(): Promise<{ output: string; problem: string | null }> {
    const options = { encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: 2 ** 20 } as const;
    return new Promise((resolve) => {
      execFile(this.program, nvidiaSmiQuery(this.knowsMig), options, (error, stdout, stderr) => {
        if (error === null) return resolve({ output: stdout, problem: null });
        const output = `${stdout}\n${stderr}`.trim();
        resolve({ output, problem: problemOf(error, output) });
      });
    });
  }
}

/** Completes "no NVIDIA GPU: …". */
function problemOf(error: Error & { code?: unknown; killed?: boolean }, output: string): string {
  if (error.code === 'ENOENT') return 'nvidia-smi is not installed here';
  if (error.killed === true) return `nvidia-smi gave no answer within ${TIMEOUT_MS / 1000} s`;
  const said = plainText(output.split('\n').find((line) => line.trim() !== '') ?? messageOf(error));
  return `nvidia-smi failed: ${said.slice(0, 160)}`;
}

function count(at: number): Counted {
  let [total, busy] = [0, 0];
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    total += all;
    busy += all - times.idle;
  }
  const { user, system } = process.cpuUsage();
  return { at, total, busy, process: user + system };
}

/** Of the machine, or of the container that limits this process. What the page cache holds counts as free. */
function memory(): Pick<MachineView, 'memory_used_mb' | 'memory_total_mb'> {
  const total = totalmem();
  const limit = process.constrainedMemory();
  // Node 20.11 does not have it.
  const left = (process as Partial<Pick<NodeJS.Process, 'availableMemory'>>).availableMemory?.();
  // Without a limit, cgroups report 0 or a number larger than any memory.
  if (left !== undefined && limit > 0 && limit < total)
    return { memory_used_mb: (limit - Math.min(limit, left)) / 2 ** 20, memory_total_mb: limit / 2 ** 20 };
  return { memory_used_mb: (total - (availableMemory() ?? freemem())) / 2 ** 20, memory_total_mb: total / 2 ** 20 };
}

/** Linux's MemAvailable in bytes; null elsewhere. */
function availableMemory(): number | null {
  try {
    const found = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}
