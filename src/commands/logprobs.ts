/** `brevity logprobs`: log-probabilities of given responses under a model. */
import { Command } from 'commander';
import { z } from 'zod';
import { responseLogprobs, sum } from '../dpo/logprobs.js';
import { UserError } from '../errors.js';
import { checkFolder } from '../model/files.js';
import { loadModel } from '../model/folder.js';
import { ProgressLine } from '../progress.js';
import { promptSchema, tokenIdsSchema } from '../rows.js';
import { useBackend } from '../tensor/backend.js';
import { RowWriter, readAllRows } from './io.js';
import { backendOption, inOption, outOption, precisionOption, threadsOption } from './options.js';
import { sequenceOf } from './texts.js';

const rowSchema = z.looseObject({
  prompt_ids: tokenIdsSchema.optional(),
  response_ids: tokenIdsSchema.optional(),
  prompt: promptSchema.optional(),
  response: z.string().optional(),
});

export function logprobsCommand(): Command {
  return new Command('logprobs')
    .description('log-probabilities of responses under a model')
    .requiredOption('--model <dir>', 'Hugging Face model folder')
    .addOption(inOption('{"prompt_ids","response_ids"} or {"prompt","response"} a line'))
    .addOption(outOption('the rows with "token_logprobs" and their sum "logps"'))
    .option('--raw', 'take text prompts as they stand, without the chat template', false)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addHelpText('after', '\nExample:\n  brevity logprobs --model ./policy --in responses.jsonl > logprobs.jsonl')
    .action(async (options) => {
      checkFolder(options.model);
      const rows = await readAllRows(options.in, rowSchema);
      await useBackend(options.backend, options.threads, options.precision);
      const model = await loadModel(options.model, { task: 'causal-lm', frozen: true });
      const sequences = rows.map(({ row, where }) => {
        if (row.prompt_ids !== undefined && row.response_ids !== undefined)
          return { prompt_ids: row.prompt_ids, response_ids: row.response_ids };
        if (row.prompt === undefined || row.response === undefined) {
          throw new UserError(
            `${where} has no response; expected "prompt_ids" and "response_ids", or "prompt" and "response"`,
          );
        }
        return sequenceOf(model, row.prompt, row.response, options.raw, where);
      });
      const progress = new ProgressLine('log-probabilities', 'responses');
      const logprobs = await responseLogprobs(model, sequences, {
        name: (index) => rows[index].where,
        onProgress: (done) => progress.update(done, sequences.length),
      });
      progress.finish();
      const out = new RowWriter(options.out);
      rows.forEach(({ row }, i) => out.write({ ...row, token_logprobs: [...logprobs[i]], logps: sum(logprobs[i]) }));
      out.close();
      model.dispose();
    });
}
