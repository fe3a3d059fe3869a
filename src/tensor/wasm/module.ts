/**
 * Loads brevity.wasm (kernels.c) onto the memory of TensorFlow.js's wasm backend, so that our kernels read and write
 * tensors in place. Also fixes a bug of that backend: a failed allocation returns address 0, which is then used; here
 * it throws OutOfMemoryError, and the update retries with a smaller micro-batch.
 *
 * Leaves out which kernels exist (register.ts).
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { OutOfMemoryError } from '../memory.js';

/** The part of tfjs 4.22.0's Emscripten module that we rely on; its types do not declare all of it. */
interface Heap {
  asm: Record<string, unknown>;
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

type Kernel = (...numbers: number[]) => void;

/** The part of the WebAssembly global that we use; Node 20's types leave it out. */
interface WebAssemblyGlobal {
  Memory: new (...args: never[]) => object;
  instantiate(binary: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
}
const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;

const STACK_BYTES = 64 * 1024;

export class WasmKernels {
  private scratchAddress = 0;
  private scratchBytes = 0;

  private constructor(
    readonly backend: BackendWasm,
    private readonly heap: Heap,
    private readonly kernels: Record<string, Kernel>,
  ) {}

  static async attach(): Promise<WasmKernels> {
    const backend = tf.backend() as BackendWasm;
    const heap = backend.wasm as unknown as Heap;
    const memory = Object.values(heap.asm).find((value) => value instanceof wasm.Memory);
    if (memory === undefined) throw new Error('the wasm backend does not export its memory: tfjs 4.22.0 is expected');
    throwWhenOutOfMemory(heap);
    const { instance } = await wasm.instantiate(readFileSync(new URL('./brevity.wasm', import.meta.url)), {
      env: { memory },
    });
    const { __stack_pointer: stack, ...kernels } = instance.exports;
    (stack as { value: number }).value = heap._malloc(STACK_BYTES) + STACK_BYTES;
    return new WasmKernels(backend, heap, kernels as Record<string, Kernel>);
  }

  call(kernel: string, ...numbers: number[]): void {
    this.kernels[kernel](...numbers);
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
