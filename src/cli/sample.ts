/** `brevity sample`: samples responses of a policy to prompts. */
import { Command } from 'commander';
import { z } from 'zod';
import { samplingSchema } from '../core/config/schema.js';
import { loadModel } from '../model/folder.js';
import { ProgressLine } from '../io/print.js';
import { promptEntrySchema } from '../io/prompts.js';
import type { SampleRow, SampledResponse } from '../core/rows.js';
import { sampleSeed } from '../core/seeds.js';
import { sampleResponses } from '../model/generate/sample.js';
import { useBackend } from '../tensor/backend.js';
import { RowWriter, readAllRows } from './rows.js';
import {
  addFlags,
  backendOption,
  decodingFlags,
  examples,
  flagValues,
  folderOption,
  inOption,
  outOption,
  parserFor,
  seedOption,
  precisionOption,
  threadsOption,
} from './options.js';
import { encodePrompts } from '../model/prompts.js';

export function sampleCommand(): Command {
  const command = new Command('sample')
    .description('sample responses from a policy')
    .addOption(folderOption('--model <dir>', 'Hugging Face model folder').makeOptionMandatory())
    .addOption(inOption('prompts, one {"prompt": text or messages} or {"prompt_ids": [..]} per line'))
    .addOption(
      outOption(
        'one row per prompt: {"prompt_ids", "responses": [{"ids","text","logps","token_logprobs","finish_reason"}]}',
      ),
    )
    // A run needs two responses for a pair; this command does not.
    .option(
      '-n, --samples-per-prompt <K>',
      'responses sampled for each prompt',
      parserFor(z.int().min(1).max(1024)),
      samplingSchema.shape.samples_per_prompt.parse(undefined),
    )
    .option('--raw', 'send text prompts as they stand, without the chat template', false)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  return addFlags(command, decodingFlags, 'schema')
    .addHelpText(
      'after',
      examples('sample --model ./SmolLM2-135M-Instruct --in prompts.jsonl -n 4 --max-new-tokens 128 > samples.jsonl'),
    )
    .action(async (options) => {
      const settings = samplingSchema.parse(flagValues(options, decodingFlags).sampling ?? {});
      const samples = options.samplesPerPrompt as number;
      const entries = await readAllRows(options.in, promptEntrySchema);
      await useBackend(options.backend, options.threads, options.precision);
      const model = await loadModel(options.model, { task: 'causal-lm', frozen: true });
      const prompts = entries.map(({ row, where }) => ({ where, prompt: row.prompt, prompt_ids: row.prompt_ids }));
      const ids = encodePrompts(model, prompts, { raw: options.raw });
      const out = new RowWriter(options.out);
      const progress = new ProgressLine('sampling', 'responses');
      const waiting = prompts.map(() => new Map<number, SampledResponse>());
      const jobs = ids.flatMap((prompt_ids, index) =>
        Array.from({ length: samples }, (_, sample) => ({
          prompt_ids,
          seed: sampleSeed(options.seed, 0, index, sample),
        })),
      );
      let [done, tokens] = [0, 0];
      const started = performance.now();
      await sampleResponses(model, jobs, settings, {
        onTokens: (count) => (tokens += count),
        onResponse(job, response) {
          const [index, sample] = [Math.floor(job / samples), job % samples];
          waiting[index].set(sample, response);
          if (waiting[index].size === samples) {
            const responses = [...waiting[index]].sort(([a], [b]) => a - b).map(([, value]) => value);
            out.write({
              prompt_index: index,
              prompt: prompts[index].prompt,
              prompt_ids: ids[index],
              responses,
            } satisfies SampleRow);
          }
          progress.update(
            ++done,
            jobs.length,
            `${Math.round(tokens / ((performance.now() - started) / 1000))} tokens/s`,
          );
        },
      });
      progress.finish();
      out.close();
      model.dispose();
    });
}
