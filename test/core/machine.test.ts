/** Output of nvidia-smi in the forms that real drivers print. */
import { describe, expect, it } from 'vitest';
import { lacksMig, nvidiaSmiQuery, readNvidiaSmi } from '../../src/core/machine.js';

it('reads several GPUs', () => {
  const output = [
    '0, NVIDIA A100-SXM4-80GB, 97, 61234, 81920, 312.45, 400.00, 61, Disabled',
    '1, NVIDIA A100-SXM4-80GB, 0, 3, 81920, 54.10, 400.00, 31, Disabled',
    '',
  ].join('\n');
  expect(readNvidiaSmi(output)).toEqual({
    gpus: [
      {
        ...{
          index: 0,
          name: 'NVIDIA A100-SXM4-80GB',
          utilization: 0.97,
          memory_used_mb: 61234,
          memory_total_mb: 81920,
        },
        ...{ power_watts: 312.45, power_limit_watts: 400, temperature: 61, mig: false },
      },
      {
        ...{ index: 1, name: 'NVIDIA A100-SXM4-80GB', utilization: 0, memory_used_mb: 3, memory_total_mb: 81920 },
        ...{ power_watts: 54.1, power_limit_watts: 400, temperature: 31, mig: false },
      },
    ],
    gpu_problem: null,
  });
});

it.each([
  ['[N/A]'],
  ['N/A'],
  ['[Not Supported]'],
  ['[Unknown Error]'],
  ['[Insufficient Permissions]'],
  ['[GPU requires reset]'],
])('a value that the driver does not tell (%s) is unknown, not 0', (none) => {
  const { gpus } = readNvidiaSmi(`0, NVIDIA GB10, 12, ${none}, ${none}, 4.32, ${none}, 38, ${none}\n`);
  expect(gpus[0]).toMatchObject({ memory_used_mb: null, memory_total_mb: null, power_watts: 4.32, mig: false });
});

it('knows a GPU that is split into instances', () => {
  const { gpus } = readNvidiaSmi('0, NVIDIA H100 80GB HBM3, [N/A], 10240, 81559, 120.31, 700.00, 35, Enabled');
  expect(gpus[0]).toMatchObject({ mig: true, utilization: null, memory_used_mb: 10240 });
});

it('reads drivers from before MIG, names with commas, and units', () => {
  expect(readNvidiaSmi('0, GeForce GTX 1080, 3, 512, 8119, 12.01, 180.00, 44', false).gpus[0]).toMatchObject({
    name: 'GeForce GTX 1080',
    temperature: 44,
  });
  expect(
    readNvidiaSmi('0, Quadro, special, 3 %, 512 MiB, 8119 MiB, 12.01 W, 180.00 W, 44, [N/A]').gpus[0],
  ).toMatchObject({ name: 'Quadro, special', utilization: 0.03, memory_used_mb: 512 });
  expect(nvidiaSmiQuery(false).join(' ')).not.toContain('mig');
  expect(lacksMig('Field "mig.mode.current" is not a valid field to query.\n')).toBe(true);
});

describe('says why there is none', () => {
  it.each([
    ['', 'nvidia-smi finds no device'],
    ['No devices were found\n', 'nvidia-smi finds no device'],
    ['\x1b[31msomething else\n', 'nvidia-smi printed'],
    ['0, short, 3\n', 'nvidia-smi printed'],
  ])('%j', (output, why) => {
    const { gpus, gpu_problem } = readNvidiaSmi(output);
    expect(gpus).toEqual([]);
    expect(gpu_problem).toContain(`no NVIDIA GPU: ${why}`);
    expect(gpu_problem).not.toContain('\x1b');
  });
});
