/** Damages inputs: JSON by its structure, text and bytes anywhere. The same seed gives the same damage. */
import type { Random } from '../../src/core/seeds.js';

/** JSON text that JSON.stringify cannot write, put in the place of a value. */
class Raw {
  constructor(readonly text: string) {}
}

const deep = (bracket: string, close: string, levels: number) => new Raw(bracket.repeat(levels) + close.repeat(levels));

/** Values that break assumptions: other types, numbers at the ends of ranges, texts of every kind. */
const hostile: readonly unknown[] = [
  ...[null, true, false, {}, [], [[]], '', ' ', '0', 0, -0, -1, 1, 0.5, 1e-320, 1e30, 1e31, 1e308, -1e308],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32, 4e9, 288_000_000, 2 ** 53, 2 ** 53 + 2],
  ...[new Raw('1e999'), new Raw('-1e999'), new Raw('NaN'), new Raw('Infinity'), new Raw('00'), new Raw('')],
  ...['..', '.', '/', '../../etc/passwd', '\0', '\u001b]52;c;eA==\u0007', '\ud800', '\udfff\ud800', '\uFEFF', '\u2028'],
  ...['__proto__', 'constructor', 'toString', 'round', 'base', 'hf:', 'x'.repeat(100_000), '😀'.repeat(1000)],
  ...[deep('[', ']', 70), deep('[', ']', 20_000), deep('{"a":', '}', 20_000)],
  ...[{ __proto__: null, constructor: 1 }, new Raw('{"__proto__":{"polluted":1}}'), new Array(1000).fill(0)],
];

export class Mutator {
  constructor(private readonly random: Random) {}

  below(n: number): number {
    return this.random.below(n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)];
  }

  /** One to four changes of a JSON value, as text. */
  json(value: unknown): string {
    const changed = structuredClone(value);
    const box = { value: changed };
    for (let left = 1 + this.below(4); left > 0; left--) this.changeSomewhere(box);
    return write(box.value);
  }

  /** A JSON file: changed by structure, by text, or both. */
  jsonFile(value: unknown): Buffer {
    const text = this.below(4) === 0 ? JSON.stringify(value) : this.json(value);
    return this.below(3) === 0 ? this.bytes(Buffer.from(text)) : Buffer.from(text);
  }

  /** JSON lines: some rows changed, doubled, left out or out of order. */
  jsonLines(rows: readonly unknown[]): Buffer {
    const lines = rows.flatMap((row) => {
      const kind = this.below(8);
      if (kind === 0) return [];
      if (kind === 1) return [JSON.stringify(row), JSON.stringify(row)];
      return [kind < 5 ? this.json(row) : JSON.stringify(row)];
    });
    if (this.below(10) === 0) lines.reverse();
    const text = Buffer.from(lines.join(this.pick(['\n', '\n', '\r\n', '\n\n'])) + this.pick(['\n', '\n', '']));
    return this.below(4) === 0 ? this.bytes(text) : text;
  }

  /** A text with pieces cut, doubled, moved or inserted. */
  text(text: string, words: readonly string[] = []): string {
    let out = text;
    for (let left = 1 + this.below(4); left > 0; left--) {
      const at = this.below(out.length + 1);
      const end = Math.min(out.length, at + this.below(12));
      const insert = this.pick([
        ...words,
        ...words,
        '',
        '"',
        '\\',
        '\0',
        '\u001b[',
        '\ud800',
        '9'.repeat(30),
        '-',
        '(',
        '*',
        ' ',
      ]);
      out = out.slice(0, at) + this.pick([insert, out.slice(at, end).repeat(3), '']) + out.slice(end);
    }
    return out;
  }

  bytes(bytes: Buffer): Buffer {
    const out = Buffer.from(bytes);
    const at = this.below(out.length + 1);
    switch (this.below(6)) {
      case 0:
        return out.subarray(0, at);
      case 1:
        return Buffer.concat([Buffer.from('\uFEFF'), out]);
      case 2:
        return Buffer.concat([out.subarray(0, at), Buffer.alloc(1 + this.below(9)), out.subarray(at)]);
      case 3:
        return Buffer.concat([out, out.subarray(at)]);
      default:
        for (let left = 1 + this.below(8); left > 0 && out.length > 0; left--)
          out[this.below(out.length)] = this.pick([
            0,
            10,
            13,
            34,
            44,
            58,
            91,
            92,
            93,
            123,
            125,
            127,
            128,
            255,
            this.below(256),
          ]);
        return out;
    }
  }

  private changeSomewhere(box: { value: unknown }): void {
    let holder: Record<string, unknown> = box;
    let key = 'value';
    // Deeper places are as likely as the top.
    for (;;) {
      const inner = holder[key];
      if (typeof inner !== 'object' || inner === null || inner instanceof Raw || this.below(4) === 0) break;
      const keys = Object.keys(inner);
      if (keys.length === 0) break;
      holder = inner as Record<string, unknown>;
      key = this.pick(keys);
    }
    const value = holder[key];
    switch (this.below(6)) {
      case 0:
        if (holder === box) return;
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else Reflect.deleteProperty(holder, key);
        return;
      case 1:
        if (Array.isArray(holder)) holder.push(value);
        else holder[this.pick(['__proto__x', 'constructor', '', 'id', 'parent', `${key} `])] = value;
        return;
      case 2:
        if (typeof value === 'number') holder[key] = this.pick([-value, value + 1, value * 1e9, value / 3]);
        else if (typeof value === 'string') holder[key] = this.text(value);
        else holder[key] = value instanceof Raw ? value : [value, structuredClone(value)];
        return;
      default: {
        const other = this.pick(hostile);
        // A copy: later changes must not reach the list.
        holder[key] = other instanceof Raw ? other : structuredClone(other);
      }
    }
  }
}

function write(value: unknown): string {
  const raws: string[] = [];
  const marked = JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Raw ? `@@raw${raws.push(inner.text) - 1}@@` : inner,
  );
  return (marked ?? '').replace(/"@@raw(\d+)@@"/g, (_all, index: string) => raws[Number(index)]);
}
