/**
 * Loads brevity.wasm (kernels.c) onto the memory of TensorFlow.js's wasm backend, so that our kernels read and write
 * tensors in place, on several threads. Also fixes a bug of that backend: a failed allocation returns address 0, which
 * is then used; here it throws OutOfMemoryError, and the update retries with a smaller micro-batch.
 *
 * Leaves out which kernels exist (register.ts).
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { OutOfMemoryError } from '../memory.js';
import { type Kernel, KernelThreads, type WasmModule } from './threads.js';

/** The part of tfjs 4.22.0's Emscripten module that we rely on; its types do not declare all of it. */
interface Heap {
  asm: Record<string, unknown>;
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

interface WebAssemblyGlobal {
  Memory: new (...args: never[]) => object;
  compile(binary: Uint8Array): Promise<WasmModule>;
  instantiate(binary: WasmModule, imports: object): Promise<{ exports: Record<string, unknown> }>;
}
const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;

const STACK_BYTES = 64 * 1024;

/** Floats that `matmul` packs for each thread: K_BLOCK · (N_BLOCK + 4) in kernels.c. */
const PACKED_FLOATS = 256 * (64 + 4);

/**
 * Additions, multiplications or moved floats below which a kernel runs on one thread: about the time that it takes to
 * wake another one.
 */
const WORTH_SHARING = 50_000;

/**
 * Runs `load` with the memory of every wasm module that is instantiated meanwhile declared shared, so that other
 * threads can use it. tfjs has a threaded build, too, whose threads serve only its own kernels and number half of the
 * processors at most.
 */
export async function withSharedMemory(load: () => Promise<void>): Promise<void> {
  const instantiate = wasm.instantiate.bind(wasm);
  wasm.instantiate = (binary, imports) =>
    instantiate(binary instanceof Uint8Array ? declareShared(binary) : binary, imports);
  try {
    await load();
  } finally {
    wasm.instantiate = instantiate;
  }
}

/**
 * Sets the flag for shared memory in a module's memory section (WebAssembly core specification, 5.5.8, with the threads
 * proposal: limits 0x01 has a maximum, 0x03 is shared and has one).
 */
function declareShared(binary: Uint8Array): Uint8Array {
  const MEMORY_SECTION = 5;
  for (let at = 8; at < binary.length;) {
    const section = binary[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      size |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) break;
    }
    if (section === MEMORY_SECTION) {
      const [memories, limits] = [binary[at], binary[at + 1]];
      if (memories !== 1 || limits !== 1) break;
      const shared = binary.slice();
      shared[at + 1] = 3;
      return shared;
    }
    at += size;
  }
  throw new Error('the wasm backend declares its memory in another way: tfjs 4.22.0 is expected');
}

export class WasmKernels {
  private scratchAddress = 0;
  private scratchBytes = 0;

  private constructor(
    readonly backend: BackendWasm,
    private readonly heap: Heap,
    readonly threads: KernelThreads,
  ) {}

  /** @param threads to compute with, this one included */
  static async attach(threads: number): Promise<WasmKernels> {
    const backend = tf.backend() as BackendWasm;
    const heap = backend.wasm as unknown as Heap;
    const memory = Object.values(heap.asm).find((value): value is object => value instanceof wasm.Memory);
    if (memory === undefined) throw new Error('the wasm backend does not export its memory: tfjs 4.22.0 is expected');
    throwWhenOutOfMemory(heap);
    const module = await wasm.compile(readFileSync(new URL('./brevity.wasm', import.meta.url)));
    const { exports } = await wasm.instantiate(module, { env: { memory } });
    const { __stack_pointer: stackPointer, ...kernels } = exports;
    const stackOf = () => heap._malloc(STACK_BYTES) + STACK_BYTES;
    (stackPointer as { value: number }).value = stackOf();
    const pool = await KernelThreads.start(module, memory, kernels as Record<string, Kernel>, threads, stackOf);
    return new WasmKernels(backend, heap, pool);
  }

  /**
   * Runs a kernel, on all threads if it is worth it.
   *
   * @param work about how many floats it computes or moves
   */
  call(kernel: string, work: number, ...numbers: number[]): void {
    if (work < WORTH_SHARING) this.threads.alone(kernel, numbers);
    else this.threads.run(kernel, numbers);
  }

  /** c [M, N] = a [M, K] · b [K, N], all at addresses; rows and columns of a and b are rs and cs floats apart. */
  product(
    a: { at: number; rs: number; cs: number },
    b: { at: number; rs: number; cs: number },
    c: number,
    [M, N, K]: [M: number, N: number, K: number],
  ): void {
    const packed = this.scratch(PACKED_FLOATS * this.threads.count);
    this.call('matmul', M * N * K, a.at, a.rs, a.cs, b.at, b.rs, b.cs, c, packed, M, N, K);
  }

  /** A tensor's address in bytes, valid as long as the tensor lives. */
  address(tensor: tf.TensorInfo): number {
    return this.backend.getMemoryOffset(tensor.dataId);
  }

  /** An uninitialised tensor. */
  output(shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.TensorInfo {
    return this.backend.makeOutput(shape, dtype);
  }

  zeros(shape: number[]): tf.TensorInfo {
    const tensor = this.output(shape);
    this.floats(tensor).fill(0);
    return tensor;
  }

  /** A view of a tensor's memory. Hazard: any allocation may grow the memory and detach the view. */
  floats(tensor: tf.TensorInfo): Float32Array {
    return this.backend.typedArrayFromHeap(tensor) as Float32Array;
  }

  release(tensor: tf.TensorInfo): void {
    this.backend.disposeData(tensor.dataId);
  }

  /** Working memory that every kernel may overwrite; it only grows. */
  scratch(floats: number): number {
    const bytes = floats * 4;
    if (bytes > this.scratchBytes) {
      this.heap._free(this.scratchAddress);
      this.scratchBytes = 0;
      this.scratchAddress = this.heap._malloc(bytes);
      this.scratchBytes = bytes;
    }
    return this.scratchAddress;
  }
}

function throwWhenOutOfMemory(heap: Heap): void {
  // Emscripten's stub replaces itself on its first call, which would overwrite the wrapper, so it is called first.
  heap._free(heap._malloc(1));
  const malloc = heap._malloc.bind(heap);
  heap._malloc = (bytes) => {
    // A larger size would wrap around in wasm's 32 bits and succeed.
    if (bytes >= 2 ** 32) throw new OutOfMemoryError(bytes);
    let address = 0;
    try {
      address = malloc(bytes) >>> 0;
    } catch (cause) {
      throw new OutOfMemoryError(bytes, { cause });
    }
    if (address === 0 && bytes > 0) throw new OutOfMemoryError(bytes);
    return address;
  };
}
