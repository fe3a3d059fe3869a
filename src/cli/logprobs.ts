/** `brevity logprobs`: log-probabilities of given responses under a model. */
import { Command } from 'commander';
import { responseLogprobs, sum } from '../train/logprobs.js';
import { UserError } from '../core/errors.js';
import { loadModel } from '../model/folder.js';
import { ProgressLine } from '../io/print.js';
import { useBackend } from '../tensor/backend.js';
import { readAllRows, responseRowSchema, responsesOf, RowWriter, sequenceOf, withValues } from './rows.js';
import {
  backendOption,
  examples,
  folderOption,
  inOption,
  outOption,
  precisionOption,
  threadsOption,
} from './options.js';

export function logprobsCommand(): Command {
  return new Command('logprobs')
    .description('log-probabilities of responses under a model')
    .addOption(folderOption('--model <dir>', 'Hugging Face model folder').makeOptionMandatory())
    .addOption(
      inOption(
        'rows of `sample`, `score` or `pair`, or one {"prompt_ids","response_ids"} or {"prompt","response"} per line',
      ),
    )
    .addOption(outOption('the same rows with "token_logprobs" and their sum "logps"'))
    .option('--raw', 'take text prompts as they stand, without the chat template', false)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addHelpText(
      'after',
      `
A row of \`sample\` stays one row: "token_logprobs" and "logps" in each of its responses are replaced by those under
--model. A pair gets "chosen_logps", "rejected_logps", "chosen_token_logprobs" and "rejected_token_logprobs".
${examples('logprobs --model ./policy --in responses.jsonl > logprobs.jsonl', 'logprobs --model ./other --in samples.jsonl > samples-under-other.jsonl')}`,
    )
    .action(async (options) => {
      const rows = await readAllRows(options.in, responseRowSchema);
      const given = rows.flatMap(({ row, where }) => {
        const responses = responsesOf(row);
        if (responses.length === 0 && row.responses === undefined)
          throw new UserError(
            `${where} has no response; expected "prompt_ids" and "response_ids", "prompt" and "response", "responses", or a pair`,
          );
        return responses.map((response) => ({ response, where }));
      });
      await useBackend(options.backend, options.threads, options.precision);
      const model = await loadModel(options.model, { task: 'causal-lm', frozen: true });
      const sequences = given.map(({ response, where }) => sequenceOf(model, response, options.raw, where));
      const progress = new ProgressLine('log-probabilities', 'responses');
      const logprobs = await responseLogprobs(model, sequences, {
        name: (index) => given[index].where,
        onProgress: (done) => progress.update(done, sequences.length),
      });
      progress.finish();
      const out = new RowWriter(options.out);
      let next = 0;
      for (const { row } of rows) {
        const values = responsesOf(row).map(() => {
          const tokens = logprobs[next++];
          return { token_logprobs: [...tokens], logps: sum(tokens) };
        });
        out.write(withValues(row, values));
      }
      out.close();
      model.dispose();
    });
}
