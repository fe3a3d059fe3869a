/**
 * Which backend is fastest on this machine, and whether that was measured; for `doctor` and the form. Processors were
 * measured (docs/tensorflow.md); neither cuda nor tensorflow has been run on a GPU.
 */
import type { BackendName } from '../core/config/schema.js';

export interface Candidate {
  name: BackendName;
  usable: boolean;
  /** Whether it computes on a GPU. */
  gpu: boolean;
}

/** The fastest backend that loads, and why, in a sentence without a full stop. */
export function fastestBackend(candidates: readonly Candidate[]): { name: BackendName; why: string } {
  const usable = (name: BackendName) => candidates.find((each) => each.name === name && each.usable) !== undefined;
  const tensorflowOnGpu = candidates.some(({ name, gpu }) => name === 'tensorflow' && gpu);
  if (usable('cuda')) {
    const other = tensorflowOnGpu ? ', and tensorflow launches one op at a time from JavaScript' : '';
    return {
      name: 'cuda',
      why: `fused kernels and recorded steps on the GPU${other}; expected, not measured: it is unverified on a GPU, so auto does not choose it`,
    };
  }
  if (tensorflowOnGpu) {
    const small = usable('native')
      ? '; a small model may be faster with native, since tensorflow launches one op at a time from JavaScript'
      : '';
    return { name: 'tensorflow', why: `it alone computes on the GPU; expected, not measured on one${small}` };
  }
  if (usable('native')) {
    return {
      name: 'native',
      why: `measured on the processor, in updates and in sampling, against ${usable('tensorflow') ? 'tensorflow, which finds no GPU here, and wasm' : 'tensorflow and wasm'}`,
    };
  }
  if (usable('tensorflow')) {
    return {
      name: 'tensorflow',
      why: 'measured on the processor: faster than wasm in updates; native would be faster',
    };
  }
  return { name: 'wasm', why: 'it alone loads; native would be several times faster' };
}

/**
 * A clause about faster backends for a user of this one; null if there is nothing to say.
 *
 * @param gpu whether the backend computes on a GPU
 * @param nvidia whether this machine has an NVIDIA GPU
 */
export function speedNote(name: BackendName, gpu: boolean, nvidia: boolean): string | null {
  if (name === 'cuda') return null;
  if (gpu) return 'on the GPU, where we have not measured it';
  if (nvidia) return `the GPU stays idle: backend cuda, or PyTorch under "updates on", uses it`;
  if (name === 'tensorflow') return 'on the processor, where native is faster';
  return name === 'wasm' ? 'native is several times faster' : null;
}
