/**
 * A device of the addon (native/src/device.h): memory by handle and ops by name. Only this file knows the addon's
 * calls; native/src/ops/ documents each op's arguments.
 */
import type { Precision } from '../../core/config/schema.js';
import { messageOf } from '../../core/errors.js';
import { deviceLost, OutOfMemoryError } from '../memory.js';

export type DeviceName = 'cpu' | 'cuda' | `cuda:${number}` | 'cuda-emulated';

export interface DeviceSettings {
  threads: number;
  /** Limit on bytes in use and bytes kept for reuse together. */
  memoryLimit: number;
  /** For tests: fill new memory with NaN, so that elements that no kernel writes are noticed. */
  poison: boolean;
  /** The type that operands of matrix products are rounded to: fp32 or bf16, on a GPU also tf32. */
  precision: Precision;
}

/** What the addon exports (native/src/addon.cc). */
export interface Addon {
  open(
    device: DeviceName,
    threads: number,
    memoryLimit: number,
    poison: boolean,
    precision: Precision,
  ): { isa: string; threads: number; ops: string[]; description: string; problem?: string };
  measure(): DeviceRates;
  startProfile(): void;
  endProfile(): DeviceProfile;
  close(): void;
  allocate(bytes: number): number;
  release(handle: number): void;
  write(handle: number, from: ArrayBufferView, offset: number): void;
  read(handle: number, to: ArrayBufferView, offset: number): void;
  map(handle: number, f: (memory: ArrayBuffer) => void): boolean;
  launch(op: number, words: Float64Array, buffers: number, params: number): void;
  beginRecording(): void;
  endRecording(): number;
  abandonRecording(): void;
  replay(recording: number): void;
  disposeRecording(recording: number): void;
  memory(): DeviceMemory;
  synchronize(): void;
  trim(): void;
}

/** Rates of a large copy on a GPU (reads plus writes), and of a large matrix product in the device's precision. */
export interface DeviceRates {
  bytesPerSecond: number;
  operationsPerSecond: number;
}

/**
 * Where a device's time went. `seconds` runs from the start of the first op to the end of the last one; an op's seconds
 * are the sum over all its calls. Ops are sorted slowest first; products are listed by size M×N×K.
 */
export interface DeviceProfile {
  seconds: number;
  ops: { op: string; count: number; seconds: number }[];
}

/** In bytes; `peak` is the highest use so far. */
export interface DeviceMemory {
  used: number;
  cached: number;
  peak: number;
  buffers: number;
}

export class Device {
  /** The instruction set that the kernels use. */
  readonly isa: string;
  readonly threads: number;
  /** For people: a GPU's card, driver and libraries; on the cpu device the instructions of bfloat16 products, if used. */
  readonly description: string;
  /** What the environment requested and the addon cannot do; for people. */
  readonly problem: string | undefined;
  /** Whether products round float32 operands to bfloat16. */
  readonly roundsProducts: boolean;
  private readonly ops: Map<string, number>;
  private words = new Float64Array(256);

  constructor(
    private readonly addon: Addon,
    readonly name: DeviceName,
    settings: DeviceSettings,
  ) {
    const { isa, threads, ops, description, problem } = addon.open(
      name,
      settings.threads,
      settings.memoryLimit,
      settings.poison,
      settings.precision,
    );
    this.description = description;
    this.roundsProducts = settings.precision === 'bf16';
    this.isa = isa;
    this.threads = threads;
    this.problem = problem;
    this.ops = new Map(ops.map((op, index) => [op, index]));
  }

  /** @throws OutOfMemoryError; like every call, DeviceLostError */
  allocate(bytes: number): number {
    return guarded(() => this.addon.allocate(bytes));
  }

  release(handle: number): void {
    guarded(() => this.addon.release(handle));
  }

  write(handle: number, values: ArrayBufferView): void {
    guarded(() => this.addon.write(handle, values, 0));
  }

  /** @param offset in bytes */
  read(handle: number, into: ArrayBufferView, offset: number): void {
    guarded(() => this.addon.read(handle, into, offset));
  }

  /**
   * Lets f write a buffer's memory in place, during the call only.
   *
   * @returns false, without calling f, if the host cannot reach the device's memory
   */
  map(handle: number, f: (memory: ArrayBuffer) => void): boolean {
    return this.addon.map(handle, f);
  }

  hasOp(op: string): boolean {
    return this.ops.has(op);
  }

  /** @throws OutOfMemoryError if a kernel gets no working memory; Error if sizes do not fit the buffers */
  launch(op: string, handles: number[], params: number[]): void {
    const index = this.ops.get(op);
    if (index === undefined) throw new Error(`the ${this.name} device has no op ${op}`);
    const count = handles.length + params.length;
    if (count > this.words.length) this.words = new Float64Array(2 * count);
    for (let i = 0; i < handles.length; i++) this.words[i] = handles[i];
    for (let i = 0; i < params.length; i++) this.words[handles.length + i] = params[i];
    guarded(() => this.addon.launch(index, this.words, handles.length, params.length));
  }

  /**
   * From here on launches run and are recorded, until the step ends. Nothing may be written or read meanwhile; buffers
   * allocated meanwhile belong to the recording.
   */
  beginRecording(): void {
    guarded(() => this.addon.beginRecording());
  }

  /**
   * @returns the recorded step's number
   * @throws Error if one of its ops failed
   */
  endRecording(): number {
    return guarded(() => this.addon.endRecording());
  }

  /** Discards the recording instead of ending it. */
  abandonRecording(): void {
    guarded(() => this.addon.abandonRecording());
  }

  /**
   * Launches a step's ops again, on the same memory.
   * @throws Error if a buffer from before the recording was released since
   */
  replay(recording: number): void {
    guarded(() => this.addon.replay(recording));
  }

  /** Releases a step's memory; buffers of it that are in use stay. */
  disposeRecording(recording: number): void {
    guarded(() => this.addon.disposeRecording(recording));
  }

  /** Takes about a second. @throws Error on devices that are not GPUs */
  measure(): DeviceRates {
    return guarded(() => this.addon.measure());
  }

  /** Times each op until `endProfile`. A GPU then runs recorded steps op by op. */
  startProfile(): void {
    guarded(() => this.addon.startProfile());
  }

  /** @throws Error if no profile was started */
  endProfile(): DeviceProfile {
    return guarded(() => this.addon.endProfile());
  }

  synchronize(): void {
    guarded(() => this.addon.synchronize());
  }

  memory(): DeviceMemory {
    return this.addon.memory();
  }

  /** Returns memory kept for reuse to the system. */
  trim(): void {
    guarded(() => this.addon.trim());
  }

  /** Frees every buffer. */
  close(): void {
    this.addon.close();
  }
}

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { code, bytes } = error as { code?: string; bytes?: number };
    if (code === 'OUT_OF_MEMORY') throw new OutOfMemoryError(bytes ?? 0, { cause: error });
    if (code === 'DEVICE_LOST') throw deviceLost(messageOf(error), error);
    throw error;
  }
}
