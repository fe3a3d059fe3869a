/** Scored samples for `brevity review FILE`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Sample {
  prompt: string;
  responses: { text: string; reward: number }[];
}

/** The nth differs from all others in lengths and rewards. */
export function sample(n: number): Sample {
  const texts = [`Yes, ${n}. `.repeat(1 + (n % 7)), `${n} it is, and so on. `.repeat(1 + (n % 5))];
  return {
    prompt: `Question ${n}: which number is this?`,
    responses: texts.map((text, i) => ({ text, reward: ((n * (i + 3)) % 11) / 5 - i / 7 })),
  };
}

export function writeSamples(folder: string, samples: readonly Sample[]): string {
  const file = path.join(folder, 'samples.jsonl');
  writeFileSync(file, samples.map((one) => JSON.stringify(one) + '\n').join(''));
  return file;
}
