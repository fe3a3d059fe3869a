/** Any number of scored samples, generated from a seed: prompts of one line, four responses each. */
import { writeFileSync } from 'node:fs';
import { Random } from '../../src/core/seeds.js';

const words = 'the a of number is and sum answer longer short please count from to which month after it'.split(' ');

export function writeSamples(file: string, prompts: number): void {
  const random = new Random(7);
  const sentence = (least: number, more: number): string =>
    Array.from({ length: least + random.below(more) }, () => words[random.below(words.length)]).join(' ');
  const lines = Array.from({ length: prompts }, (_, i) => {
    const responses = Array.from({ length: 4 }, () => {
      const text = `${sentence(5, 60)}.`;
      return { text, reward: text.length / 200 + random.below(1000) / 500 };
    });
    return JSON.stringify({ prompt: `${i + 1}: ${sentence(6, 8)}?`, responses });
  });
  writeFileSync(file, lines.join('\n') + '\n');
}
