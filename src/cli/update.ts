/** `brevity update`: one LR-DPO update of a policy on pairs. */
import { Command } from 'commander';
import { z } from 'zod';
import { Problems } from '../core/config/partial.js';
import { dpoSchema, loraSchema, type UpdateConfig, updateSchema } from '../core/config/schema.js';
import { dryRun } from '../train/dryRun.js';
import { responseLogprobs, sum } from '../train/logprobs.js';
import { bySide, pairSides, type ReferenceLogps } from '../train/step.js';
import { totalSteps } from '../core/schedule.js';
import { updatePolicy } from '../train/update.js';
import { loadModel, saveModel, type LoadedModel, type LoadOptions } from '../model/folder.js';
import { ProgressLine } from '../io/print.js';
import { optionsOf } from '../run/stages/models.js';
import { trainingUse } from '../run/stages/reference.js';
import { pairRowSchema, promptSchema, type PairRow } from '../core/rows.js';
import { useBackend } from '../tensor/backend.js';
import { readAllRows, RowWriter, sequenceOf, type InputRow } from './rows.js';
import {
  addCheck,
  addFlags,
  backendOption,
  dpoFlags,
  dtypeOption,
  examples,
  flagValues,
  folderOption,
  inputOption,
  newFolder,
  parserFor,
  precisionOption,
  seedOption,
  threadsOption,
  updateFlags,
} from './options.js';

/** Pairs by ids, or texts in TRL's form. */
const textPairSchema = z.looseObject({ prompt: promptSchema, chosen: z.string().min(1), rejected: z.string().min(1) });
const rowSchema = z.union(
  [pairRowSchema.loose(), textPairSchema],
  '`prompt_ids`, `chosen_ids` and `rejected_ids` (token ids), or `prompt`, `chosen` and `rejected` (texts), are expected',
);

export function updateCommand(): Command {
  const command = new Command('update')
    .description('one LR-DPO update of a policy; prints one metrics row per step')
    .addOption(folderOption('--policy <dir>', 'the policy that the update starts from').makeOptionMandatory())
    .addOption(folderOption('--reference <dir>', 'the reference policy (default: the policy as it starts)'))
    .addOption(inputOption('--pairs <file>', 'rows of `pair`, or {"prompt","chosen","rejected"} texts'))
    .option('--out <dir>', 'folder of the new policy; absent or empty', newFolder)
    .addOption(dtypeOption('of the saved weights').default('float32'))
    .option('--dry-run', "change nothing: one row per pair, then the loss and every tensor's gradient norm", false)
    .option('--lora <rank>', 'train a LoRA adapter of this rank', parserFor(loraSchema.shape.rank))
    .option('--lora-alpha <scale>', 'its scale: (alpha / rank)·B·A (default: 16)', parserFor(loraSchema.shape.alpha))
    .option('--lora-targets <names>', 'linear layers that get an adapter, separated by commas')
    .option('--activation-checkpointing', 'recompute layers in the backward pass to save memory', false)
    .option('--raw', 'take text prompts as they stand, without the chat template', false)
    .addOption(seedOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption());
  addCheck(command, () => checkOptions(command));
  addFlags(command, dpoFlags, 'schema');
  return addFlags(command, updateFlags, 'schema')
    .addHelpText(
      'after',
      examples(
        'update --policy ./policy --pairs pairs.jsonl --alpha 0.02 --beta 0.1 --lr 5e-7 --out ./policy-1 > metrics.jsonl',
      ),
    )
    .action(async (options) => {
      const rows = await readAllRows(options.pairs, rowSchema);
      await useBackend(options.backend, options.threads, options.precision);
      const settings = {
        dpo: dpoSchema.parse(flagValues(options, dpoFlags).dpo ?? {}),
        update: updateSettings(options),
        seed: options.seed as number,
      };
      const training = optionsOf[trainingUse(settings)];
      const given = await loadModel(options.reference ?? options.policy, {
        task: 'causal-lm',
        ...(options.reference === undefined ? training : optionsOf.read),
      });
      const pairs = rows.map((row) => pairOf(given, row, options.raw));
      const reference = await referenceOf(given, pairs);
      const policy = options.reference === undefined ? given : await reload(given, options.policy, training);
      const out = new RowWriter('-');
      if (options.dryRun) {
        const result = await dryRun(policy, pairs, reference, settings);
        for (const row of result.pairs) out.write(row);
        out.write(result.total);
        return;
      }
      const progress = new ProgressLine('update', 'steps');
      const total = totalSteps(pairs.length, settings.update);
      await updatePolicy(policy, pairs, reference, settings, {
        onStep(row) {
          out.write(row);
          progress.update(row.step, total, `loss ${row.loss.toFixed(4)} ${Math.round(row.tokens_per_second)} tokens/s`);
        },
      });
      progress.finish();
      await saveModel(policy, options.out, { dtype: options.dtype });
    });
}

/** @throws Problems with flags that need another one */
function checkOptions(command: Command): void {
  const given = (name: string) => command.getOptionValueSource(name) === 'cli';
  const problems = [
    ...(given('out') || given('dryRun') ? [] : ['--out: missing; expected the folder of the new policy, or --dry-run']),
    ...(given('loraAlpha') && !given('lora') ? ['--lora-alpha: needs --lora, the rank of the adapter'] : []),
    ...(given('loraTargets') && !given('lora') ? ['--lora-targets: needs --lora, the rank of the adapter'] : []),
  ];
  if (problems.length > 0) throw new Problems(problems, `${problems.length} problems`);
}

function updateSettings(options: Record<string, unknown>): UpdateConfig {
  const lora =
    options.lora === undefined
      ? null
      : loraSchema.parse({
          rank: options.lora,
          alpha: options.loraAlpha,
          targets: typeof options.loraTargets === 'string' ? options.loraTargets.split(',') : undefined,
        });
  return updateSchema.parse({
    ...flagValues(options, updateFlags).update,
    activation_checkpointing: options.activationCheckpointing,
    lora,
  });
}

async function reload(old: LoadedModel, dir: string, options: LoadOptions): Promise<LoadedModel> {
  old.dispose();
  return loadModel(dir, { task: 'causal-lm', ...options });
}

function pairOf(model: LoadedModel, { row, where }: InputRow<z.infer<typeof rowSchema>>, raw: boolean): PairRow {
  if ('chosen_ids' in row) return row as PairRow;
  const { prompt, chosen, rejected } = row as z.infer<typeof textPairSchema>;
  const [w, l] = [chosen, rejected].map((text) => sequenceOf(model, { prompt, text, truncated: false }, raw, where));
  return { prompt, prompt_ids: w.prompt_ids, chosen_ids: w.response_ids, rejected_ids: l.response_ids };
}

async function referenceOf(model: LoadedModel, pairs: PairRow[]): Promise<ReferenceLogps> {
  const sides = pairSides(pairs);
  const progress = new ProgressLine('reference log-probabilities', 'responses');
  const logprobs = await responseLogprobs(model, sides, {
    name: (i) => `pair ${Math.floor(i / 2) + 1}`,
    onProgress: (done) => progress.update(done, sides.length),
  });
  progress.finish();
  const logps = logprobs.map(sum);
  return bySide(logps);
}
