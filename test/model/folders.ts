/** Model folders for tests: copies of golden ones with one thing changed, and safetensors files by hand. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { goldenFolder } from '../golden.js';

/** An empty folder that goes with the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'brevity-model-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A golden model's folder to change. */
export function copyOf(model: string): string {
  const dir = path.join(temporaryFolder(), 'model');
  cpSync(path.join(goldenFolder, model, 'model'), dir, { recursive: true });
  return dir;
}

export function addTokenizer(dir: string, tokenizer: string): void {
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
    cpSync(path.join(goldenFolder, 'tokenizers', tokenizer, file), path.join(dir, file));
}

export function readJson(...file: string[]): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(...file), 'utf8')) as Record<string, unknown>;
}

/** Writes a folder's JSON file with some keys changed; `undefined` takes a key out. */
export function change(file: string, keys: Record<string, unknown>): void {
  writeFileSync(file, JSON.stringify({ ...readJson(file), ...keys }));
}

/** A folder with this config.json alone. */
export function folderWith(config: Record<string, unknown>): string {
  const dir = temporaryFolder();
  writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config));
  return dir;
}

export interface RawTensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** The bytes of a safetensors file, right or wrong. */
export function safetensors(header: Record<string, RawTensor> | string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Splits a file into its header, the metadata apart, and its data. */
export function parseSafetensors(file: string): {
  header: Record<string, RawTensor>;
  metadata: unknown;
  headerBytes: number;
  data: Buffer;
} {
  const bytes = readFileSync(file);
  const headerBytes = Number(bytes.readBigUInt64LE());
  const { __metadata__: metadata, ...header } = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    RawTensor
  >;
  return { header, metadata, headerBytes, data: bytes.subarray(8 + headerBytes) };
}

/** Writes a folder's model.safetensors again with its header changed. */
export function changeHeader(dir: string, edit: (header: Record<string, RawTensor>) => void): void {
  const file = path.join(dir, 'model.safetensors');
  const { header, data } = parseSafetensors(file);
  edit(header);
  writeFileSync(file, safetensors(header, data));
}

export function writeFile(dir: string, name: string, content: string | Uint8Array): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, name), content);
}
