/**
 * `brevity export`: writes a run's policy as a Hugging Face folder, with a model card that describes how it was
 * trained.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { UserError } from '../core/errors.js';
import { type LoadedModel, loadModel, saveModel } from '../model/folder.js';
import { isAdapterFolder } from '../model/peft.js';
import { modelCard } from '../report/card.js';
import { writeFileAtomic } from '../io/durable.js';
import type { RoundState } from '../core/rounds.js';
import { Run, isRun } from '../run/run.js';
import { useBackend } from '../tensor/backend.js';
import { addCheck, dtypeOption, examples, newFolder, wholeNumber } from './options.js';
import { printError } from '../io/print.js';

interface ExportOptions {
  out: string;
  round?: number;
  merge: boolean;
  dtype: 'float32' | 'float16' | 'bfloat16' | 'keep';
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description("write a round's policy as a folder that transformers loads, with a model card")
    .argument('<run>', 'run directory, or a model or adapter folder')
    .requiredOption('--out <dir>', 'folder to write; absent or empty', newFolder)
    .option(
      '--round <n>',
      'round whose policy it is (default: the last that was accepted, else the last that is done and not rejected)',
      wholeNumber(0),
    )
    .option('--merge', 'merge a LoRA adapter into the weights instead of writing a PEFT adapter', false)
    .addOption(dtypeOption('of the weights').default('keep'))
    .addHelpText('after', examples('export runs/mine --round 3 --out ./my-policy --dtype bfloat16'))
    .action(async (directory: string, options: ExportOptions) => {
      const { out, merge, dtype } = options;
      const run = isRun(directory) ? Run.open(directory, { owner: 'anyone' }) : null;
      const round = run === null ? null : chosenRound(run, options.round);
      const dir = run === null || round === null ? directory : run.files.policyDir(round.id);
      await useBackend('auto');
      const model = await loadModel(dir, { task: 'causal-lm', lora: merge ? 'merge' : 'keep' });
      await saveModel(model, out, { dtype });
      if (run !== null && round !== null) writeCard(out, run, round, model);
      model.dispose();
      printError(`${round === null ? '' : `round ${round.id}: `}${dir} → ${out}\n`);
    });
  return addCheck(command, () => {
    const [directory] = command.args;
    if (directory !== undefined) checkSource(directory, command.opts());
  });
}

/** @throws UserError for a directory that is neither a run nor a model folder */
function checkSource(directory: string, { round }: Partial<ExportOptions>): void {
  if (isRun(directory)) return;
  const wanted = 'give a run directory, or a model or adapter folder';
  if (!existsSync(directory)) throw new UserError(`${directory} does not exist; ${wanted}`, { exitCode: 2 });
  if (!isAdapterFolder(directory) && !existsSync(path.join(directory, 'config.json')))
    throw new UserError(`${directory} holds neither a run (run.json) nor a model (config.json); ${wanted}`, {
      exitCode: 2,
    });
  if (round !== undefined)
    throw new UserError(`${directory} is a model folder and has no rounds; leave --round out`, { exitCode: 2 });
}

/** @throws UserError if the round has no policy yet */
function chosenRound(run: Run, wanted: number | undefined): RoundState {
  const done = run.rounds.filter(({ stage }) => stage === 'done');
  const chosen =
    done.filter(({ verdict }) => verdict === 'accepted').at(-1) ??
    done.filter(({ verdict }) => verdict !== 'rejected').at(-1);
  const round = run.round(wanted ?? chosen?.id ?? 0);
  if (round.stage !== 'done' && round.stage !== 'evaluate')
    throw new UserError(`round ${round.id} of ${run.directory} has no policy yet: it is at ${round.stage}`);
  return round;
}

function writeCard(out: string, run: Run, round: RoundState, model: LoadedModel): void {
  const adapter = model.transformer.lora !== null && !model.merged;
  const card = modelCard({
    name: path.basename(path.resolve(out)),
    config: run.config,
    lineage: [run.round(0), ...run.branch(round.id)],
    adapter,
    base: baseName(run.config.model, model),
  });
  writeFileAtomic(path.join(out, 'README.md'), card, 'user');
}

/** transformers keeps the hub's name in a model's configuration. */
function baseName(folder: string, { config }: LoadedModel): string {
  const known = (config.raw as Record<string, unknown>)._name_or_path;
  return typeof known === 'string' && /^[\w.-]+\/[\w.-]+$/.test(known) ? known : path.basename(folder);
}
