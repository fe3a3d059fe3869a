/** `brevity answer`: one answer per prompt, greedy, sampled, the best of N, or by beam search; in public formats. */
import path from 'node:path';
import { Command, type Command as CommandType, type Option } from 'commander';
import { z } from 'zod';
import { rewardOptionsSchema, samplingSchema, serverSchema } from '../core/config/schema.js';
import { serverFlags } from '../core/config/flags.js';
import { UserError } from '../core/errors.js';
import { withoutMark } from '../core/limits.js';
import { answerFormats, type Question } from '../core/publicAnswers.js';
import { readTextFile } from '../io/files.js';
import { parseQuestions } from '../io/publicEvaluations.js';
import { useBackend } from '../tensor/backend.js';
import { answerQuestions, type AnswerTask } from './answerTask.js';
import {
  addCheck,
  addFlags,
  backendOption,
  choice,
  decodingFlags,
  examples,
  flagValues,
  folderOption,
  inOption,
  judgeCacheOf,
  judgeCacheOption,
  outOption,
  parserFor,
  precisionOption,
  rewardFlags,
  rewardOption,
  seedOption,
  threadsOption,
} from './options.js';

/** Those that a single command needs; a run's servers also load weights. */
const ownServerFlags = serverFlags.filter(({ key }) =>
  ['kind', 'key_variable', 'concurrency', 'timeout_seconds', 'retries'].includes(key.replace('server.', '')),
);
/** Single answers are greedy, candidates are not: Storm-7B's settings (docs/papers.md). */
const usualTemperature = (candidates: number): number => (candidates > 1 ? 1 : 0);

export function answerCommand(): Command {
  const command = new Command('answer')
    .description('answer prompts once each: greedily, sampled, the best of N by a reward, or by beam search')
    .addOption(
      folderOption('--model <dir>', 'the policy; with --server its tokenizer and config.json').makeOptionMandatory(),
    )
    .addOption(
      inOption("prompts: rows of `sample`, AlpacaEval's eval set, or question.jsonl of Arena-Hard or MT-Bench"),
    )
    .addOption(outOption('the answers; a file is written whole at the end, and an interrupted command continues'))
    .addOption(
      choice('--format <name>', 'jsonl, or the file that the evaluation reads', answerFormats).default('jsonl'),
    )
    .option('--best-of <N>', 'candidates per prompt, of which the reward chooses', parserFor(z.int().min(1).max(65536)))
    .addOption(
      rewardOption(
        'chooses among the candidates: hf:DIR, module:FILE, http:URL, or a weighted sum',
      ).makeOptionMandatory(false),
    )
    .addOption(judgeCacheOption())
    .option('--keep-candidates', "keep every candidate's text, not only the reward", false)
    .option(
      '--beam <B>',
      'beam search with B beams, as transformers does it; with --server as vLLM does it',
      parserFor(z.int().min(1).max(256)),
    )
    .option(
      '--length-penalty <λ>',
      'of beam search: score = log π / length^λ; above 0 favours long answers (default: 1)',
      parserFor(z.number().min(-10).max(10)),
    )
    .option(
      '--server <url,…>',
      'sample on vLLM or SGLang servers that serve the policy',
      parserFor(serverSchema.shape.endpoints),
    )
    .option(
      '--model-name <name>',
      'how the answers name the model (default: the name of its folder)',
      parserFor(z.string().min(1)),
    )
    .addOption(
      folderOption(
        '--count-with <dir>',
        "arena-hard: count answers with this folder's tokenizer (default: the policy's)",
      ),
    )
    .option('--raw', 'send text prompts as they stand, without the chat template', false)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  addFlags(command, decodingFlags, 'none');
  addFlags(command, ownServerFlags, 'none');
  addFlags(command, rewardFlags, 'schema');
  for (const option of command.options)
    if (option.long === '--temperature')
      option.description = 'softmax temperature; 0 is greedy (default: 0; 1 with --best-of)';
  return addCheck(command, checkMethod)
    .addHelpText(
      'after',
      examples(
        'answer --model ./policy --in prompts.jsonl --best-of 64 --reward hf:./reward-model --out answers.jsonl',
        'answer --model ./policy --in alpaca_eval.json --beam 4 --format alpaca-eval --out model_outputs.json',
        'answer --model ./policy --in question.jsonl --format arena-hard --max-new-tokens 2048 --out policy.jsonl',
      ),
    )
    .action(async (options) => answerQuestions(taskOf(options), await questionsIn(options.in)));
}

/** @throws UserError if settings contradict each other */
function checkMethod(command: CommandType): void {
  const { format, server, beam } = command.opts<Record<string, unknown>>();
  if (format !== 'arena-hard')
    refuse(command, /^--count-with$/, 'only --format arena-hard holds token counts; leave it out');
  if (server === undefined) refuse(command, /^--server-/, 'belongs to --server; add its URL');
  if (beam === undefined) checkSampling(command);
  else checkBeam(command);
}

/** @throws UserError if a flag with such a name is given */
function refuse(command: CommandType, names: RegExp, why: string): void {
  const isGiven = (option: Option) => command.getOptionValueSource(option.attributeName()) === 'cli';
  const flag = command.options.find((option) => names.test(option.long ?? '') && isGiven(option));
  if (flag !== undefined) throw new UserError(`${String(flag.long)}: ${why}`);
}

function checkBeam(command: CommandType): void {
  const sampling =
    /^--(best-of|reward|judge-cache|keep-candidates|temperature|top-p|top-k|min-p|repetition-penalty|seed)$/;
  refuse(command, sampling, 'beam search does not sample; leave it out, or leave --beam out');
}

function checkSampling(command: CommandType): void {
  const { bestOf = 1, reward, temperature, format } = command.opts<Record<string, unknown>>();
  refuse(command, /^--length-penalty$/, 'belongs to beam search; add --beam');
  if (bestOf === 1) {
    refuse(command, /^--reward$/, 'chooses among candidates; add --best-of with their number');
    refuse(command, /^--keep-candidates$/, 'there is a single candidate; add --best-of');
    refuse(command, /^--judge-cache$/, 'belongs to a judge that chooses among candidates; add --best-of');
    return;
  }
  if (reward === undefined) throw new UserError('--best-of: needs --reward, which chooses among the candidates');
  if (temperature === 0)
    throw new UserError('--best-of: at --temperature 0 all candidates are equal; choose a higher temperature');
  if (format !== 'jsonl')
    refuse(command, /^--keep-candidates$/, `the format ${String(format)} holds one answer; use --format jsonl`);
}

function taskOf(options: ReturnType<CommandType['opts']>): AnswerTask {
  const candidates = (options.bestOf as number | undefined) ?? 1;
  const given = flagValues(options, [...decodingFlags, ...ownServerFlags]).sampling ?? {};
  const { server, ...decoding } = given;
  const settings = samplingSchema.parse({ temperature: usualTemperature(candidates), ...decoding });
  return {
    dir: options.model,
    name: options.modelName ?? path.basename(path.resolve(options.model)),
    out: options.out,
    format: options.format,
    candidates,
    keepAll: options.keepCandidates,
    reward: options.reward ?? null,
    rewardOptions: rewardOptionsSchema.parse(flagValues(options, rewardFlags).rewards ?? {}),
    judgeCache: judgeCacheOf(options),
    beam:
      options.beam === undefined
        ? null
        : {
            beams: options.beam,
            length_penalty: options.lengthPenalty ?? 1,
            max_new_tokens: settings.max_new_tokens,
            batch_size: settings.batch_size,
          },
    settings,
    server:
      options.server === undefined
        ? null
        : serverSchema.parse({ ...(server as object | undefined), endpoints: options.server, weights: 'adapter' }),
    countWith: options.countWith ?? null,
    raw: options.raw,
    seed: options.seed,
    useBackend: () => useBackend(options.backend, options.threads, options.precision),
  };
}

/** @throws UserError that names the line of an unusable question */
async function questionsIn(file: string): Promise<Question[]> {
  if (file !== '-') return parseQuestions(readTextFile(file), file);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return parseQuestions(withoutMark(Buffer.concat(chunks).toString()), 'standard input');
}
