import { describe, expect, it } from 'vitest';
import { gpusInWords, trainerCommand } from '../../../src/core/form/python.js';
import { gpuFacts } from '../../run/preflight/pythons.js';

describe('the command', () => {
  it('is one process on one GPU, and torch.distributed.run on several', () => {
    const one = { program: '/venv/bin/python', gpus: gpuFacts.gpus, trainer_folder: '/opt/brevity/trainer' };
    expect(trainerCommand(one)).toBe('PYTHONPATH=/opt/brevity/trainer /venv/bin/python -m brevity_trainer {dir}');
    expect(trainerCommand({ ...one, gpus: [...one.gpus, ...one.gpus] })).toBe(
      'PYTHONPATH=/opt/brevity/trainer /venv/bin/python -m torch.distributed.run --standalone --nproc_per_node 2 -m brevity_trainer {dir}',
    );
  });

  it('names the GPUs', () => {
    const [gpu] = gpuFacts.gpus;
    expect(gpusInWords([gpu])).toBe('NVIDIA H100 80GB HBM3 (80 GB)');
    expect(gpusInWords([gpu, gpu, { name: 'NVIDIA L4', memory_mb: 23_034 }])).toBe(
      '2 × NVIDIA H100 80GB HBM3 (80 GB), NVIDIA L4 (22 GB)',
    );
  });
});
