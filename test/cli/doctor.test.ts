/** `brevity doctor` where stand-ins for Python and nvidia-smi are on the path. */
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { fakeNvidiaSmi, fakePython, gpuFacts, standIn } from '../run/preflight/pythons.js';
import { temporaryDirectories } from '../temporary.js';
import { brevity } from './cli.js';

const temporary = temporaryDirectories();
let bin = '';
beforeEach(() => {
  bin = temporary();
});

const doctor = (): string =>
  brevity(['doctor'], '', undefined, { PATH: `${bin}:/usr/bin:/bin`, BREVITY_PYTHON: path.join(bin, 'python3') })
    .stdout;

it('recommends PyTorch on a GPU that it sees, with the command filled in', () => {
  fakeNvidiaSmi(bin);
  const python = fakePython(bin, 'python3');
  standIn(bin, 'sbatch', 'echo "slurm 24.11.5"');
  const text = doctor();
  expect(text).toMatch(/^GPU +NVIDIA H100 80GB HBM3, 81559 MiB, 580\.65\.06$/m);
  expect(text).toMatch(/^PyTorch +2\.9\.0$/m);
  expect(text).toMatch(/^GPUs in PyTorch +NVIDIA H100 80GB HBM3 \(80 GB\)$/m);
  expect(text).toMatch(/^Slurm +slurm 24\.11\.5 \(.*sbatch\)$/m);
  expect(text).toMatch(/^Recommended +updates with PyTorch on NVIDIA H100/m);
  expect(text).toMatch(
    new RegExp(`"launcher": "process", "command": "PYTHONPATH=\\S*/trainer ${python} -m brevity_trainer \\{dir\\}"`),
  );
});

it('recommends nothing without a GPU, and says what is missing with one', () => {
  fakePython(bin, 'python3', { ...gpuFacts, gpus: [] });
  expect(doctor()).not.toMatch(/Recommended/);
  fakePython(bin, 'python3', { ...gpuFacts, packages: { ...gpuFacts.packages, transformers: null }, trainer: null });
  expect(doctor()).toMatch(
    /^Recommended +PyTorch sees NVIDIA H100 .* cannot run the trainer: it has no transformers$/m,
  );
});
