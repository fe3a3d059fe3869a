/** What this machine can do: backends, GPU, processor, memory. Loading the backends takes a second or more. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { MachineFacts } from '../../core/form/machine.js';
import { plainText } from '../../core/sanitize.js';
import { surveyBackends } from '../../tensor/backend.js';
import { fastestBackend } from '../../tensor/fastest.js';

/** @param measures whether a usable GPU is measured as well, which takes some seconds */
export async function surveyMachine(measures: boolean): Promise<MachineFacts> {
  const gpu = nvidiaGpus();
  const backends = await surveyBackends(measures);
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    instructions: vectorInstructions(),
    memory_gb: gigabytes(totalmem()),
    memory_free_gb: gigabytes(freemem()),
    gpu: await gpu,
    backend: backends.find(({ usable, automatic }) => usable && automatic)?.name ?? null,
    fastest: fastestBackend(backends),
    backends,
  };
}

/** GiB with one decimal. */
const gigabytes = (bytes: number): number => Math.round((bytes / 2 ** 30) * 10) / 10;

async function nvidiaGpus(): Promise<string | null> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 });
    return plainText(stdout.trim().replaceAll('\n', '; '));
  } catch {
    return existsSync('/proc/driver/nvidia') ? 'an NVIDIA driver is loaded and nvidia-smi gives no answer' : null;
  }
}

function vectorInstructions(): string | null {
  if (process.arch === 'arm64') return 'NEON';
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].split(' ') ?? [];
    return flags.includes('avx512f') ? 'AVX-512' : flags.includes('avx2') ? 'AVX2' : null;
  } catch {
    return null;
  }
}
