/** Runs the PyTorch peer (bench/peer/torch_lr_dpo.py), if $PYTHON or python3 has torch. */
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { lastLine } from './run.js';

export const root = path.resolve(import.meta.dirname, '../..');
const python = process.env.PYTHON ?? 'python3';

export const figures = ['pairs_per_s', 'sample_tokens_per_s', 'peak_mem_mb'] as const;
export type Figures = Record<(typeof figures)[number], number>;

/** Fewer pairs for shapes with which a step of eight would take long. */
export const pairsOf = (shape: string) => (shape === '135m' ? 2 : 8);

/**
 * glibc returns large blocks to the system and allocates them anew in every step. With blocks kept, the peer is up to
 * three times faster here, and we compare with that.
 */
const keepMemory = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
  MALLOC_TOP_PAD_: String(2 ** 26),
};

/** The version of torch; null if there is none, after printing a line that says so. */
export function torchVersion(): string | null {
  const torch = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  if (torch.status === 0) return torch.stdout.trim();
  console.log(`no torch in ${python}: ours alone`);
  return null;
}

export function measurePeer(shape: string, threads: number): Figures {
  const script = path.join(root, 'bench/peer/torch_lr_dpo.py');
  const pairs = String(pairsOf(shape));
  const args = ['--shape', shape, '--threads', String(threads), '--sample', '64', '--pairs', pairs, '--micro', pairs];
  const env = { ...process.env, ...keepMemory, OMP_NUM_THREADS: String(threads) };
  return lastLine(execFileSync(python, [script, ...args], { encoding: 'utf8', env })) as Figures;
}
