/**
 * TensorFlow.js's backend over a device of our addon: maps tensors to buffers and counts their owners. Kernels
 * (register/) allocate outputs here and launch the device's ops on them.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from './device.js';

type Values = Float32Array | Int32Array | Uint8Array;

interface Entry {
  /** The device's buffer; null for strings, which stay in JavaScript. */
  handle: number | null;
  strings: Uint8Array[] | null;
  dtype: tf.DataType;
  size: number;
  refCount: number;
  /** A float32 tensor that the device keeps in bfloat16 (see the end of this file). */
  bf16?: boolean;
}

/** Shape and element type of a new tensor, and whether it is kept in bfloat16. */
export type Output = [shape: number[], dtype: tf.DataType, bf16?: boolean];

/** Bytes per element in the device's memory. */
export function bytesOf(dtype: tf.DataType): number {
  if (dtype === 'float32' || dtype === 'int32') return 4;
  if (dtype === 'bool') return 1;
  throw new Error(`the native backend has no tensors of ${dtype}`);
}

export class NativeBackend extends tf.KernelBackend {
  /**
   * Number of float32 copies made of bfloat16 tensors for ops that cannot read them. Copies are slow; tests read this.
   */
  bf16Copies = 0;
  private readonly entries: tf.DataStorage<Entry>;

  constructor(readonly device: Device) {
    super();
    this.entries = new tf.DataStorage(this, tf.engine());
  }

  override write(values: tf.BackendValues | null, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues | null,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const size = tf.util.sizeFromShape(shape);
    if (dtype === 'string') {
      this.entries.set(dataId, { handle: null, strings: values as Uint8Array[], dtype, size, refCount });
      return;
    }
    const bytes = size * bytesOf(dtype);
    const handle = this.device.allocate(bytes);
    if (values != null && size > 0) {
      const typed = asDtype(values, dtype);
      try {
        this.device.write(handle, typed.length === size ? typed : typed.subarray(0, size));
      } catch (error) {
        this.device.release(handle);
        throw error;
      }
    }
    this.entries.set(dataId, { handle, strings: null, dtype, size, refCount });
  }

  override async read(dataId: tf.DataId): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override readSync(dataId: tf.DataId): tf.BackendValues {
    const { handle, strings, dtype, size, bf16 } = this.entries.get(dataId);
    if (handle === null) return strings ?? [];
    if (bf16) {
      const copy = widened(this, { dataId, shape: [size], dtype });
      try {
        return this.readSync(copy.dataId);
      } finally {
        this.free(copy);
      }
    }
    const values = tf.util.getTypedArrayFromDType(dtype as 'float32', size) as Values;
    if (size > 0) this.device.read(handle, values, 0);
    return values;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.entries.has(dataId)) return true;
    const entry = this.entries.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.handle !== null) this.device.release(entry.handle);
    this.entries.delete(dataId);
    return true;
  }

  override refCount(dataId: tf.DataId): number {
    return this.entries.has(dataId) ? this.entries.get(dataId).refCount : 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.entries.get(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.entries.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    const start = performance.now();
    f();
    this.device.synchronize();
    return { kernelMs: performance.now() - start };
  }

  /** Returns unused memory to the system. */
  releaseMemory(): void {
    this.device.trim();
  }

  override dispose(): void {
    this.device.close();
  }

  /** An uninitialised tensor. */
  output(shape: number[], dtype: tf.DataType): tf.TensorInfo {
    return { dataId: this.write(null, shape, dtype), shape, dtype };
  }

  /** The same data under another shape; adds one owner. */
  share(tensor: tf.TensorInfo, shape = tensor.shape): tf.TensorInfo {
    this.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape, dtype: tensor.dtype };
  }

  /** Releases a tensor that a kernel made for itself. */
  free(...tensors: tf.TensorInfo[]): void {
    for (const { dataId } of tensors) this.disposeData(dataId);
  }

  launch(op: string, tensors: tf.TensorInfo[], params: number[]): void {
    this.device.launch(
      op,
      tensors.map(({ dataId }) => this.handleOf(dataId)),
      params,
    );
  }

  /** Launches an op on the inputs' buffers followed by new output tensors; if it throws, the outputs are freed. */
  compute(op: string, inputs: tf.TensorInfo[], params: number[], ...outputs: Output[]): tf.TensorInfo[] {
    const made: tf.TensorInfo[] = [];
    try {
      for (const [shape, dtype, bf16] of outputs) made.push(bf16 ? this.bf16Output(shape) : this.output(shape, dtype));
      launchReading(this, op, inputs, (form, read) => this.launch(form, [...read, ...made], params));
      return made;
    } catch (error) {
      this.free(...made);
      throw error;
    }
  }

  /** The same for one output. */
  compute1(op: string, inputs: tf.TensorInfo[], params: number[], shape: number[], dtype: tf.DataType): tf.TensorInfo {
    return this.compute(op, inputs, params, [shape, dtype])[0];
  }

  isBf16(dataId: tf.DataId): boolean {
    return this.entries.get(dataId).bf16 === true;
  }

  /** An uninitialised tensor, kept in bfloat16. */
  bf16Output(shape: number[]): tf.TensorInfo {
    const dataId = {};
    const size = tf.util.sizeFromShape(shape);
    const handle = this.device.allocate(2 * size);
    this.entries.set(dataId, { handle, strings: null, dtype: 'float32', size, refCount: 1, bf16: true });
    return { dataId, shape, dtype: 'float32' };
  }

  /** Writes all of a tensor's values. */
  fill(tensor: tf.TensorInfo, values: Values): void {
    this.device.write(this.handleOf(tensor.dataId), values);
  }

  private handleOf(dataId: tf.DataId): number {
    const { handle } = this.entries.get(dataId);
    if (handle === null) throw new Error('the native backend computes nothing on strings');
    return handle;
  }

  /**
   * A float32 tensor whose values `fill` writes in place, or into an array that is then copied if the host cannot reach
   * the device's memory. If fill throws, nothing stays allocated.
   */
  filled(shape: number[], fill: (values: Float32Array) => void): tf.TensorInfo {
    return this.written(this.output(shape, 'float32'), Float32Array, fill);
  }

  /** The same for a tensor in bfloat16: fill writes the bits of each value. */
  filledBf16(shape: number[], fill: (bits: Uint16Array) => void): tf.TensorInfo {
    return this.written(this.bf16Output(shape), Uint16Array, fill);
  }

  private written<T extends Float32Array | Uint16Array>(
    tensor: tf.TensorInfo,
    Values: { new (memory: ArrayBuffer, offset: number, size: number): T; new (size: number): T },
    fill: (values: T) => void,
  ): tf.TensorInfo {
    const handle = this.handleOf(tensor.dataId);
    const size = tf.util.sizeFromShape(tensor.shape);
    try {
      if (!this.device.map(handle, (memory) => fill(new Values(memory, 0, size)))) {
        const values = new Values(size);
        fill(values);
        this.device.write(handle, values);
      }
    } catch (error) {
      this.free(tensor);
      throw error;
    }
    return tensor;
  }
}

function asDtype(values: tf.BackendValues, dtype: tf.DataType): Values {
  const Array = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  return values instanceof Array ? values : Array.from(values as unknown as ArrayLike<number>);
}

// Float32 tensors that the device keeps in bfloat16, two bytes per element: frozen ones, and, on a device that rounds
// the operands of products, results that only products read (Readers of fused.ts). TensorFlow.js sees float32. A few
// ops have forms that read bfloat16; all others get a float32 copy for the duration of the launch.

/** Forms of ops, by the positions of the inputs that they read in bfloat16; the first that fits is used. */
const forms = new Map<string, [form: string, places: number[]][]>([
  [
    'MatMul',
    [
      ['MatMul/bf16ab', [0, 1]],
      ['MatMul/bf16a', [0]],
      ['MatMul/bf16', [1]],
    ],
  ],
  ['Gather', [['Gather/bf16', [0]]]],
  ['TokenLogProbs', [['TokenLogProbs/bf16', [1]]]],
  ['TokenLogProbsGrad', [['TokenLogProbsGrad/bf16', [1]]]],
]);

/** Runs `launch` with the name of the op or of its form, and with inputs that it can read. */
export function launchReading(
  backend: NativeBackend,
  op: string,
  inputs: tf.TensorInfo[],
  launch: (form: string, read: tf.TensorInfo[]) => void,
): void {
  const isBf16 = inputs.map(({ dataId }) => backend.isBf16(dataId));
  // The common case, kept fast because every op passes here.
  if (!isBf16.includes(true)) return launch(op, inputs);
  const [form, own] = forms
    .get(op)
    ?.find(([name, places]) => places.every((place) => isBf16[place]) && backend.device.hasOp(name)) ?? [op, []];
  const copies: tf.TensorInfo[] = [];
  try {
    const read = inputs.map((input, i) => {
      if (!isBf16[i] || own.includes(i)) return input;
      backend.bf16Copies++;
      const copy = widened(backend, input);
      copies.push(copy);
      return copy;
    });
    launch(form, read);
  } finally {
    backend.free(...copies);
  }
}

/** Copies a bfloat16 tensor to float32. */
export const widened = (backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo =>
  converted(backend, 'Widen', x, backend.output(x.shape, 'float32'));

/** Copies a float32 tensor to a frozen one, rounded to nearest. */
export const narrowed = (backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo =>
  converted(backend, 'Narrow', x, backend.bf16Output(x.shape));

function converted(backend: NativeBackend, op: string, x: tf.TensorInfo, y: tf.TensorInfo): tf.TensorInfo {
  try {
    backend.launch(op, [x, y], [tf.util.sizeFromShape(x.shape)]);
    return y;
  } catch (error) {
    backend.free(y);
    throw error;
  }
}
