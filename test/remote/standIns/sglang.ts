/**
 * SGLang's routes, as release 0.5.23 answers them. Sources: sglang/srt/entrypoints/http_server.py, managers/io_struct.py,
 * managers/schedule_batch.py (finish reasons), layers/sampler.py (tempered log-probabilities). Not compared with a server.
 */
import { LoadFailure } from './engine.js';
import type { Answer, Body, Routes, StandIn } from './standIn.js';

const failed = (status: number, message: string): Answer => ({ status, body: { error: { message } } });

export function sglangRoutes(standIn: StandIn): Routes {
  const { engine, faults } = standIn;
  const { model } = engine;
  let loaded = engine.folder;
  const context = () => faults.context ?? model.config.max_positions;
  const loadedAdapters = () => Object.fromEntries([...engine.adapters].map(([name, { folder }]) => [name, folder]));
  return {
    'GET /health': () => ({ body: '' }),
    'GET /model_info': () => ({ body: { model_path: loaded, served_model_name: loaded, is_generation: true } }),
    'GET /server_info': () => ({
      body: {
        ...{ version: '0.5.23', context_length: context(), enable_lora: true, max_lora_rank: faults.maxRank ?? 16 },
        enable_deterministic_inference: true,
      },
    }),
    'GET /v1/models': () => ({
      body: {
        object: 'list',
        data: [
          { id: loaded, root: loaded, max_model_len: context() },
          ...[...engine.adapters].map(([id, { folder }]) => ({
            id,
            root: folder,
            parent: loaded,
            max_model_len: null,
          })),
        ],
      },
    }),
    'POST /tokenize': ({ prompt }) => {
      const tokens = model.tokenizer?.encode(String(prompt)) ?? [];
      return { body: { tokens, count: tokens.length, max_model_len: context() } };
    },
    'POST /generate': (body) => generate(standIn, body, context()),
    'POST /pause_generation': () => ({ body: { message: 'Generation paused.', status: 'ok' } }),
    'POST /continue_generation': () => ({ body: { message: 'Generation continued.', status: 'ok' } }),
    'POST /update_weights_from_disk': async ({ model_path }) => {
      try {
        await engine.reload(String(model_path));
      } catch (error) {
        if (!(error instanceof LoadFailure)) throw error;
        const message = `Failed to update weights: ${error.message}.\nRolling back to original weights.`;
        return { status: 400, body: { success: false, message, num_paused_requests: 0 } };
      }
      loaded = String(model_path);
      return { body: { success: true, message: 'Succeeded to update model weights.', num_paused_requests: 0 } };
    },
    'POST /load_lora_adapter': async ({ lora_name, lora_path }) => {
      const name = String(lora_name);
      try {
        await engine.loadAdapter(name, String(lora_path), faults.maxRank ?? 16);
      } catch (error) {
        if (!(error instanceof LoadFailure)) throw error;
        return {
          status: 400,
          body: { success: false, error_message: error.message, loaded_adapters: loadedAdapters() },
        };
      }
      return { body: { success: true, error_message: null, loaded_adapters: loadedAdapters() } };
    },
    'POST /unload_lora_adapter': ({ lora_name }) => {
      const success = engine.unloadAdapter(String(lora_name));
      return { status: success ? 200 : 400, body: { success, error_message: success ? null : 'not loaded' } };
    },
  };
}

async function generate(standIn: StandIn, body: Body, context: number): Promise<Answer> {
  const { engine, faults } = standIn;
  const ids = body.input_ids as number[];
  const params = body.sampling_params as Body;
  const adapter = (body.lora_path as string | null) ?? null;
  if (adapter !== null && !engine.adapters.has(adapter))
    return failed(400, `Got LoRA adapter that has never been loaded: ${adapter}`);
  const number = (key: string, other: number) => (typeof params[key] === 'number' ? params[key] : other);
  const most = number('max_new_tokens', 128);
  if (ids.length + most > context)
    return failed(
      400,
      `Requested token count exceeds the model's maximum context length of ${context} tokens. You requested a total of ${ids.length + most} tokens.`,
    );
  if (most === 0) {
    const start = Number(body.logprob_start_len);
    const scored = await engine.score(ids, adapter);
    // The first entry has no value, wherever it starts.
    const entries = ids.slice(start).map((id, i) => [i === 0 ? null : scored[start + i - 1], id, null]);
    return {
      body: {
        text: '',
        output_ids: [],
        meta_info: {
          finish_reason: { type: 'length', length: 0 },
          ...{ prompt_tokens: ids.length, completion_tokens: 0, input_token_logprobs: entries },
        },
      },
    };
  }
  const temperature = number('temperature', 1);
  const fields = {
    temperature,
    top_p: number('top_p', 1),
    top_k: Math.max(0, number('top_k', -1)),
    min_p: number('min_p', 0),
    repetition_penalty: number('repetition_penalty', 1),
    max_new_tokens: most,
    seed: number('sampling_seed', 42),
  };
  const result = await standIn.sample(async () => {
    const response = await engine.sample(ids, fields, adapter);
    // Tempered, though not normalised again: enough to differ.
    return {
      ...response,
      token_logprobs: response.token_logprobs.map((value) => value / (temperature === 0 ? 1 : temperature)),
    };
  });
  if ('answer' in result) return result.answer;
  const { ids: output_ids, logprobs, text, count, finish, repeated } = result.sent;
  return {
    body: {
      ...{ text, output_ids },
      meta_info: {
        id: '1',
        finish_reason:
          finish === 'stop'
            ? {
                type: 'stop',
                matched: faults.missingEnd === undefined ? output_ids.at(-1) : engine.model.generation.eosTokenIds[0],
              }
            : { type: 'length', length: most },
        ...{ prompt_tokens: ids.length, completion_tokens: count },
        output_token_logprobs: logprobs.map((value, i) => [value, repeated[i] ?? output_ids[i], null]),
      },
    },
  };
}
