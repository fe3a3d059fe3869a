/** Runs the peers of bench/peer, with the Python of $PYTHON or python3: a plain PyTorch program, and TRL's DPOTrainer. */
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { median } from './median.js';
import { lastLine } from './run.js';

export const root = path.resolve(import.meta.dirname, '../..');
const python = process.env.PYTHON ?? 'python3';

export const figures = ['pairs_per_s', 'sample_tokens_per_s', 'peak_mem_mb'] as const;
export type Figures = Record<(typeof figures)[number], number>;

/** Older ones lack years of work on CPUs: a comparison with them would flatter us. */
export const OLDEST_TORCH = '2.8';

/** Fewer pairs for shapes with which a step of eight would take long. */
export const pairsOf = (shape: string) => (shape === '135m' ? 2 : 8);

/**
 * glibc returns large blocks to the system and allocates them anew in every step. With blocks kept, the peers are up to
 * three times faster here, and we compare with that. What would choose OpenBLAS's kernels by hand is not passed on.
 */
function peerEnvironment(threads: number): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...inherited } = process.env;
  return {
    ...inherited,
    MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
    MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
    MALLOC_TOP_PAD_: String(2 ** 26),
    OMP_NUM_THREADS: String(threads),
    HF_HUB_OFFLINE: '1',
  };
}

/** Versions of what the peers need; null: not installed. */
export interface PeerVersions {
  torch: string | null;
  trl: string | null;
  transformers: string | null;
}

/** @throws Error if torch is too old to be a peer */
export function peerVersions(): PeerVersions {
  const code = `
import importlib.metadata as m, json
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({name: version(name) for name in ("torch", "trl", "transformers")}))`;
  const found = spawnSync(python, ['-c', code], { encoding: 'utf8' });
  if (found.status !== 0) return { torch: null, trl: null, transformers: null };
  const versions = JSON.parse(found.stdout) as PeerVersions;
  const old = versions.torch === null ? null : tooOld(versions.torch);
  if (old !== null) throw new Error(`${python} has ${old}`);
  return versions;
}

/** Why this version of torch is too old to compare with, as a sentence; null if it is not. */
export function tooOld(torch: string): string | null {
  const [major, minor] = torch.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_TORCH.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return null;
  return `torch ${torch}, which users no longer install; expected ${OLDEST_TORCH} or newer: pip install torch, and name its Python in PYTHON`;
}

export function measureTorch(shape: string, threads: number, dtype: 'fp32' | 'bf16' = 'fp32'): Figures {
  const script = path.join(root, 'bench/peer/torch_lr_dpo.py');
  const pairs = String(pairsOf(shape));
  const args = ['--shape', shape, '--threads', String(threads), '--sample', '64', '--pairs', pairs, '--micro', pairs];
  const env = peerEnvironment(threads);
  return lastLine(execFileSync(python, [script, ...args, '--dtype', dtype], { encoding: 'utf8', env })) as Figures;
}

/** Pairs per second of TRL's DPOTrainer. The first step, which allocates the memory, is not counted, as in the others. */
export function measureTrl(shape: string, threads: number): number {
  const script = path.join(root, 'bench/peer/trl_lr_dpo.py');
  const pairs = pairsOf(shape);
  const args = ['--shape', shape, '--threads', String(threads), '--batch', String(pairs), '--steps', '6'];
  const text = execFileSync(python, [script, ...args], {
    encoding: 'utf8',
    env: peerEnvironment(threads),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { step_s } = lastLine(text) as { step_s: number[] };
  return pairs / median(step_s.slice(1));
}
