/** What a machine is doing: processor, memory and GPUs. Reads the CSV of nvidia-smi; io/machine.ts asks for it. */
import { z } from 'zod';
import { plainText } from './sanitize.js';

export interface GpuView {
  index: number;
  name: string;
  /** Share of the last second or so in which a kernel ran, 0 to 1; null if the driver does not tell (always with MIG). */
  utilization: number | null;
  memory_used_mb: number | null;
  memory_total_mb: number | null;
  power_watts: number | null;
  power_limit_watts: number | null;
  /** °C */
  temperature: number | null;
  /** It is split into instances (MIG), whose utilization nvidia-smi does not tell. */
  mig: boolean;
}

/** The GPUs of a machine, or in one sentence why none are known. */
export interface GpuViews {
  gpus: GpuView[];
  gpu_problem: string | null;
}

/** A machine as sampled once. */
export interface MachineView extends GpuViews {
  host: string;
  /** ISO time of the sample. */
  at: string;
  cores: number;
  /** Share of all cores that worked since the sample before, 0 to 1; null in the first. */
  cpu_share: number | null;
  memory_used_mb: number;
  memory_total_mb: number;
  process: {
    pid: number;
    /** Cores that the process kept busy on average since the sample before; null in the first. */
    cpu_cores: number | null;
    memory_mb: number;
  };
}

const amount = z.number().min(0);
const told = z.number().nullable();

/** A `MachineView` as executors of jobs write it into their status, which names host and process already. */
export const sampledMachineSchema = z.object({
  at: z.string(),
  cores: z.int().min(1),
  cpu_share: told,
  memory_used_mb: amount,
  memory_total_mb: amount,
  process: z.object({ cpu_cores: told, memory_mb: amount }),
  gpus: z
    .array(
      z.object({
        index: z.int().min(0),
        name: z.string().transform((name) => plainText(name).slice(0, 80)),
        ...{ utilization: told, memory_used_mb: told, memory_total_mb: told },
        ...{ power_watts: told, power_limit_watts: told, temperature: told },
        mig: z.boolean(),
      }),
    )
    .max(64),
  gpu_problem: z
    .string()
    .transform((problem) => plainText(problem).slice(0, 200))
    .nullable(),
});

const [first, last] = [
  ['index', 'name'],
  ['utilization.gpu', 'memory.used', 'memory.total', 'power.draw', 'power.limit', 'temperature.gpu'],
];
const mig = 'mig.mode.current';

/** Arguments of nvidia-smi. @param knowsMig false for drivers from before MIG (R450), which refuse the field */
export function nvidiaSmiQuery(knowsMig = true): string[] {
  const fields = [...first, ...last, ...(knowsMig ? [mig] : [])];
  return [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'];
}

/** Whether nvidia-smi has refused the query only because its driver does not know MIG. */
export const lacksMig = (output: string): boolean => output.includes(`"${mig}" is not a valid field`);

/** nvidia-smi that runs and finds nothing: in a container without a device, or after the last GPU was lost. */
const noDevices = /no devices were found/i;

/**
 * Reads the output of `nvidiaSmiQuery`: a line per GPU. A value that the driver does not tell (`[N/A]`, `[Not Supported]`,
 * `[Unknown Error]`, `[Insufficient Permissions]`) is null.
 */
export function readNvidiaSmi(output: string, knowsMig = true): GpuViews {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0 || noDevices.test(output)) return noGpus('nvidia-smi finds no device');
  const gpus: GpuView[] = [];
  for (const line of lines) {
    const gpu = readLine(line, knowsMig);
    if (gpu === null) return noGpus(`nvidia-smi printed ${JSON.stringify(plainText(line).slice(0, 120))}`);
    gpus.push(gpu);
  }
  return { gpus, gpu_problem: null };
}

/** @param why completes "no NVIDIA GPU: …" */
export const noGpus = (why: string): GpuViews => ({ gpus: [], gpu_problem: `no NVIDIA GPU: ${why}` });

function readLine(line: string, hasMig: boolean): GpuView | null {
  const cells = line.split(',').map((cell) => cell.trim());
  const [index, ...rest] = cells;
  const mode = hasMig ? rest.pop() : undefined;
  // A name may have commas, the values have none.
  const name = rest.slice(0, rest.length - last.length).join(', ');
  const values = rest.slice(-last.length);
  if (!/^\d+$/.test(index) || name === '' || values.length < last.length) return null;
  const [utilization, used, total, draw, limit, temperature] = values.map(readNumber);
  return {
    index: Number(index),
    name: plainText(name).slice(0, 80),
    utilization: utilization === null ? null : utilization / 100,
    memory_used_mb: used,
    memory_total_mb: total,
    power_watts: draw,
    power_limit_watts: limit,
    temperature,
    mig: /^enabled$/i.test(mode ?? ''),
  };
}

/** Without a unit, or with one where `nounits` is not known. */
function readNumber(cell: string): number | null {
  const found = /^(-?\d+(?:\.\d+)?)(?: *(?:%|MiB|W|C))?$/.exec(cell);
  return found === null ? null : Number(found[1]);
}
