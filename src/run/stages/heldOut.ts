/**
 * A policy's responses to the held-out prompts with their rewards: one plain sample each, the best of N by the reward, or
 * beam search. All is on disk as soon as it is known.
 */
import { z } from 'zod';
import { pauseOnly } from '../../core/control.js';
import { UserError } from '../../core/errors.js';
import {
  decodingInWords,
  decodingOf,
  type HeldOutDecoding,
  heldOutDecodingSchema,
} from '../../core/heldOutDecoding.js';
import { promptText } from '../../core/prompts.js';
import {
  sampleRowSchema,
  type SampledResponse,
  type SampleRow,
  type ScoreRow,
  scoreRowSchema,
} from '../../core/rows.js';
import { roundFiles } from '../../core/runFiles.js';
import { heldOutSeed } from '../../core/seeds.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { encodePrompts } from '../../model/prompts.js';
import {
  type Answer,
  type AnswerPrompt,
  Answers,
  beamAnswers,
  type BeamSearcher,
  candidateSchema,
  candidatesTogether,
  localBeams,
  sampleAnswers,
} from '../answers.js';
import type { LoadedModel } from '../../model/folder.js';
import type { ServerPool } from '../../remote/servers/pool.js';
import { ProgressMeter, type WorkContext } from './context.js';
import { heldOutPrompts, type RoundPrompt } from './prompts.js';
import { keepRemarks } from './remarks.js';
import { localSampler, sampleInto, type Sampler } from './sample.js';
import { scoreInto } from './score.js';
import { serverSampler } from './servers.js';

/** Where the responses come from. */
export interface HeldOutSource {
  sampler: Sampler;
  search: BeamSearcher;
  /** Candidates that are sampled before they are scored. */
  together(context: WorkContext): number;
}

export const heldOutHere = (model: LoadedModel): HeldOutSource => ({
  sampler: localSampler(model),
  search: localBeams(model),
  together: ({ config }) => candidatesTogether.here(config.sampling),
});

export const heldOutOnServers = (pool: ServerPool): HeldOutSource => ({
  sampler: serverSampler(pool),
  search: (...request) => pool.beam(...request),
  together: () => candidatesTogether.onServers,
});

/**
 * Answers the held-out prompts, with the same seeds in every round, so that unchanged policies respond identically, and
 * scores the responses. A comparison needs every prompt, so this can only be paused.
 *
 * @throws UserError if earlier responses of the round were decoded in another way
 */
export async function heldOutAnswers(source: HeldOutSource, context: WorkContext): Promise<void> {
  const { config, files, round } = context;
  const decoding = decodingOf(config.evaluation);
  keepDecoding(context, decoding);
  const paused = { ...context, control: pauseOnly(context.control) };
  if (decoding === null) await plainSamples(source, paused);
  else if ('best_of' in decoding) await bestOf(source, decoding.best_of, paused);
  else await byBeamSearch(source, decoding, paused);
  const samples = readJsonLines(files.file(round.id, roundFiles.heldOutSamples), sampleRowSchema);
  samples.sort((a, b) => a.prompt_index - b.prompt_index);
  await scoreInto(files.file(round.id, roundFiles.heldOutScores), samples, context, { absolute: true });
}

// How the responses were decoded is kept beside them: responses that were decoded differently must not be compared.

const decodingRowSchema = z.object({
  decoding: heldOutDecodingSchema,
  /** The specification that chose among candidates. */
  reward: z.string().optional(),
});
export type DecodingRow = z.infer<typeof decodingRowSchema>;

/** null: plain sampling, also of earlier versions. */
export function decodingIn({ files }: WorkContext, round: number): DecodingRow | null {
  const file = files.file(round, roundFiles.heldOutDecoding);
  return readJsonLines(file, decodingRowSchema, { missing: 'empty' }).at(-1) ?? null;
}

const inWords = (decoding: HeldOutDecoding | null): string =>
  decoding === null ? 'plain sampling' : decodingInWords(decoding);

function wantedDecoding({ config }: WorkContext): DecodingRow | null {
  const decoding = decodingOf(config.evaluation);
  return decoding === null ? null : { decoding, ...('best_of' in decoding && { reward: config.reward }) };
}

function keepDecoding(context: WorkContext, decoding: HeldOutDecoding | null): void {
  const { files, round } = context;
  const file = (name: string) => files.file(round.id, name);
  const wanted = wantedDecoding(context);
  const known = decodingIn(context, round.id);
  if (JSON.stringify(known) === JSON.stringify(wanted)) return;
  const names = [roundFiles.heldOutSamples, roundFiles.heldOutCandidates];
  const begun = names.find((name) => readJsonLines(file(name), z.unknown(), { missing: 'empty' }).length > 0);
  if (begun !== undefined)
    throw new UserError(
      `${file(begun)} has responses by ${inWords(known?.decoding ?? null)}, and the configuration asks for ${inWords(decoding)}${known?.reward === wanted?.reward ? '' : ', or for another reward'}; restore reward, evaluation.best_of, evaluation.beam and evaluation.length_penalty as they were, or remove the round's held-out-*.jsonl to answer again`,
    );
  writeJsonLines(file(roundFiles.heldOutDecoding), wanted === null ? [] : [wanted]);
}

/**
 * Called before anything is sampled.
 *
 * @param others rounds that this one is compared with
 * @returns notes beside the comparison
 * @throws UserError if their responses were decoded differently
 */
export function checkSameDecoding(context: WorkContext, others: readonly number[]): string[] {
  const { round } = context;
  const own = wantedDecoding(context);
  const notes = others.map((id) => {
    const other = decodingIn(context, id);
    if (JSON.stringify(other?.decoding) !== JSON.stringify(own?.decoding))
      throw new UserError(
        `the held-out responses of round ${id} are by ${inWords(other?.decoding ?? null)} and those of round ${round.id} would be by ${inWords(own?.decoding ?? null)}: only responses that were decoded alike can be compared; restore evaluation.best_of, evaluation.beam and evaluation.length_penalty as they were when round ${id} was evaluated`,
      );
    return other?.reward === own?.reward
      ? []
      : [`The candidates of round ${id} were chosen by another reward than this round's.`];
  });
  return [...new Set(notes.flat())];
}

async function plainSamples({ sampler }: HeldOutSource, context: WorkContext): Promise<void> {
  const { config, files, round } = context;
  await sampleInto(
    sampler,
    {
      file: files.file(round.id, roundFiles.heldOutSamples),
      prompts: heldOutPrompts(config),
      samples: config.evaluation.responses,
      raw: config.sampling.raw,
      settings: { ...config.sampling, temperature: config.evaluation.temperature },
      seed: (promptIndex, sample) => heldOutSeed(config.seed, promptIndex, sample),
    },
    context,
  );
}

/** The prompts without a row among the held-out samples, encoded. */
function missingPrompts({ sampler }: HeldOutSource, { config, files, round }: WorkContext) {
  const known = readJsonLines(files.file(round.id, roundFiles.heldOutSamples), sampleRowSchema, { missing: 'empty' });
  const there = new Set(known.map(({ prompt_index }) => prompt_index));
  const prompts = heldOutPrompts(config).filter(({ index }) => !there.has(index));
  const ids = encodePrompts(sampler.policy, prompts, { raw: config.sampling.raw });
  return { prompts, ids, known: known.reduce((sum, { responses }) => sum + responses.length, 0) };
}

function writeSamples(context: WorkContext, prompt: RoundPrompt, prompt_ids: number[], found: Answer[]): void {
  const { files, round, report } = context;
  const responses = found.map(({ response }): SampledResponse => {
    const { score: _score, ...sampled } = response;
    return sampled;
  });
  const row: SampleRow = { prompt_index: prompt.index, prompt: prompt.prompt, prompt_ids, responses };
  appendJsonLines(files.file(round.id, roundFiles.heldOutSamples), [row]);
  responses.forEach((response, sample) =>
    report({ type: 'response', prompt_index: prompt.index, sample, prompt: promptText(prompt), response }),
  );
}

async function byBeamSearch(
  source: HeldOutSource,
  { beam, length_penalty }: Extract<HeldOutDecoding, { beam: number }>,
  context: WorkContext,
): Promise<void> {
  const { prompts, ids, known } = missingPrompts(source, context);
  const { max_new_tokens, batch_size } = context.config.sampling;
  const answers = new Answers(prompts.length, 1, false);
  const meter = new ProgressMeter(context, 'responses', known + prompts.length, known);
  await beamAnswers(
    source.search,
    prompts.map(({ where, prompt }, i): AnswerPrompt => ({ where, prompt, ids: ids[i] })),
    answers,
    { beams: beam, length_penalty, max_new_tokens, batch_size },
    {
      control: context.control,
      onTokens: (count) => meter.add(0, count),
      onCandidates(rows) {
        for (const { prompt_index: at } of rows)
          writeSamples(context, prompts[at], ids[at], [answers.answer(at) as Answer]);
        meter.add(rows.length);
      },
    },
  );
}

/** A row of `held-out-candidates.jsonl`; `prompt_index` is that of the held-out file. */
const heldOutCandidateSchema = candidateSchema.extend({
  /** Index among the prompt's responses, each of which has candidates of its own. */
  response_index: z.int().min(0),
});

/**
 * Samples the candidates, keeps each with its reward, and writes the best ones as the round's responses, with the
 * rewards that they were chosen by.
 */
async function bestOf(source: HeldOutSource, count: number, context: WorkContext): Promise<void> {
  const { config, files, round, models } = context;
  const { seed, evaluation } = config;
  const file = files.file(round.id, roundFiles.heldOutCandidates);
  const each = evaluation.responses;
  const { prompts, ids, known: done } = missingPrompts(source, context);
  // Response i to prompt p is answer p·each + i.
  const answers = new Answers(prompts.length * each, count, false);
  const placeOf = new Map(prompts.map(({ index }, p) => [index, p]));
  for (const { response_index, ...row } of readJsonLines(file, heldOutCandidateSchema, { missing: 'empty' })) {
    const p = placeOf.get(row.prompt_index);
    if (p !== undefined && response_index < each) answers.add({ ...row, prompt_index: p * each + response_index });
  }
  const known = done * count + answers.count;
  const meter = new ProgressMeter(context, 'candidates', known + prompts.length * each * count - answers.count, known);
  const scores = files.file(round.id, roundFiles.heldOutScores);
  const scored = new Set(readJsonLines(scores, scoreRowSchema, { missing: 'empty' }).map((row) => row.prompt_index));
  const written = new Set<number>();
  const writeIfComplete = (p: number): void => {
    if (written.has(p)) return;
    const found = Array.from({ length: each }, (_, i) => answers.answer(p * each + i));
    if (found.some((answer) => answer === null)) return;
    written.add(p);
    const best = found as Answer[];
    // The rewards first: a prompt with a row of samples is not looked at again.
    const row = scoresOf(prompts[p].index, best);
    if (!scored.has(row.prompt_index)) appendJsonLines(scores, [row]);
    writeSamples(context, prompts[p], ids[p], best);
  };
  prompts.forEach((_, p) => writeIfComplete(p));
  if (written.size === prompts.length) return;
  const reward = await models.reward(config);
  try {
    await sampleAnswers(
      source.sampler,
      reward,
      prompts.flatMap(({ where, prompt }, p) =>
        Array.from({ length: each }, (): AnswerPrompt => ({ where, prompt, ids: ids[p] })),
      ),
      answers,
      {
        settings: { ...config.sampling, temperature: evaluation.temperature },
        together: source.together(context),
        seed: (answer, candidate) =>
          heldOutSeed(seed, prompts[Math.floor(answer / each)].index, answer % each, candidate),
      },
      {
        control: context.control,
        onTokens: (tokens) => meter.add(0, tokens),
        onCandidates(rows) {
          const places = rows.map(({ prompt_index }) => Math.floor(prompt_index / each));
          appendJsonLines(
            file,
            rows.map(({ prompt_index, ...row }, i) => ({
              prompt_index: prompts[places[i]].index,
              response_index: prompt_index % each,
              ...row,
            })),
          );
          places.forEach(writeIfComplete);
          meter.add(rows.length);
        },
      },
    );
  } catch (error) {
    models.closeReward();
    throw error;
  } finally {
    keepRemarks(context, 'evaluate', reward);
  }
  if (written.size < prompts.length)
    throw new UserError(`${file} is damaged: it lacks the text of a best candidate; remove it to sample again`);
}

function scoresOf(prompt_index: number, best: readonly Answer[]): ScoreRow {
  const chosen = best.map(({ candidates, index }) => candidates[index]);
  const parts = chosen.flatMap((candidate) => (candidate.parts === undefined ? [] : [candidate.parts]));
  return {
    prompt_index,
    rewards: chosen.map(({ reward }) => reward as number),
    ...(parts.length === chosen.length && { parts }),
  };
}
