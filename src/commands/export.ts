/** `brevity export`: a policy of a run as a Hugging Face folder. */
import { existsSync, readdirSync } from 'node:fs';
import { Command, Option } from 'commander';
import { UserError } from '../errors.js';
import { loadModel, saveModel } from '../model/folder.js';
import { Run, isRun } from '../store/run.js';
import { useBackend } from '../tensor/backend.js';
import { wholeNumber } from './options.js';

export function exportCommand(): Command {
  return new Command('export')
    .description("write a round's policy as a folder that transformers loads")
    .argument('<run>', 'run directory, or a model or adapter folder')
    .requiredOption('--out <dir>', 'folder to write')
    .option('--round <n>', 'round whose policy it is (default: the last that is done)', wholeNumber(0))
    .option('--merge', 'merge a LoRA adapter into the weights instead of writing a PEFT adapter', false)
    .addOption(
      new Option('--dtype <type>', 'of the weights')
        .choices(['float32', 'float16', 'bfloat16', 'keep'])
        .default('keep'),
    )
    .addHelpText('after', '\nExample:\n  brevity export runs/mine --round 3 --out ./my-policy --dtype bfloat16')
    .action(async (run: string, options) => {
      if (existsSync(options.out) && readdirSync(options.out).length > 0) {
        throw new UserError(`${options.out} is not empty; name a new folder`, { exitCode: 2 });
      }
      const dir = isRun(run) ? policyOf(Run.open(run), options.round) : run;
      await useBackend('auto');
      const model = await loadModel(dir, { task: 'causal-lm', lora: options.merge ? 'merge' : 'keep' });
      await saveModel(model, options.out, { dtype: options.dtype });
      model.dispose();
      process.stderr.write(`${dir} → ${options.out}\n`);
    });
}

function policyOf(run: Run, wanted: number | undefined): string {
  const id = wanted ?? run.rounds.filter(({ stage }) => stage === 'done').at(-1)?.id ?? 0;
  const { stage } = run.round(id);
  if (stage !== 'done' && stage !== 'evaluate')
    throw new UserError(`round ${id} of ${run.directory} has no policy yet: it is at ${stage}`);
  return run.files.policyDir(id);
}
