/** The cost of one answer to the client's thread: JSON, the checks of the real client, and the row written to disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readPolicyFiles } from '../../src/model/policyFiles.js';
import type { ProtocolContext } from '../../src/remote/servers/protocol.js';
import { Vllm } from '../../src/remote/servers/vllm.js';
import { appendJsonLines } from '../../src/io/jsonl.js';
import { median } from '../median.js';
import { round } from './figures.js';
import { Random } from '../../src/core/seeds.js';

export interface AnswerCost {
  /** Tokens of the measured answers. */
  tokens: number;
  /** Bytes of vLLM's JSON for one answer. */
  bytes: number;
  /** Processor seconds per answer: JSON, checks and decoding of `tokens` tokens. */
  seconds: number;
  /** Median seconds that the thread waits for the disk per row, i.e. once per prompt. */
  sync: number;
  /** Mean tokens of the simulation's mixed lengths. */
  meanTokens: number;
}

const TOKENS = 1024;
const ROWS = 40;

export async function answerCost(): Promise<AnswerCost> {
  const policy = readPolicyFiles(path.resolve(import.meta.dirname, '../../../data/base-policy'));
  const { tokenizer, generation } = policy;
  if (tokenizer === null) throw new Error('the bundled policy has no tokenizer');
  const random = new Random(1);
  const eos = generation.eosTokenIds[0];
  const ids = Array.from({ length: TOKENS }, (_, i) => (i === TOKENS - 1 ? eos : 10 + random.below(700)));
  const text = JSON.stringify(body(ids, tokenizer.decode(ids, { skipSpecial: false })));
  const context = {
    policy,
    context: () => 1 << 20,
    post: async () => JSON.parse(text) as unknown,
  } as unknown as ProtocolContext;
  const client = new Vllm(context);
  const folder = mkdtempSync(path.join(tmpdir(), 'brevity-scale-'));
  const file = path.join(folder, 'samples.jsonl');
  const settings = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: TOKENS };
  const { signal } = new AbortController();
  let processor = 0;
  const waits: number[] = [];
  for (let row = -4; row < ROWS; row++) {
    const before = process.cpuUsage();
    const responses = [];
    for (let k = 0; k < round.samples; k++)
      responses.push(await client.sample({ prompt_ids: [1, 2, 3], seed: 1, adapter: null, settings }, signal));
    const { user, system } = process.cpuUsage(before);
    const started = performance.now();
    appendJsonLines(file, [{ prompt_ids: [1, 2, 3], responses }]);
    // The first rows run before JavaScript is compiled.
    if (row < 0) continue;
    processor += (user + system) / 1e6;
    waits.push((performance.now() - started) / 1000);
  }
  rmSync(folder, { recursive: true });
  return {
    tokens: TOKENS,
    bytes: text.length,
    seconds: processor / (ROWS * round.samples),
    sync: median(waits),
    meanTokens: MEAN_TOKENS,
  };
}

/** Mean of min(1,024, 300·exp(0.7·N)). */
const MEAN_TOKENS = 367;

/** vLLM 0.32's answer with `logprobs: 0`, `return_token_ids` and `return_tokens_as_token_ids`. */
function body(ids: number[], text: string): object {
  const names = ids.map((id) => `token_id:${id}`);
  const logprobs = ids.map((id) => -0.0123456789 * (id % 97));
  return {
    id: 'cmpl-9f78309e174285df',
    object: 'text_completion',
    created: 1795914803,
    model: 'policy',
    choices: [
      {
        index: 0,
        text,
        logprobs: {
          text_offset: ids.map((_, i) => 4 * i),
          token_logprobs: logprobs,
          tokens: names,
          top_logprobs: names.map((name, i) => ({ [name]: logprobs[i] })),
        },
        finish_reason: 'stop',
        stop_reason: null,
        token_ids: ids,
        prompt_logprobs: null,
        prompt_token_ids: [1, 2, 3],
        routed_experts: null,
      },
    ],
    usage: { prompt_tokens: 3, total_tokens: 3 + ids.length, completion_tokens: ids.length },
  };
}
