/**
 * TensorBoard's event files, as bytes: TFRecord frames around `Event` messages in protobuf. Only what Brevity writes:
 * scalars, one text with the hyper-parameters, and the mark of a restart.
 *
 * TFRecord (tensorflow/core/lib/io/record_writer.cc): uint64 length, masked CRC32C of these 8 bytes, data, masked CRC32C
 * of the data; all little-endian. Event: tensorflow/core/util/event.proto. Leaves out files (run/trackers/tensorboard.ts).
 */

/** CRC32C (Castagnoli, reflected polynomial 0x82f63b78). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** So that the checksum of data with a checksum inside is not trivial: rotated by 15 bits, and a constant added. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export function frame(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

/** The data of every whole frame, and the bytes that they take: what follows is torn or damaged. */
export function unframe(given: Uint8Array): { records: Uint8Array[]; valid: number } {
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at + 16 <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + 16 + length;
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8)) || end > bytes.length) break;
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(end - 4, true) !== maskedCrc(data)) break;
    records.push(data);
    at = end;
  }
  return { records, valid: at };
}

/** What one event says. */
export type LoggedEvent =
  /** The first event of each file. */
  | { kind: 'version' }
  | { kind: 'scalars'; step: number; values: Record<string, number> }
  | { kind: 'text'; tag: string; text: string }
  /** TensorBoard drops all earlier events of this step and later ones. */
  | { kind: 'restart'; step: number };

/** @param seconds wall time since 1970 */
export function encodeEvent(event: LoggedEvent, seconds: number): Uint8Array {
  const head = bytesOf([tag(1, FIXED64), double(seconds)]);
  switch (event.kind) {
    case 'version':
      return bytesOf([head, field(3, utf8('brain.Event:2'))]);
    case 'scalars': {
      const values = Object.entries(event.values).map(([name, value]) =>
        field(1, bytesOf([field(1, utf8(name)), tag(2, FIXED32), float(value)])),
      );
      return bytesOf([head, tag(2, VARINT), varint(event.step), field(5, bytesOf(values))]);
    }
    case 'text': {
      // Summary.Value: metadata of the plugin `text`, and a tensor of one string (DT_STRING is 7).
      const metadata = field(1, field(1, utf8('text')));
      const tensor = bytesOf([
        tag(1, VARINT),
        varint(7),
        field(2, field(2, bytesOf([tag(1, VARINT), varint(1)]))),
        field(8, utf8(event.text)),
      ]);
      const value = bytesOf([field(1, utf8(event.tag)), field(9, metadata), field(8, tensor)]);
      return bytesOf([head, field(5, field(1, value))]);
    }
    case 'restart':
      // SessionLog of status START.
      return bytesOf([head, tag(2, VARINT), varint(event.step), field(7, bytesOf([tag(1, VARINT), varint(1)]))]);
  }
}

/** Reads what encodeEvent has written; null for an event of another writer. */
export function decodeEvent(data: Uint8Array): LoggedEvent | null {
  const fields = fieldsOf(data);
  const step = Number(fields.find(({ number }) => number === 2)?.integer ?? 0n);
  const of = (number: number) => fields.find((each) => each.number === number)?.bytes;
  const [version, summary, session] = [of(3), of(5), of(7)];
  if (version !== undefined) return { kind: 'version' };
  if (session !== undefined) return { kind: 'restart', step };
  if (summary === undefined) return null;
  const values: Record<string, number> = {};
  for (const { bytes } of fieldsOf(summary)) {
    const value = fieldsOf(bytes ?? new Uint8Array());
    const name = text(value.find(({ number }) => number === 1)?.bytes);
    const scalar = value.find(({ number }) => number === 2)?.float;
    if (scalar !== undefined) values[name] = scalar;
    const tensor = value.find(({ number }) => number === 8)?.bytes;
    if (tensor !== undefined)
      return { kind: 'text', tag: name, text: text(fieldsOf(tensor).find(({ number }) => number === 8)?.bytes) };
  }
  return { kind: 'scalars', step, values };
}

// Protobuf's wire format.

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

const tag = (number: number, wire: number): Uint8Array => varint((number << 3) | wire);
const field = (number: number, bytes: Uint8Array): Uint8Array =>
  bytesOf([tag(number, BYTES), varint(bytes.length), bytes]);
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** @param value 0 or more */
function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

function double(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setFloat64(0, value, true);
  return out;
}

function float(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setFloat32(0, value, true);
  return out;
}

function bytesOf(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

interface WireField {
  number: number;
  integer?: bigint;
  float?: number;
  bytes?: Uint8Array;
}

/** The fields of a message; those after a damaged one are left out. */
function fieldsOf(message: Uint8Array): WireField[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields: WireField[] = [];
  let at = 0;
  const integer = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < message.length && shift < 70n; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.length) {
    const key = Number(integer());
    const number = key >>> 3;
    const wire = key & 7;
    if (wire === VARINT) fields.push({ number, integer: integer() });
    else if (wire === BYTES) {
      const length = Number(integer());
      if (at + length > message.length) return fields;
      fields.push({ number, bytes: message.subarray(at, at + length) });
      at += length;
    } else if (wire === FIXED32 && at + 4 <= message.length) {
      fields.push({ number, float: view.getFloat32(at, true) });
      at += 4;
    } else if (wire === FIXED64 && at + 8 <= message.length) at += 8;
    else return fields;
  }
  return fields;
}
