/**
 * A disk that loses power. It replays a recording of shim.cjs up to a cut, and gives a state in which POSIX allows the
 * directory to be found then: what was fsynced is there; of other writes and of other changes of directories, none, all
 * or some. Harder than ext4: a file's fsync does not keep its name, and names and contents are lost independently.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Operation {
  op: 'create' | 'truncate' | 'write' | 'sync' | 'rename' | 'mkdir' | 'remove';
  file: string;
  to?: string;
  size?: number;
  /** null: at the end. */
  position?: number | null;
  /** base64 */
  data?: string;
  thread: string;
  /** Nanoseconds of the monotonic clock, before and after. */
  began: bigint;
  ended: bigint;
}

type Line = Omit<Operation, 'began' | 'ended'> & { phase: 'begin' | 'end'; at: string };

/** Operations in the order in which they ended. One that a kill interrupted is left out. */
export function readRecording(file: string): Operation[] {
  const begun = new Map<string, bigint>();
  const operations: Operation[] = [];
  for (const text of readFileSync(file, 'utf8').trim().split('\n')) {
    const { phase, at, ...operation } = JSON.parse(text) as Line;
    if (phase === 'begin') begun.set(operation.thread, BigInt(at));
    else operations.push({ ...operation, began: begun.get(operation.thread) as bigint, ended: BigInt(at) });
  }
  return operations;
}

/** How much of what was not synced is on the disk. */
export type Loss = 'nothing unsynced' | 'names without contents' | 'contents without names' | 'everything' | 'some';
export const losses: readonly Loss[] = [
  'nothing unsynced',
  'names without contents',
  'contents without names',
  'everything',
  'some',
];

class File {
  durable: Buffer = Buffer.alloc(0);
  private pending: ((content: Buffer) => Buffer)[] = [];
  /** Content after each of the pending changes, as far as it was asked for. */
  private contents: Buffer[] = [];

  change(edit: (content: Buffer) => Buffer): void {
    this.pending.push(edit);
  }

  get changes(): number {
    return this.pending.length;
  }

  sync(): void {
    this.durable = this.after(this.changes);
    this.pending = [];
    this.contents = [];
  }

  /** Content after so many of the pending changes. */
  after(count: number): Buffer {
    if (count === 0) return this.durable;
    while (this.contents.length < count)
      this.contents.push(this.pending[this.contents.length](this.contents.at(-1) ?? this.durable));
    return this.contents[count - 1];
  }
}

type Entries = Map<string, File | Directory>;

class Directory {
  durable: Entries = new Map();
  readonly pending: ((entries: Entries) => void)[] = [];
  /** As the running system sees it. */
  readonly current: Entries = new Map();

  change(edit: (entries: Entries) => void): void {
    edit(this.current);
    this.pending.push(edit);
  }

  sync(): void {
    for (const edit of this.pending) edit(this.durable);
    this.pending.length = 0;
  }
}

export class Disk {
  private readonly root = new Directory();

  /** @param directory what is on the disk before the recording begins */
  constructor(files: Record<string, Buffer>) {
    for (const [name, content] of Object.entries(files)) {
      const file = new File();
      file.durable = content;
      this.root.durable.set(name, file);
      this.root.current.set(name, file);
    }
  }

  do(operation: Operation): void {
    const { op, file: name } = operation;
    switch (op) {
      case 'create':
        return this.enter(name, new File());
      case 'mkdir': {
        // mkdir -p makes parents, too.
        const parent = path.dirname(name);
        if (parent !== '.' && this.find(parent) === undefined) this.do({ ...operation, file: parent });
        return this.enter(name, new Directory());
      }
      case 'remove':
        return this.parentOf(name).change((entries) => entries.delete(path.basename(name)));
      case 'sync':
        return this.find(name)?.sync();
      case 'truncate': {
        const { size = 0 } = operation;
        return void this.file(name).change((content) => {
          const cut = Buffer.alloc(size);
          content.copy(cut);
          return cut;
        });
      }
      case 'write': {
        const data = Buffer.from(operation.data ?? '', 'base64');
        const { position } = operation;
        // In two halves: a cut may fall between them.
        const at = (position ?? null) === null ? null : (position as number);
        const file = this.file(name);
        const half = data.length >> 1;
        file.change((content) => put(content, data.subarray(0, half), at));
        file.change((content) => put(content, data.subarray(half), at === null ? null : at + half));
        return;
      }
      case 'rename': {
        const to = operation.to as string;
        const moved = this.find(name) as File | Directory;
        const source = this.parentOf(name);
        const target = this.parentOf(to);
        if (source !== target) throw new Error(`${name} is renamed to another directory, which disk.ts does not know`);
        return source.change((entries) => {
          entries.delete(path.basename(name));
          entries.set(path.basename(to), moved);
        });
      }
    }
  }

  /**
   * The directory as it may be found after a power cut now, by path; null is a directory.
   *
   * @param random numbers from 0 to 1
   */
  afterCut(loss: Loss, random: () => number): Map<string, Buffer | null> {
    const found = new Map<string, Buffer | null>();
    const keep = (count: number, all: boolean): number =>
      loss === 'some' ? Math.floor(random() * (count + 1)) : all ? count : 0;
    const visit = (directory: Directory, at: string): void => {
      const names = keep(directory.pending.length, loss === 'names without contents' || loss === 'everything');
      const entries: Entries = new Map(directory.durable);
      for (const edit of directory.pending.slice(0, names)) edit(entries);
      for (const [name, entry] of entries) {
        const file = path.join(at, name);
        if (entry instanceof Directory) {
          found.set(file, null);
          visit(entry, file);
        } else {
          const contents = keep(entry.changes, loss === 'contents without names' || loss === 'everything');
          found.set(file, entry.after(contents));
        }
      }
    };
    visit(this.root, '');
    return found;
  }

  private enter(name: string, entry: File | Directory): void {
    this.parentOf(name).change((entries) => entries.set(path.basename(name), entry));
  }

  private file(name: string): File {
    const found = this.find(name);
    if (!(found instanceof File)) throw new Error(`${name} was written, and the recording has not created it`);
    return found;
  }

  private parentOf(name: string): Directory {
    return this.find(path.dirname(name)) as Directory;
  }

  private find(name: string): File | Directory | undefined {
    let at: File | Directory | undefined = this.root;
    for (const part of name === '' || name === '.' ? [] : name.split(path.sep))
      at = at instanceof Directory ? at.current.get(part) : undefined;
    return at;
  }
}

function put(content: Buffer, data: Buffer, position: number | null): Buffer {
  const at = position ?? content.length;
  const out = Buffer.alloc(Math.max(content.length, at + data.length));
  content.copy(out);
  data.copy(out, at);
  return out;
}

/** Writes a state of the disk into an empty directory. @param isHollow names files to be left empty */
export function materialize(
  found: Map<string, Buffer | null>,
  directory: string,
  isHollow: (name: string) => boolean = () => false,
): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const [name, content] of found) {
    const file = path.join(directory, name);
    if (content === null) mkdirSync(file, { mode: 0o700 });
    else writeFileSync(file, isHollow(name) ? '' : content, { mode: 0o600 });
  }
}
