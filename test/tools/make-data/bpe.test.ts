import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainBpe } from '../../../tools/make-data/bpe.js';
import { specials, writeTokenizer } from '../../../tools/make-data/folders.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';

describe('trainBpe', () => {
  it('merges the most frequent pair first', () => {
    // aab three times and ab twice: the pair a b occurs five times, a a three times; then a ab three times.
    const { merges, vocab } = trainBpe(['aab', 'aab', 'aab', 'ab', 'ab'], 258, []);
    expect(merges).toEqual([
      ['a', 'b'],
      ['a', 'ab'],
    ]);
    expect(vocab.get('ab')).toBe(256);
    expect(vocab.get('aab')).toBe(257);
  });

  it('does not depend on the order of the texts', () => {
    const texts = ['the cat', 'a dog and a cow', 'the owl'];
    expect(trainBpe([...texts].reverse(), 290, specials)).toEqual(trainBpe(texts, 290, specials));
  });

  it('stops where no pair occurs twice', () => {
    expect(trainBpe(['ab', 'abc'], 1000, []).vocab.size).toBe(257);
  });
});

const texts = ['What is 3 plus 4?', 'Grüße, 世界 🙂!', ' two  spaces\nand a line ', "it's"];

describe('a tokenizer folder', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'brevity-bpe-'));
  let tokenizer: Tokenizer;
  beforeAll(() => {
    writeTokenizer(dir, trainBpe(['What is 3 plus 4?', 'It is 7. It is what it is.'], 300, specials));
    tokenizer = Tokenizer.load(dir);
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each(texts)('round-trips "%s"', (text) => expect(tokenizer.decode(tokenizer.encode(text))).toBe(text));

  it('merges what it has seen', () => expect(tokenizer.encode(' is')).toHaveLength(1));

  it('renders a conversation with its special tokens as ids', () => {
    const [end, user, assistant] = ['<|end|>', '<|user|>', '<|assistant|>'].map((token) => tokenizer.tokenId(token));
    const ids = tokenizer.promptIds('It is 7.', { raw: false });
    expect([ids[0], ids.at(-2), ids.at(-1)]).toEqual([user, end, assistant]);
    expect(ids.slice(1, -2)).toEqual(tokenizer.encode('It is 7.'));
    expect(tokenizer.endOfTurnIds).toEqual([end]);
  });
});

describe.each(['base-policy', 'reward-model'])('the tokenizer of %s', (name) => {
  const dir = fileURLToPath(new URL(`../../../data/${name}`, import.meta.url));
  const tokenizer = Tokenizer.load(dir);

  it('fits its model', () => {
    const config = JSON.parse(readFileSync(path.join(dir, 'config.json'), 'utf8')) as Record<string, number>;
    expect(tokenizer.vocabSize).toBe(config.vocab_size);
    expect(tokenizer.endOfTurnIds).toEqual([config.eos_token_id]);
  });

  it.each(texts)('round-trips "%s"', (text) => expect(tokenizer.decode(tokenizer.encode(text))).toBe(text));
});
