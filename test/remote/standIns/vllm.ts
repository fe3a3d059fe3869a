/**
 * vLLM's routes, as release 0.32.0 answers them. Sources: vllm/entrypoints/openai/completion/protocol.py and serving.py,
 * vllm/entrypoints/openai/models/serving.py, vllm/entrypoints/rl/online/api_router.py, vllm/entrypoints/serve/dev/.
 * Answers were compared with the CPU build.
 */
import { LoadFailure } from './engine.js';
import type { Answer, Body, Routes, StandIn } from './standIn.js';

const failed = (status: number, message: string, type = 'BadRequestError'): Answer => ({
  status,
  body: { error: { message, type, param: null, code: status } },
});

export function vllmRoutes(standIn: StandIn): Routes {
  const { engine, faults } = standIn;
  const { model } = engine;
  const context = () => faults.context ?? model.config.max_positions;
  const tokenize = (text: string) => {
    const own = model.tokenizer?.encode(text) ?? [];
    return faults.otherTokenizer === true
      ? [...text].map((character) => (character.codePointAt(0) as number) % 200)
      : own;
  };
  const adapterRoutes: Routes = {
    'POST /v1/load_lora_adapter': async ({ lora_name, lora_path }) => {
      const name = String(lora_name);
      if (engine.adapters.has(name))
        return failed(
          400,
          `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`,
          'InvalidUserInput',
        );
      try {
        await engine.loadAdapter(name, String(lora_path), faults.maxRank ?? 16);
      } catch (error) {
        if (!(error instanceof LoadFailure)) throw error;
        if (/No adapter found/.test(error.message)) return failed(404, error.message, 'NotFoundError');
        const message = `Call to add_lora method failed: Worker failed with error '${error.message}', please check the stack trace above for the root cause`;
        return failed(500, message, 'InternalServerError');
      }
      return { body: `Success: LoRA adapter '${name}' added successfully.` };
    },
    'POST /v1/unload_lora_adapter': ({ lora_name }) =>
      engine.unloadAdapter(String(lora_name))
        ? { body: `Success: LoRA adapter '${String(lora_name)}' removed successfully.` }
        : failed(404, `The lora adapter '${String(lora_name)}' cannot be found.`, 'NotFoundError'),
  };
  return {
    'GET /health': () => ({ body: '' }),
    'GET /version': () => ({ body: { version: '0.32.0' } }),
    'GET /v1/models': () => ({
      body: {
        object: 'list',
        data: [
          { id: engine.folder, object: 'model', root: engine.folder, parent: null, max_model_len: context() },
          ...[...engine.adapters].map(([id, { folder }]) => ({
            ...{ id, object: 'model', root: folder, parent: engine.folder, max_model_len: null },
          })),
        ],
      },
    }),
    'POST /tokenize': ({ prompt }) => {
      const tokens = tokenize(String(prompt));
      return { body: { count: tokens.length, max_model_len: context(), tokens, token_strs: null } };
    },
    'POST /v1/completions': (body) => complete(standIn, body, context()),
    'POST /pause': () => ({ body: { status: 'paused' } }),
    'POST /resume': () => ({ body: { status: 'resumed' } }),
    'POST /reset_prefix_cache': () => ({ body: { success: true } }),
    'POST /collective_rpc': async ({ kwargs }) => {
      try {
        await engine.reload(String((kwargs as Body).weights_path));
      } catch (error) {
        if (!(error instanceof LoadFailure)) throw error;
        return failed(
          500,
          `Call to collective_rpc method failed: Worker failed with error '${error.message}'`,
          'InternalServerError',
        );
      }
      return { body: { results: [null] } };
    },
    ...(faults.noAdapters === true ? {} : adapterRoutes),
    // Not vLLM's: in place of the restart of a process.
    'POST /stand-in/restart': async ({ weights }) => {
      await engine.reload(String(weights));
      return { body: {} };
    },
  };
}

async function complete(standIn: StandIn, body: Body, context: number): Promise<Answer> {
  const { engine, faults } = standIn;
  const prompt = body.prompt as number[];
  const model = String(body.model);
  const adapter = model === engine.folder ? null : model;
  if (adapter !== null && !engine.adapters.has(adapter))
    return failed(404, `The model \`${model}\` does not exist. Valid aliases: <path>`, 'NotFoundError');
  if (prompt.length >= context)
    return failed(
      400,
      `This model's maximum context length is ${context} tokens. However, your prompt contains ${prompt.length} input tokens, which exceeds this limit even without any output tokens.`,
    );
  if (prompt.some((id) => id >= engine.model.config.vocab_size)) return failed(400, 'Token id is out of vocabulary');
  if (typeof body.prompt_logprobs === 'number') {
    const scored = await engine.score(prompt, adapter);
    const prompt_logprobs = prompt.map((id, i) => (i === 0 ? null : { [id]: { logprob: scored[i - 1], rank: 1 } }));
    const choice = { index: 0, text: '', finish_reason: 'length', stop_reason: null, token_ids: [0], prompt_logprobs };
    return { body: { choices: [choice], usage: { prompt_tokens: prompt.length, completion_tokens: 1 } } };
  }
  if (body.use_beam_search === true) return beams(standIn, body, adapter, context);
  // What a request leaves out comes from the server's own generation_config and defaults.
  const given: Body = faults.forgetsFields === true ? {} : body;
  const number = (key: string, other: number) => (typeof given[key] === 'number' ? given[key] : other);
  const fields = {
    temperature: number('temperature', 1),
    top_p: number('top_p', 0.6),
    top_k: Math.max(0, number('top_k', 5)),
    min_p: number('min_p', 0),
    repetition_penalty: number('repetition_penalty', 1.3),
    max_new_tokens: Math.min(number('max_tokens', 16), context - prompt.length),
    seed: number('seed', 0),
  };
  const result = await standIn.sample(async () => {
    const response = await engine.sample(prompt, fields, adapter);
    if (faults.processedLogprobs !== true) return response;
    return { ...response, token_logprobs: response.token_logprobs.map((value) => value / fields.temperature) };
  });
  if ('answer' in result) return result.answer;
  const { ids, logprobs, text, count, finish, repeated } = result.sent;
  const tokens = (repeated.length === logprobs.length ? repeated : ids).map((id) => `token_id:${id}`);
  return {
    body: {
      id: 'cmpl-1',
      object: 'text_completion',
      model,
      choices: [
        {
          ...{ index: 0, text, finish_reason: finish, stop_reason: null, prompt_logprobs: null },
          logprobs: { text_offset: [], token_logprobs: logprobs, tokens, top_logprobs: [] },
          ...(body.return_token_ids === true ? { token_ids: ids, prompt_token_ids: prompt } : {}),
        },
      ],
      usage: { prompt_tokens: prompt.length, total_tokens: prompt.length + count, completion_tokens: count },
    },
  };
}

/**
 * Source: vllm/entrypoints/generate/beam_search/online.py. All beams come back, best first; their ids hold the end token
 * if `include_stop_str_in_output` is set, their text never does, and usage counts them all.
 */
async function beams({ engine }: StandIn, body: Body, adapter: string | null, context: number): Promise<Answer> {
  const prompt = body.prompt as number[];
  const n = Number(body.n);
  const max_new_tokens = Math.min(Number(body.max_tokens), context - prompt.length);
  const best = await engine.beam(
    prompt,
    { beams: n, length_penalty: Number(body.length_penalty), max_new_tokens },
    adapter,
  );
  const choices = Array.from({ length: n }, (_, index) => {
    const ids = index === 0 ? best.ids : best.ids.slice(0, 1);
    return {
      ...{ index, text: best.text, finish_reason: index === 0 ? best.finish_reason : 'length', stop_reason: null },
      logprobs: {
        ...{ text_offset: [], top_logprobs: [], token_logprobs: best.token_logprobs.slice(0, ids.length) },
        tokens: ids.map((id) => `token_id:${id}`),
      },
      token_ids: ids,
      prompt_token_ids: prompt,
    };
  });
  const completion_tokens = choices.reduce((sum, { token_ids }) => sum + token_ids.length, 0);
  return {
    body: {
      id: 'cmpl-1',
      object: 'text_completion',
      choices,
      usage: { prompt_tokens: prompt.length, completion_tokens },
    },
  };
}
