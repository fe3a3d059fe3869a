/**
 * Rewards from a server: vLLM's /classify and /pooling, Text Embeddings Inference's /predict, OpenRLHF's /get_reward.
 * The URL's path selects the protocol. BREVITY_REWARD_KEY is sent as a bearer token. `?model=NAME` names vLLM's model
 * (by default its first); `?tokenizer=DIR` names a tokenizer folder whose chat template renders the conversation (by
 * default contents are joined by a newline).
 */
import { z } from 'zod';
import type { RewardOptions } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { HttpFailure, type HttpRequest, retrying, sendJson } from '../io/http.js';
import { shownUrl } from '../core/config/rewardSpec.js';
import { Tokenizer } from '../model/tokenizer.js';
import type { Message } from '../core/rows.js';
import { concurrently } from './concurrently.js';
import { finiteReward, promptExcerpt, type Reward, type RewardHooks, type RewardInput } from './types.js';
import { plainText } from '../core/sanitize.js';
import { keyIn, type Permission, rewardKeyVariable } from '../core/trust.js';

interface Contract {
  body(texts: string[], model: string): unknown;
  /** Rewards in the order of the texts. */
  rewards(answer: unknown): unknown[];
  needsModel: boolean;
}

/** Exactly one score: with more labels it is unclear which one is the reward. */
const oneScore = z.tuple([z.unknown()]);

/** Sorts into the order of the texts; servers may answer in another. */
function byIndex<T extends { index: number }>(data: T[]): T[] {
  const sorted = [...data].sort((a, b) => a.index - b.index);
  const wrong = sorted.findIndex(({ index }, i) => index !== i);
  if (wrong >= 0) throw new Error(`index ${sorted[wrong].index} stands where ${wrong} was expected`);
  return sorted;
}

const contracts: Record<string, Contract> = {
  '/classify': {
    needsModel: true,
    body: (input, model) => ({ model, input, use_activation: false }),
    rewards: (answer) =>
      byIndex(z.object({ data: z.array(z.object({ index: z.number(), probs: oneScore })) }).parse(answer).data).map(
        ({ probs }) => probs[0],
      ),
  },
  '/pooling': {
    needsModel: true,
    body: (input, model) => ({ model, input, task: 'classify', use_activation: false }),
    rewards: (answer) =>
      byIndex(z.object({ data: z.array(z.object({ index: z.number(), data: oneScore })) }).parse(answer).data).map(
        ({ data }) => data[0],
      ),
  },
  '/predict': {
    needsModel: false,
    // A flat array of two texts would be read as one pair.
    body: (texts) => ({ inputs: texts.map((text) => [text]), raw_scores: true, truncate: true }),
    rewards: (answer) =>
      z
        .array(z.tuple([z.object({ score: z.unknown() })]))
        .parse(answer)
        .map(([first]) => first.score),
  },
  '/get_reward': {
    needsModel: false,
    body: (query) => ({ query }),
    rewards: (answer) => z.object({ rewards: z.array(z.unknown()) }).parse(answer).rewards,
  },
};

export async function openHttpReward(url: URL, options: RewardOptions, permission: Permission): Promise<Reward> {
  const target = new URL(url);
  const path = target.pathname.replace(/\/+$/, '');
  const contract = Object.entries(contracts).find(([ending]) => path.endsWith(ending))?.[1];
  if (contract === undefined) {
    throw new UserError(
      `reward URL ${shownUrl(url)} ends in ${path || '/'}; expected one of ${Object.keys(contracts).join(', ')}`,
      { exitCode: 2 },
    );
  }
  const tokenizerDir = target.searchParams.get('tokenizer');
  const named = target.searchParams.get('model');
  // Other query parameters were refused earlier: see core/config/rewardSpec.ts.
  target.search = '';
  if (keyIn(rewardKeyVariable) !== null)
    permission({ kind: 'key', variable: rewardKeyVariable, origin: target.origin });
  const tokenizer = tokenizerDir === null ? null : Tokenizer.load(tokenizerDir);
  const model = contract.needsModel ? (named ?? (await firstModel(target, options))) : '';
  return new HttpReward(target, contract, model, tokenizer, options);
}

/** vLLM's first model. The URL is built next to the reward's own path, because a proxy may have added a prefix. */
async function firstModel(url: URL, options: RewardOptions): Promise<string> {
  const list = new URL(url);
  list.pathname = `${url.pathname.replace(/(\/v1)?\/[^/]+\/*$/, '')}/v1/models`;
  const answer = await request(list, { method: 'GET' }, options, `asking ${shownUrl(list)} for its model`);
  const parsed = z.object({ data: z.array(z.object({ id: z.string() })).min(1) }).safeParse(answer);
  if (!parsed.success) throw new UserError(`${shownUrl(list)} names no model; put ?model=NAME into the reward's URL`);
  return parsed.data.data[0].id;
}

class HttpReward implements Reward {
  readonly spec: string;

  constructor(
    private readonly url: URL,
    private readonly contract: Contract,
    private readonly model: string,
    private readonly tokenizer: Tokenizer | null,
    private readonly options: RewardOptions,
  ) {
    this.spec = `http:${shownUrl(url)}`;
  }

  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const { batch_size, concurrency } = this.options;
    await concurrently(Math.ceil(inputs.length / batch_size), concurrency, hooks.control, (batch) => {
      const start = batch * batch_size;
      return this.scoreBatch(inputs.slice(start, start + batch_size), (i, reward) => hooks.onReward(start + i, reward));
    });
  }

  dispose(): void {}

  private async scoreBatch(batch: RewardInput[], onReward: (index: number, reward: number) => void): Promise<void> {
    const about = `scoring the response to ${promptExcerpt(batch[0].prompt)}`;
    const body = this.contract.body(
      batch.map((input) => this.text(input)),
      this.model,
    );
    const answer = await request(this.url, { method: 'POST', body }, this.options, about);
    let rewards: unknown[];
    try {
      rewards = this.contract.rewards(answer);
    } catch (cause) {
      throw new UserError(
        `${shownUrl(this.url)} gave an answer of another form while ${about}: ${plainText(JSON.stringify(answer)).slice(0, 200)}; expected one score for each response`,
        { cause },
      );
    }
    if (rewards.length !== batch.length)
      throw new UserError(
        `${shownUrl(this.url)} gave ${rewards.length} rewards for ${batch.length} responses while ${about}`,
      );
    batch.forEach((input, i) => onReward(i, finiteReward(rewards[i], this.spec, input)));
  }

  private text({ prompt, response }: RewardInput): string {
    if (prompt === undefined || response === undefined)
      throw new UserError(`reward ${this.spec} needs rows with "prompt" and "response" as text`);
    const messages: Message[] = [
      ...(typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt),
      { role: 'assistant', content: response },
    ];
    if (this.tokenizer === null) return messages.map(({ content }) => content).join('\n');
    return this.tokenizer.renderChat(messages, { addGenerationPrompt: false });
  }
}

/** One JSON request, retried on network errors, time-outs, 408, 429 and 5xx. */
async function request(
  url: URL,
  { method, body }: Pick<HttpRequest, 'method' | 'body'>,
  options: RewardOptions,
  about: string,
): Promise<unknown> {
  const send = () =>
    sendJson(url, {
      ...{ method, body, key: keyIn(rewardKeyVariable) },
      ...{ timeoutSeconds: options.timeout_seconds, timeoutKey: 'rewards.timeout_seconds' },
    });
  try {
    return await retrying(send, options.retries);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    const hint = /^sent more than/.test(error.message)
      ? '; expected one score for each response, so this is no reward'
      : '';
    throw new UserError(`${shownUrl(url)} ${error.message}${hint} while ${about}; everything scored before is kept`);
  }
}
