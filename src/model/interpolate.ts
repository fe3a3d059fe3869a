/**
 * Interpolates two models of the same shape: θ = w_a·θ_a + w_b·θ_b for every weight, in float32. Tensors are read and
 * mixed one at a time, so that two models need not fit into memory.
 *
 * Leaves out reading `0.5*round+0.5*base` (core/config/reference.ts) and when a round's reference is built
 * (run/stages/referencePolicy.ts).
 */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../core/errors.js';
import type { WeightedFolder } from '../core/config/reference.js';
import { buildDirectory, type WriteTarget } from '../io/durable.js';
import { expectTask, readModelConfig } from './config.js';
import { encodeFloats, transposeFloats } from './floats.js';
import { copyFiles, findTokenizer, hasFrozen, type LoadedModel, writeConfig } from './folder.js';
import { parameterSpecs } from './parameters.js';
import { AdapterReader, isAdapterFolder, readAdapterConfig } from './peft.js';
import { readGenerationConfig } from './policyFiles.js';
import { SafetensorsReader, writeSafetensors } from './safetensors.js';
import { type Tokenizer, tokenizerFiles } from './tokenizer.js';
import { Transformer } from './transformer.js';
import type { ModelConfig, ParameterSpec } from './types.js';
import { findTensors, loadWeights, type WeightOptions, type WeightSource } from './weights.js';

/** A folder that takes part, before its weights are opened. */
interface Ingredient extends WeightedFolder {
  /** `dir`, or the base of an adapter. */
  baseDir: string;
  config: ModelConfig;
  tokenizer: Tokenizer | null;
}

/** Configuration that changes the arithmetic of tensors of the same shape. */
const sameArithmetic = [
  'heads',
  'kv_heads',
  'norm',
  'norm_eps',
  'activation',
  'rope',
  'parallel_residual',
  'sliding_windows',
] as const satisfies readonly (keyof ModelConfig)[];

/**
 * Reads the configurations and tokenizers of the folders, and compares them. Cheap: weights are not read.
 *
 * @throws UserError that names the first tensor, setting or token that differs
 */
export function expectSameShape(parts: readonly WeightedFolder[]): Ingredient[] {
  const [first, ...others] = parts.map((part) => readIngredient(part));
  for (const other of others) {
    const why = differenceOf(first, other);
    if (why !== null) throw new UserError(`${first.dir} and ${other.dir} cannot be interpolated: ${why}`);
  }
  return [first, ...others];
}

function readIngredient({ weight, dir }: WeightedFolder): Ingredient {
  const baseDir = isAdapterFolder(dir) ? readAdapterConfig(dir).base : dir;
  const config = readModelConfig(baseDir);
  expectTask(dir, config, 'causal-lm');
  const tokenizer = findTokenizer(dir, config) ?? (baseDir === dir ? null : findTokenizer(baseDir, config));
  return { weight, dir, baseDir, config, tokenizer };
}

function differenceOf(a: Ingredient, b: Ingredient): string | null {
  if (a.config.vocab_size !== b.config.vocab_size)
    return `their vocab_size is ${a.config.vocab_size} and ${b.config.vocab_size}; the models need the same vocabulary`;
  const specsOf = ({ config }: Ingredient) => new Map(parameterSpecs(config).map((spec) => [spec.name, spec]));
  const [ofA, ofB] = [specsOf(a), specsOf(b)];
  for (const name of new Set([...ofA.keys(), ...ofB.keys()])) {
    const [shape, other] = [shapeText(ofA.get(name)), shapeText(ofB.get(name))];
    if (shape !== other)
      return `tensor ${name} is ${shape} in the first and ${other} in the second; the models need the same shape`;
  }
  for (const key of sameArithmetic)
    if (!isDeepStrictEqual(a.config[key], b.config[key]))
      return `their config.json differ in ${key} (${JSON.stringify(a.config[key])} and ${JSON.stringify(b.config[key])})`;
  if (a.tokenizer === null || b.tokenizer === null) return null;
  const token = a.tokenizer.differenceTo(b.tokenizer);
  if (token === null) return null;
  const idText = (id: number | null) => (id === null ? 'missing' : `id ${id}`);
  return `token ${JSON.stringify(token.token)} is ${idText(token.id)} in the first tokenizer and ${idText(token.otherId)} in the second; the models need the same tokenizer`;
}

const shapeText = (spec: ParameterSpec | undefined): string =>
  spec === undefined ? 'absent' : `[${spec.shape.join(', ')}]`;

/** The weights of one folder, an adapter's matrices added. */
class FolderWeights {
  private constructor(
    readonly weight: number,
    private readonly reader: SafetensorsReader,
    private readonly adapter: AdapterReader | null,
    private readonly names: ReadonlyMap<string, string>,
  ) {}

  /** @throws UserError if weights are missing or damaged */
  static open({ weight, dir, baseDir, config }: Ingredient): FolderWeights {
    const reader = SafetensorsReader.open(baseDir);
    try {
      const names = new Map(findTensors(reader, config, baseDir).map(({ spec, name }) => [spec.name, name]));
      const adapter = baseDir === dir ? null : AdapterReader.open(dir, readAdapterConfig(dir), parameterSpecs(config));
      return new FolderWeights(weight, reader, adapter, names);
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** In the file's layout. */
  read(spec: ParameterSpec): Float32Array {
    const values = this.reader.readFloats(this.names.get(spec.name) as string);
    this.adapter?.addTo(spec, values);
    return values;
  }

  close(): void {
    this.reader.close();
    this.adapter?.close();
  }
}

/** The interpolated weights, as loadWeights reads them. */
export class InterpolatedWeights implements WeightSource {
  private constructor(
    readonly config: ModelConfig,
    /** The first folder, whose configuration and tokenizer the interpolation has. */
    readonly from: Ingredient,
    private readonly parts: readonly FolderWeights[],
    private readonly specs: ReadonlyMap<string, ParameterSpec>,
  ) {}

  /** @throws UserError if the models differ in shape or vocabulary, or a folder cannot be read */
  static open(folders: readonly WeightedFolder[]): InterpolatedWeights {
    const ingredients = expectSameShape(folders);
    const parts: FolderWeights[] = [];
    try {
      for (const ingredient of ingredients) parts.push(FolderWeights.open(ingredient));
    } catch (error) {
      for (const part of parts) part.close();
      throw error;
    }
    const from = ingredients.find(({ tokenizer }) => tokenizer !== null) ?? ingredients[0];
    const specs = new Map(parameterSpecs(from.config).map((spec) => [spec.name, spec]));
    return new InterpolatedWeights(from.config, from, parts, specs);
  }

  names(): string[] {
    return [...this.specs.keys()];
  }

  has(name: string): boolean {
    return this.specs.has(name);
  }

  entry(name: string) {
    return { file: this.from.dir, dtype: 'F32', shape: this.spec(name).shape, start: 0, end: 0 };
  }

  /** Rounded to float32 once, after both products and their sum. */
  readFloats(name: string): Float32Array {
    const spec = this.spec(name);
    const [{ weight, ...first }, ...others] = this.parts.map((part) => ({
      weight: part.weight,
      values: part.read(spec),
    }));
    const out = first.values;
    if (others.length === 0) return out;
    const [{ weight: otherWeight, values }] = others;
    for (let i = 0; i < out.length; i++) out[i] = weight * out[i] + otherWeight * values[i];
    return out;
  }

  readFloatsInto(name: string, out: Float32Array, options: Parameters<WeightSource['readFloatsInto']>[2] = {}): void {
    const values = this.readFloats(name);
    options.hash?.update(encodeFloats(values, 'F32'));
    const { shape } = this.spec(name);
    out.set(options.transposed === true ? transposeFloats(values, shape[0], shape[1]) : values);
  }

  readBfloatsInto(name: string, out: Uint16Array, options: Parameters<WeightSource['readBfloatsInto']>[2] = {}): void {
    const values = new Float32Array(out.length);
    this.readFloatsInto(name, values, options);
    out.set(new Uint16Array(encodeFloats(values, 'BF16').buffer));
  }

  close(): void {
    for (const part of this.parts) part.close();
  }

  private spec(name: string): ParameterSpec {
    const spec = this.specs.get(name);
    if (spec === undefined) throw new Error(`no tensor ${name}`);
    return spec;
  }
}

/**
 * Writes the interpolation as a folder that everything loads like any other model: float32 weights, and the first
 * model's configuration and tokenizer. The folder appears whole or not at all.
 *
 * @param extra writes more files into it
 * @throws UserError if the models differ in shape or vocabulary, or the disk is full
 */
export function writeInterpolation(
  folders: readonly WeightedFolder[],
  dir: string,
  {
    place = 'user',
    extra = () => {},
    onTensor = () => {},
  }: {
    place?: WriteTarget;
    extra?(directory: string): void;
    onTensor?(done: number, total: number): void;
  } = {},
): void {
  const weights = InterpolatedWeights.open(folders);
  try {
    const names = weights.names();
    buildDirectory(
      dir,
      (temporary) => {
        const tensors = names.map((name, i) => ({
          name,
          shape: weights.entry(name).shape,
          dtype: 'F32' as const,
          values() {
            onTensor(i, names.length);
            return weights.readFloats(name);
          },
        }));
        writeSafetensors(path.join(temporary, 'model.safetensors'), tensors, undefined, place);
        writeConfig(weights.config, 'F32', temporary, place);
        copyFiles(
          ['generation_config.json'],
          { dir: weights.from.baseDir, baseDir: weights.from.baseDir },
          temporary,
          place,
        );
        copyFiles(tokenizerFiles, weights.from, temporary, place);
        extra(temporary);
      },
      place,
    );
    onTensor(names.length, names.length);
  } finally {
    weights.close();
  }
}

/**
 * Loads an interpolation without writing it; a backend must be in use.
 *
 * @throws UserError if the models differ in shape or vocabulary, or a folder cannot be read
 */
export async function loadInterpolation(
  folders: readonly WeightedFolder[],
  options: WeightOptions = {},
): Promise<LoadedModel> {
  const weights = InterpolatedWeights.open(folders);
  try {
    const { config, from } = weights;
    const { parameters, fingerprint, dtypes } = await loadWeights(weights, config, from.dir, options);
    const transformer = new Transformer(config, parameters);
    return {
      dir: from.dir,
      baseDir: from.baseDir,
      // No folder holds these weights.
      merged: true,
      config,
      transformer,
      tokenizer: from.tokenizer,
      generation: readGenerationConfig(from.baseDir, config, from.tokenizer),
      fingerprint,
      dtypes,
      frozen: hasFrozen(transformer),
      dispose: () => transformer.dispose(),
    };
  } finally {
    weights.close();
  }
}
