/** Our models and tokenizers against what transformers computes (test/golden/README.md). */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecodeInputs } from '../../src/model/generate/cache.js';
import { type LoadedModel, loadModel } from '../../src/model/folder.js';
import { Tokenizer } from '../../src/model/tokenizer.js';
import { rows } from '../../src/tensor/ops/rows.js';
import { useBackend } from '../../src/tensor/backend.js';
import { causalModels, goldenFolder, readGolden } from '../golden.js';
import { expectSameRows, testBackend } from '../backend.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(causalModels)('%s', (name) => {
  const golden = readGolden(name);
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadModel(`${goldenFolder}${name}/model`);
  });
  afterAll(() => model.dispose());

  it('log-probabilities and logits', () => {
    expect(golden.sequences.length).toBeGreaterThan(1);
    for (const { ids, last_logits, token_logprobs } of golden.sequences) {
      const T = ids.length;
      tf.tidy(() => {
        const hidden = model.transformer.hidden(Int32Array.from(ids), [1, T]);
        const logps = model.transformer.tokenLogProbs(
          tf.slice(hidden, [0, 0], [T - 1, -1]),
          Int32Array.from(ids.slice(1)),
        );
        [...logps.dataSync()].forEach((logp, i) => expect(Math.abs(logp - token_logprobs[i])).toBeLessThan(1e-4));
        const logits = model.transformer.logits(tf.slice(hidden, [T - 1, 0], [1, -1])).dataSync();
        last_logits.forEach((logit, i) => expect(Math.abs(logits[i] - logit)).toBeLessThan(1e-3));
      });
    }
  });

  it('padding and batch do not change a sequence', () => {
    const lists = golden.sequences.map(({ ids }) => ids);
    const T = Math.max(...lists.map((ids) => ids.length)) + 3;
    const padded = Int32Array.from(lists.flatMap((ids) => [...ids, ...new Array<number>(T - ids.length).fill(5)]));
    tf.tidy(() => {
      const together = model.transformer.hidden(padded, [lists.length, T]);
      lists.forEach((ids, row) => {
        const alone = model.transformer.hidden(Int32Array.from(ids), [1, ids.length]).dataSync();
        const width = model.config.hidden_size;
        const part = tf.slice(together, [row * T, 0], [ids.length, width]).dataSync();
        expectSameRows([...part], [...alone]);
      });
    });
  });

  it('prefill and decode give the hidden states of whole sequences', () => {
    const lists = golden.sequences.map(({ ids }) => ids);
    const prompts = lists.map((ids) => ids.slice(0, Math.max(1, ids.length - 4)));
    // The first prompt is continued twice.
    const promptOf = [...lists.keys(), 0];
    const cache = model.transformer.newCache({
      promptOf: Int32Array.from(promptOf),
      promptLengths: Int32Array.from(prompts, ({ length }) => length),
      newTokens: 4,
    });
    let last = model.transformer.prefill(prompts, cache);
    const inputs = new DecodeInputs(cache);
    for (let step = 0; step < 3; step++) {
      last.dispose();
      inputs.write(Int32Array.from(promptOf, (p) => lists[p][prompts[p].length + step]));
      last = tf.tidy(() => model.transformer.decode(inputs, cache));
      cache.advance();
    }
    tf.tidy(() => {
      promptOf.forEach((p, row) => {
        const ids = lists[p];
        const n = prompts[p].length + 3;
        const whole = model.transformer.hidden(Int32Array.from(ids.slice(0, n)), [1, n]);
        const expected = rows(whole, tf.tensor1d([n - 1], 'int32')).dataSync();
        const got = rows(last, tf.tensor1d([row], 'int32')).dataSync();
        expected.forEach((value, i) =>
          expect(Math.abs(got[i] - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value))),
        );
      });
    });
    tf.dispose(last);
    inputs.dispose();
    cache.dispose();
  });
});

describe.each(['bpe-gpt2', 'bpe-llama', 'bpe-qwen'])('tokenizer %s', (name) => {
  const folder = `${goldenFolder}tokenizers/${name}`;
  const golden = JSON.parse(readFileSync(`${folder}/golden.json`, 'utf8')) as {
    encode: { text: string; ids: number[]; decoded: string }[];
    chat: { messages: { role: string; content: string }[]; text: string; ids: number[] }[];
  };
  const tokenizer = Tokenizer.load(folder);

  it('encodes and decodes', () => {
    expect(golden.encode.length).toBeGreaterThan(3);
    for (const { text, ids, decoded } of golden.encode) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids, { skipSpecial: false }), text).toBe(decoded);
    }
  });

  it('renders conversations', () => {
    expect(golden.chat.length).toBeGreaterThan(0);
    for (const { messages, text, ids } of golden.chat) {
      expect(tokenizer.renderChat(messages, { addGenerationPrompt: true })).toBe(text);
      expect(tokenizer.promptIds(messages, { raw: false })).toEqual(ids);
    }
  });
});
