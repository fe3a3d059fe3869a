/**
 * vLLM's protocol, as of release 0.32: `/v1/completions` with token ids, adapters at run time, and the development
 * mode's weight reload. Source: vllm/entrypoints/openai/completion/protocol.py,
 * vllm/entrypoints/openai/models/serving.py.
 */
import { z } from 'zod';
import { HttpFailure } from '../../io/http.js';
import {
  type BeamRequest,
  EndpointFault,
  type Protocol,
  type ProtocolContext,
  type SampleRequest,
  type ServerFacts,
  checkedResponse,
} from './protocol.js';

const modelsSchema = z.object({
  data: z
    .array(
      z.object({
        id: z.string(),
        root: z.string().nullish(),
        parent: z.string().nullish(),
        max_model_len: z.int().nullish(),
      }),
    )
    .min(1),
});

const logprobSchema = z.object({ logprob: z.number() });
const choiceSchema = z.object({
  text: z.string(),
  token_ids: z.array(z.int()).nullish(),
  prompt_token_ids: z.array(z.int()).nullish(),
  finish_reason: z.string().nullish(),
  stop_reason: z.union([z.int(), z.string()]).nullish(),
  logprobs: z.object({ tokens: z.array(z.string()), token_logprobs: z.array(z.number().nullable()) }).nullish(),
  prompt_logprobs: z.array(z.record(z.string(), logprobSchema).nullable()).nullish(),
});
const completionSchema = z.object({
  choices: z.tuple([choiceSchema]),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }),
});

const beamsSchema = z.object({ choices: z.array(choiceSchema).min(1) });

export class Vllm implements Protocol {
  readonly kind = 'vllm';
  private model = '';

  constructor(private readonly context: ProtocolContext) {}

  async identify(): Promise<ServerFacts> {
    const { version } = z
      .object({ version: z.string() })
      .catch({ version: '' })
      .parse(await this.context.get('/version'));
    const { data } = read(modelsSchema, await this.context.get('/v1/models'), 'list of models');
    const base = data.find(({ parent }) => parent === null || parent === undefined) ?? data[0];
    this.model = base.id;
    return {
      version,
      model: base.id,
      root: base.root ?? null,
      context: base.max_model_len ?? null,
      adapters: new Map(data.filter(({ parent }) => parent != null).map(({ id, root }) => [id, root ?? ''])),
      maxRank: null,
      seedProblem: null,
    };
  }

  async tokenize(prompt: string): Promise<number[] | null> {
    try {
      const answer = await this.context.post('/tokenize', { model: this.model, prompt, add_special_tokens: false });
      return read(z.object({ tokens: z.array(z.int()) }), answer, 'tokens').tokens;
    } catch (error) {
      if (error instanceof HttpFailure && error.status === 404) return null;
      throw error;
    }
  }

  async sample({ prompt_ids, seed, adapter, settings }: SampleRequest, signal: AbortSignal) {
    const limit = Math.min(settings.max_new_tokens, this.context.context() - prompt_ids.length);
    const { choice, usage } = await this.complete(
      {
        ...this.fields(prompt_ids, adapter),
        seed,
        max_tokens: limit,
        temperature: settings.temperature,
        top_p: settings.top_p,
        // 0: all, as in our settings.
        top_k: settings.top_k,
        min_p: settings.min_p,
        repetition_penalty: settings.repetition_penalty,
        logprobs: 0,
      },
      signal,
    );
    return this.checked(choice, prompt_ids, limit, { text: choice.text, count: usage.completion_tokens });
  }

  /**
   * vLLM's beam search (vllm/entrypoints/generate/beam_search). It differs from ours: beams are ranked by log π(y) /
   * (|x| + |y|)^λ without the end token, and end only at the tokenizer's own end token; a beam that runs on past
   * another one is refused.
   */
  async beam({ prompt_ids, beams, length_penalty, max_new_tokens, adapter }: BeamRequest, signal: AbortSignal) {
    const limit = Math.min(max_new_tokens, this.context.context() - prompt_ids.length);
    const answer = await this.context.post(
      '/v1/completions',
      {
        ...this.fields(prompt_ids, adapter),
        ...{ use_beam_search: true, n: beams, length_penalty, max_tokens: limit, temperature: 0, logprobs: 0 },
      },
      { signal },
    );
    // Best first. The text leaves the end token out, and tokens are counted over all beams: neither can be checked.
    const [best] = read(beamsSchema, answer, 'beam search').choices;
    return this.checked(best, prompt_ids, limit, { text: null, count: null });
  }

  /** @throws EndpointFault if the choice lacks ids or log-probabilities, or contradicts itself */
  private checked(
    choice: z.infer<typeof choiceSchema>,
    prompt_ids: readonly number[],
    limit: number,
    { text, count }: { text: string | null; count: number | null },
  ) {
    const { token_ids, logprobs, finish_reason, stop_reason } = choice;
    if (token_ids == null)
      throw new EndpointFault('returns no token_ids; vLLM 0.11 or later is needed (return_token_ids)');
    if (logprobs == null) throw new EndpointFault('returns no log-probabilities; start it without --max-logprobs 0');
    if (finish_reason !== 'stop' && finish_reason !== 'length')
      throw new HttpFailure('connection', `ended a response with the reason "${String(finish_reason)}"`);
    if (choice.prompt_token_ids != null && !equal(choice.prompt_token_ids, prompt_ids))
      throw new EndpointFault('changed the token ids of a prompt; expected it to read them as sent');
    const repeated = logprobs.tokens.map((token) => Number(/^token_id:(\d+)$/.exec(token)?.[1]));
    return checkedResponse(
      {
        ids: token_ids,
        logprobs: logprobs.token_logprobs.map((value) => value ?? NaN),
        repeated: repeated.some(Number.isNaN) ? null : repeated,
        text,
        count,
        finish: finish_reason,
        stopId: typeof stop_reason === 'number' ? stop_reason : null,
      },
      this.context.policy,
      limit,
    );
  }

  async logprobs(
    prompt_ids: readonly number[],
    response_ids: readonly number[],
    adapter: string | null,
    signal: AbortSignal,
  ): Promise<number[]> {
    const ids = [...prompt_ids, ...response_ids];
    // vLLM always generates one token, so a sequence that fills the context cannot be scored (ContextFull in pool.ts).
    const { choice } = await this.complete(
      {
        ...this.fields(ids, adapter),
        ...{ seed: 0, max_tokens: 1, temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 },
        prompt_logprobs: 0,
      },
      signal,
    );
    const all = choice.prompt_logprobs;
    if (all == null) throw new EndpointFault('returns no prompt_logprobs, which policy verification needs');
    if (all.length !== ids.length)
      throw new EndpointFault(
        `gave ${all.length} prompt_logprobs for ${ids.length} tokens; use a release of the server that counts both alike`,
      );
    return response_ids.map((id, i) => {
      const entry = all[prompt_ids.length + i]?.[String(id)];
      if (entry === undefined)
        throw new EndpointFault(
          `gave no log-probability for token ${id} of a sequence that it was asked to score: its ids do not belong to its tokens`,
        );
      return entry.logprob;
    });
  }

  async loadAdapter(lora_name: string, lora_path: string): Promise<void> {
    await this.context.postText(
      '/v1/load_lora_adapter',
      { lora_name, lora_path, load_inplace: false },
      { time: 'load' },
    );
  }

  async unloadAdapter(lora_name: string): Promise<void> {
    await this.context.postText('/v1/unload_lora_adapter', { lora_name });
  }

  /** Source: vllm/entrypoints/serve/dev and serve/rlhf: the routes exist with VLLM_SERVER_DEV_MODE=1. */
  async reload(folder: string): Promise<void> {
    const { context } = this;
    // The default mode, abort, would end requests in flight; clear_cache drops the old weights' prefix cache.
    await connecting(() => context.postText('/pause?mode=wait&clear_cache=true', {}, { time: 'load' }));
    try {
      const body = { method: 'reload_weights', kwargs: { weights_path: folder, is_checkpoint_format: true } };
      await connecting(() => context.postText('/collective_rpc', body, { time: 'load' }));
      await this.resetPrefixCache();
    } finally {
      // A server left paused would not answer anybody.
      await connecting(() => context.postText('/resume', {}));
    }
  }

  /** Fails while blocks are in use, which ends soon after a pause. */
  private async resetPrefixCache(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const answer = await connecting(() => this.context.post('/reset_prefix_cache', {}));
      if (z.object({ success: z.literal(true) }).safeParse(answer).success) return;
      if (attempt === 10)
        throw new EndpointFault('does not reset its prefix cache, which still holds the old weights; restart it');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Sets every field, because the server fills missing ones from its generation_config. */
  private fields(prompt: readonly number[], adapter: string | null) {
    return {
      model: adapter ?? this.model,
      prompt,
      ...{ n: 1, stream: false, echo: false, stop: [], ignore_eos: false, min_tokens: 0, use_beam_search: false },
      ...{ presence_penalty: 0, frequency_penalty: 0, logit_bias: null, truncate_prompt_tokens: null },
      stop_token_ids: this.context.policy.generation.eosTokenIds,
      skip_special_tokens: false,
      spaces_between_special_tokens: false,
      // The text then contains the end-of-turn token, and must equal the decoded ids.
      include_stop_str_in_output: true,
      return_token_ids: true,
      return_tokens_as_token_ids: true,
    };
  }

  private async complete(body: object, signal: AbortSignal) {
    const answer = await this.context.post('/v1/completions', body, { signal });
    const { choices, usage } = read(completionSchema, answer, 'completion');
    return { choice: choices[0], usage };
  }
}

/**
 * Retries after a failed connection, for routes that may be called twice. vLLM closes connections that were idle for 5
 * s, and a request on a closing one fails; if that happened during a reload, the server would stay paused.
 */
async function connecting<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof HttpFailure) || error.kind !== 'connection' || attempt === 4) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    }
  }
}

/** @throws EndpointFault if an answer has another form */
export function read<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new EndpointFault(
    `gave a ${what} of another form (${issue.path.join('.') || 'the whole answer'}: ${issue.message.toLowerCase()}); expected vLLM's or SGLang's protocol`,
  );
}

export function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
