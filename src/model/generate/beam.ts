/**
 * Beam search: the B likeliest continuations of each prompt are extended token by token, and the finished one with the
 * best score wins. Score, candidates and the end of the search are those of transformers' `generate(num_beams=B)` with
 * its default `early_stopping=False` (generation/utils.py, `_beam_search`, release 5).
 *
 *     score(y) = log π(y|x) / |y|^λ        |y| in tokens, the end-of-turn token included; λ the length penalty
 *
 * λ above zero favours long responses, because log-probabilities are negative; 0 ranks by log π alone. The search is
 * deterministic.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type Control, uncontrolled } from '../../core/control.js';
import type { SampledResponse } from '../../core/rows.js';
import type { LoadedModel } from '../folder.js';
import { DecodeInputs, type KVCache } from './cache.js';
import { logSumExp } from './choose.js';
import { expectRoom } from './sample.js';

export interface BeamSettings {
  /** B. */
  beams: number;
  /** λ. */
  length_penalty: number;
  max_new_tokens: number;
  /** Most rows decoded together: as many prompts as fit with B rows each, at least one. */
  batch_size: number;
}

export interface BeamResponse extends SampledResponse {
  /** log π(y|x) / |y|^λ. */
  score: number;
}

export interface BeamHooks {
  /** Called as each prompt's search ends; `job` is its index. */
  onResponse(job: number, response: BeamResponse): void;
  /** Tokens decoded since the last call, over all beams. */
  onTokens?(count: number): void;
  control?: Control;
}

/**
 * @returns `stopped` or `aborted` if the control said so; unfinished searches are then discarded
 * @throws UserError if a prompt leaves no room in the context
 */
export async function beamSearch(
  model: LoadedModel,
  prompts: readonly (readonly number[])[],
  settings: BeamSettings,
  hooks: BeamHooks,
): Promise<'done' | 'stopped' | 'aborted'> {
  const context = model.config.max_positions;
  expectRoom(
    prompts.map((prompt_ids) => ({ prompt_ids })),
    context,
  );
  const eos = new Set(model.generation.eosTokenIds);
  // Prompts of similar length go together to reduce padding in the prefill.
  const order = prompts.map((_, job) => job).sort((a, b) => prompts[b].length - prompts[a].length || a - b);
  const together = Math.max(1, Math.floor(settings.batch_size / settings.beams));
  for (let start = 0; start < order.length; start += together) {
    const searches = order
      .slice(start, start + together)
      .map((job) => new Search(job, Math.min(settings.max_new_tokens, context - prompts[job].length), settings, eos));
    const outcome = await searchBatch(model, searches, prompts, settings, hooks);
    if (outcome !== 'done') return outcome;
  }
  return 'done';
}

async function searchBatch(
  model: LoadedModel,
  batch: Search[],
  prompts: readonly (readonly number[])[],
  settings: BeamSettings,
  hooks: BeamHooks,
): Promise<'done' | 'stopped' | 'aborted'> {
  const { transformer } = model;
  const control = hooks.control ?? uncontrolled;
  const own = batch.map(({ job }) => prompts[job]);
  // One row per prompt until the first tokens are chosen; then one per beam.
  const cache = transformer.newCache({
    promptOf: Int32Array.from(batch, (_, p) => p),
    promptLengths: Int32Array.from(own, ({ length }) => length),
    newTokens: settings.max_new_tokens,
  });
  let searches = batch;
  let logits = () => tf.tidy(() => transformer.logits(transformer.prefill(own, cache)));
  try {
    for (;;) {
      const verdict = await control.point();
      if (verdict !== 'go') return verdict === 'stop' ? 'stopped' : 'aborted';
      const values = read(logits());
      hooks.onTokens?.(cache.taken.length);
      const parents = advance(searches, values, model.config.vocab_size);
      for (const search of searches)
        if (search.ended)
          hooks.onResponse(
            search.job,
            search.response((ids) => model.tokenizer?.decode(ids) ?? ''),
          );
      searches = searches.filter(({ ended }) => !ended);
      if (searches.length === 0) return 'done';
      // Beams whose order did not change keep their tensors.
      if (parents.length !== cache.taken.length || parents.some((parent, row) => parent !== row)) cache.keep(parents);
      const last = Int32Array.from(searches.flatMap(({ running }) => running.map(({ ids }) => ids[ids.length - 1])));
      logits = () => decode(model, cache, last);
    }
  } finally {
    cache.dispose();
  }
}

/** Reads one token of every row; the logits [B, V] that follow. */
function decode({ transformer }: LoadedModel, cache: KVCache, tokens: Int32Array): tf.Tensor2D {
  const inputs = new DecodeInputs(cache);
  try {
    inputs.write(tokens);
    return tf.tidy(() => transformer.logits(transformer.decode(inputs, cache)));
  } finally {
    inputs.dispose();
    cache.advance();
  }
}

function read(logits: tf.Tensor2D): Float32Array {
  try {
    return logits.dataSync<'float32'>();
  } finally {
    logits.dispose();
  }
}

/** Takes one step of every search. @returns the old row that each row of the unfinished searches continues */
function advance(searches: Search[], logits: Float32Array, V: number): number[] {
  let row = 0;
  return searches.flatMap((search) => {
    const first = row;
    row += search.running.length;
    search.extend(search.running.map((_, b) => logits.subarray((first + b) * V, (first + b + 1) * V)));
    return search.ended ? [] : search.running.map(({ parent }) => first + parent);
  });
}

interface Beam {
  ids: readonly number[];
  logprobs: readonly number[];
  /** log π of the tokens so far. */
  logps: number;
  /** The beam before this step that it continues. */
  parent: number;
}

interface Finished extends Beam {
  score: number;
}

/** The search for one prompt's response. */
class Search {
  running: Beam[] = [{ ids: [], logprobs: [], logps: 0, parent: 0 }];
  ended = false;
  /** At most B, best first. */
  private finished: Finished[] = [];

  constructor(
    readonly job: number,
    /** Most tokens of the response. */
    private readonly limit: number,
    private readonly settings: BeamSettings,
    private readonly eos: ReadonlySet<number>,
  ) {}

  /** @param logits [V] of each running beam's next token */
  extend(logits: readonly Float32Array[]): void {
    const { beams, length_penalty } = this.settings;
    // Enough that `beams` continuations remain even if every end-of-turn token of every beam is among them.
    const candidates = likeliest(this.running, logits, Math.max(2, 1 + this.eos.size) * beams);
    const length = this.running[0].ids.length + 1;
    const ends = ({ token }: Candidate): boolean => this.eos.has(token) || length >= this.limit;
    const beamOf = ({ parent, token, logp, logps }: Candidate): Beam => {
      const { ids, logprobs } = this.running[parent];
      return { ids: [...ids, token], logprobs: [...logprobs, logp], logps, parent };
    };
    // Continuations that end count only among the first B; the others are there to replace them.
    const ended = candidates.slice(0, beams).filter(ends);
    this.finished = [
      ...this.finished,
      ...ended.map((it) => ({ ...beamOf(it), score: it.logps / length ** length_penalty })),
    ]
      .sort((a, b) => b.score - a.score)
      .slice(0, beams);
    this.running = candidates
      .filter((it) => !ends(it))
      .slice(0, beams)
      .map(beamOf);
    this.ended = this.running.length === 0 || !this.canImprove(length);
  }

  /** Whether the best running beam, at its present length, beats the worst finished one. */
  private canImprove(length: number): boolean {
    const { beams, length_penalty } = this.settings;
    if (this.finished.length < beams) return true;
    return this.running[0].logps / length ** length_penalty > this.finished[beams - 1].score;
  }

  response(textOf: (ids: number[]) => string): BeamResponse {
    const { ids, logprobs, logps, score } = this.finished[0];
    return {
      ids: [...ids],
      text: textOf([...ids]),
      logps,
      token_logprobs: [...logprobs],
      finish_reason: this.eos.has(ids[ids.length - 1]) ? 'stop' : 'length',
      score,
    };
  }
}

interface Candidate {
  parent: number;
  token: number;
  /** log π of the token alone, and of the whole beam with it. */
  logp: number;
  logps: number;
}

/** The `count` likeliest continuations, best first; of equals the lower beam, then the lower token. */
function likeliest(running: readonly Beam[], logits: readonly Float32Array[], count: number): Candidate[] {
  const best: Candidate[] = [];
  running.forEach(({ logps: before }, parent) => {
    const row = logits[parent];
    const normaliser = logSumExp(row);
    for (let token = 0; token < row.length; token++) {
      const logp = row[token] - normaliser;
      const logps = before + logp;
      if (best.length === count && logps <= best[count - 1].logps) continue;
      let at = best.length;
      while (at > 0 && best[at - 1].logps < logps) at--;
      best.splice(at, 0, { parent, token, logp, logps });
      if (best.length > count) best.pop();
    }
  });
  return best;
}
