/** Policies for stand-ins: the bundled one, that one changed a little, and adapters on it. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseSafetensors, safetensors } from '../../model/folders.js';

export const basePolicy = new URL('../../../data/base-policy', import.meta.url).pathname;

/** The bundled policy with some bits of every bfloat16 mantissa flipped: by 3% for 0x04. */
export function changedPolicy(to: string, bits: number): string {
  cpSync(basePolicy, to, { recursive: true });
  const file = path.join(to, 'model.safetensors');
  const bytes = readFileSync(file);
  const { headerBytes } = parseSafetensors(file);
  for (let at = 8 + headerBytes; at < bytes.length; at += 2) bytes[at] ^= bits;
  writeFileSync(file, bytes);
  return to;
}

/** A PEFT adapter on the query projections of the bundled policy. */
export function adapterPolicy(to: string, rank: number, changes: Record<string, unknown> = {}): string {
  mkdirSync(to, { recursive: true });
  const width = 160;
  const header: Parameters<typeof safetensors>[0] = {};
  const values: number[] = [];
  const add = (name: string, shape: [number, number], scale: number) => {
    const begin = 4 * values.length;
    for (let i = 0; i < shape[0] * shape[1]; i++) values.push(scale * Math.sin(12.9898 * (values.length + 1)));
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, 4 * values.length] };
  };
  for (let layer = 0; layer < 4; layer++) {
    const of = `base_model.model.model.layers.${layer}.self_attn.q_proj`;
    add(`${of}.lora_A.weight`, [rank, width], 0.3);
    add(`${of}.lora_B.weight`, [width, rank], 0.3);
  }
  writeFileSync(
    path.join(to, 'adapter_model.safetensors'),
    safetensors(header, Buffer.from(Float32Array.from(values).buffer)),
  );
  const config = {
    ...{
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: basePolicy,
      r: rank,
      lora_alpha: 2 * rank,
    },
    ...{ lora_dropout: 0, target_modules: ['q_proj'], bias: 'none', fan_in_fan_out: false, ...changes },
  };
  writeFileSync(path.join(to, 'adapter_config.json'), JSON.stringify(config));
  return to;
}
