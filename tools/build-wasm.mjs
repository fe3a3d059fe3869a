/**
 * Compiles src/tensor/wasm/kernels.c into brevity.wasm beside it, with the hash of its source in brevity.wasm.json, so
 * that a test can tell when the binary is older than the source. Needs clang and wasm-ld (Debian: clang, lld).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../src/tensor/wasm/', import.meta.url).pathname;
execFileSync(
  'clang',
  [
    '--target=wasm32',
    '-O3',
    '-msimd128',
    '-mbulk-memory',
    '-matomics',
    '-mmutable-globals',
    '-ffreestanding',
    '-nostdlib',
    '-fvisibility=hidden',
    '-Wall',
    '-Wextra',
    '-Wl,--no-entry',
    '-Wl,--import-memory',
    '-Wl,--shared-memory',
    '-Wl,--max-memory=4294967296',
    '-Wl,--export-dynamic',
    '-Wl,--export=__stack_pointer',
    '-Wl,--strip-all',
    '-o',
    `${folder}brevity.wasm`,
    `${folder}kernels.c`,
  ],
  { stdio: 'inherit' },
);

const binary = readFileSync(`${folder}brevity.wasm`);
// Section 11 is the data section: its constants would be written over tfjs's own.
for (let at = 8; at < binary.length;) {
  const id = binary[at++];
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = binary[at++];
    size |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) break;
  }
  if (id === 11) throw new Error('kernels.c has a data segment: keep its constants inline');
  at += size;
}
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
writeFileSync(
  `${folder}brevity.wasm.json`,
  JSON.stringify({ source: hash(readFileSync(`${folder}kernels.c`)), binary: hash(binary) }, null, 2) + '\n',
);
console.log(`brevity.wasm: ${binary.length} bytes`);
