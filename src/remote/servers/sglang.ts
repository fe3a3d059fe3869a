/**
 * SGLang's protocol, as of release 0.5.23: `/generate` with token ids, adapters at run time,
 * `/update_weights_from_disk`. Source: sglang/srt/entrypoints/http_server.py, managers/io_struct.py,
 * sampling/sampling_params.py, layers/sampler.py.
 */
import { z } from 'zod';
import { HttpFailure } from '../../io/http.js';
import {
  EndpointFault,
  type Protocol,
  type ProtocolContext,
  type SampleRequest,
  type ServerFacts,
  checkedResponse,
} from './protocol.js';
import { read } from './vllm.js';

const logprobs = z.array(z.tuple([z.number().nullable(), z.int()]).rest(z.unknown()));
const generatedSchema = z.object({
  text: z.string(),
  output_ids: z.array(z.int()),
  meta_info: z.object({
    finish_reason: z.object({
      type: z.string(),
      matched: z.union([z.int(), z.string()]).nullish(),
      message: z.string().nullish(),
    }),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    input_token_logprobs: logprobs.nullish(),
    output_token_logprobs: logprobs.nullish(),
  }),
});

const serverInfoSchema = z.object({
  version: z.string().catch(''),
  context_length: z.int().nullish(),
  max_lora_rank: z.int().nullish(),
  enable_deterministic_inference: z.boolean().nullish(),
});

const loadedSchema = z.object({
  success: z.boolean(),
  error_message: z.string().nullish(),
  message: z.string().nullish(),
});

export class Sglang implements Protocol {
  readonly kind = 'sglang';

  constructor(private readonly context: ProtocolContext) {}

  async identify(): Promise<ServerFacts> {
    const { context } = this;
    const model = read(z.object({ model_path: z.string() }), await context.get('/model_info'), 'model information');
    const server = read(serverInfoSchema, await context.get('/server_info'), 'server information');
    const models = read(
      z.object({
        data: z.array(
          z.object({
            id: z.string(),
            root: z.string().nullish(),
            parent: z.string().nullish(),
            max_model_len: z.int().nullish(),
          }),
        ),
      }),
      await context.get('/v1/models'),
      'list of models',
    );
    const base = models.data.find(({ parent }) => parent == null);
    return {
      version: server.version,
      model: base?.id ?? model.model_path,
      // update_weights_from_disk changes it.
      root: model.model_path,
      context: base?.max_model_len ?? server.context_length ?? null,
      adapters: new Map(models.data.filter(({ parent }) => parent != null).map(({ id, root }) => [id, root ?? ''])),
      maxRank: server.max_lora_rank ?? null,
      seedProblem:
        server.enable_deterministic_inference === true
          ? null
          : 'it ignores seeds, so a repeated run gives other responses; start it with --enable-deterministic-inference',
    };
  }

  async tokenize(prompt: string): Promise<number[] | null> {
    try {
      const answer = await this.context.post('/tokenize', { prompt, add_special_tokens: false });
      return read(z.object({ tokens: z.array(z.int()) }), answer, 'tokens').tokens;
    } catch (error) {
      if (error instanceof HttpFailure && error.status === 404) return null;
      throw error;
    }
  }

  async sample({ prompt_ids, seed, adapter, settings }: SampleRequest, signal: AbortSignal) {
    const limit = Math.min(settings.max_new_tokens, this.context.context() - prompt_ids.length);
    const answer = await this.generate(
      {
        input_ids: prompt_ids,
        sampling_params: {
          ...this.fields(),
          max_new_tokens: limit,
          temperature: settings.temperature,
          top_p: settings.top_p,
          top_k: settings.top_k === 0 ? -1 : settings.top_k,
          min_p: settings.min_p,
          repetition_penalty: settings.repetition_penalty,
          sampling_seed: seed,
        },
        return_logprob: true,
        logprob_start_len: -1,
        lora_path: adapter,
        stream: false,
      },
      signal,
    );
    const { finish_reason: finish, prompt_tokens, completion_tokens, output_token_logprobs } = answer.meta_info;
    // Somebody paused or aborted the request, so the ids are incomplete.
    if (finish.type !== 'stop' && finish.type !== 'length')
      throw new HttpFailure('connection', `ended a response with the reason "${finish.type}"`);
    if (prompt_tokens !== prompt_ids.length)
      throw new EndpointFault(
        `read ${prompt_tokens} tokens of a prompt of ${prompt_ids.length}; start it without --allow-auto-truncate`,
      );
    if (output_token_logprobs == null) throw new EndpointFault('returns no output_token_logprobs');
    const { vocab_size } = this.context.policy.config;
    const response = checkedResponse(
      {
        ids: answer.output_ids,
        logprobs: output_token_logprobs.map(([value]) => value ?? NaN),
        // The last id of the vocabulary is reported as 0 (managers/…/logprob_result_processor.py).
        repeated: output_token_logprobs.map(([, id], i) =>
          id === 0 && answer.output_ids[i] >= vocab_size - 1 ? answer.output_ids[i] : id,
        ),
        text: answer.text,
        count: completion_tokens,
        finish: finish.type,
        stopId: typeof finish.matched === 'number' ? finish.matched : null,
      },
      this.context.policy,
      limit,
    );
    // SGLang reports log-probabilities of the tempered and penalised distribution (layers/sampler.py).
    if (settings.temperature === 1 && settings.repetition_penalty === 1) return response;
    const token_logprobs = await this.logprobs(prompt_ids, response.ids, adapter, signal);
    return { ...response, token_logprobs, logps: token_logprobs.reduce((sum, value) => sum + value, 0) };
  }

  async logprobs(
    prompt_ids: readonly number[],
    response_ids: readonly number[],
    adapter: string | null,
    signal: AbortSignal,
  ): Promise<number[]> {
    const start = prompt_ids.length - 1;
    const answer = await this.generate(
      {
        input_ids: [...prompt_ids, ...response_ids],
        sampling_params: {
          ...this.fields(),
          // Only reads the prompt.
          max_new_tokens: 0,
          ...{ temperature: 0, top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1 },
        },
        return_logprob: true,
        logprob_start_len: start,
        lora_path: adapter,
        stream: false,
      },
      signal,
    );
    const entries = answer.meta_info.input_token_logprobs ?? [];
    if (entries.length !== response_ids.length + 1)
      throw new EndpointFault(
        `gave ${entries.length} input_token_logprobs for ${response_ids.length + 1} tokens; use a release of the server that counts both alike`,
      );
    const { vocab_size } = this.context.policy.config;
    // The first entry belongs to the prompt's last token and is null.
    return entries.slice(1).map(([value, id], i) => {
      const sent = response_ids[i];
      if (value === null || (id !== sent && !(id === 0 && sent >= vocab_size - 1)))
        throw new EndpointFault(
          `gave no log-probability for token ${sent} of a sequence that it was asked to score: its ids do not belong to its tokens`,
        );
      return value;
    });
  }

  async loadAdapter(lora_name: string, lora_path: string): Promise<void> {
    this.expectSuccess(
      await this.context.post('/load_lora_adapter', { lora_name, lora_path, pinned: false }, { time: 'load' }),
    );
  }

  async unloadAdapter(lora_name: string): Promise<void> {
    this.expectSuccess(await this.context.post('/unload_lora_adapter', { lora_name }));
  }

  async reload(folder: string): Promise<void> {
    const { context } = this;
    // `retract` keeps requests and lets the cache be flushed; the default, abort, would end them.
    await context.postText('/pause_generation', { mode: 'retract' }, { time: 'load' });
    try {
      const body = { model_path: folder, load_format: null, abort_all_requests: false, flush_cache: true };
      this.expectSuccess(await context.post('/update_weights_from_disk', body, { time: 'load' }));
    } finally {
      // A server left paused would not answer anybody.
      await context.postText('/continue_generation', {});
    }
  }

  private expectSuccess(answer: unknown): void {
    const { success, error_message, message } = read(loadedSchema, answer, 'result');
    if (!success)
      throw new HttpFailure(
        'status',
        `answered ${error_message ?? message ?? 'success: false'}`,
        400,
        NaN,
        error_message ?? message ?? '',
      );
  }

  private fields() {
    return {
      ...{ n: 1, min_new_tokens: 0, presence_penalty: 0, frequency_penalty: 0, ignore_eos: false },
      stop_token_ids: this.context.policy.generation.eosTokenIds,
      ...{ skip_special_tokens: false, spaces_between_special_tokens: false, no_stop_trim: true },
    };
  }

  private async generate(body: object, signal: AbortSignal) {
    return read(generatedSchema, await this.context.post('/generate', body, { signal }), 'response');
  }
}
