/** `brevity update`: one update of a policy on pairs, with any objective. */
import { Command, Option } from 'commander';
import { z } from 'zod';
import { Problems } from '../core/config/partial.js';
import { referenceFolders, type WeightedFolder } from '../core/config/reference.js';
import { dpoSchema, loraSchema, type UpdateConfig, updateSchema, withUsualSettings } from '../core/config/schema.js';
import { dryRun } from '../train/dryRun.js';
import { responseLogprobs } from '../train/logprobs.js';
import { pairSides, referenceSums, type ReferenceLogps } from '../train/step.js';
import { notUsed, objectives, unusedSettings, type ObjectiveName } from '../core/objectives/index.js';
import type { Objective } from '../core/objectives/objective.js';
import { UserError } from '../core/errors.js';
import { totalSteps } from '../core/schedule.js';
import { updatePolicy } from '../train/update.js';
import { loadModel, saveModel, type LoadedModel, type LoadOptions } from '../model/folder.js';
import { checkFolder } from '../model/files.js';
import { expectSameShape, loadInterpolation } from '../model/interpolate.js';
import { printError, ProgressLine } from '../io/print.js';
import { markHeldOut, splitPairs } from '../core/heldOutPairs.js';
import { optionsOf } from '../run/stages/models.js';
import { trainingUse } from '../run/stages/reference.js';
import { parseRow } from '../io/jsonl.js';
import { pairColumnsSchema, pairRowSchema, promptSchema, type PairRow } from '../core/rows.js';
import { useBackend } from '../tensor/backend.js';
import { readAllRows, RowWriter, sequenceOf, type InputRow } from './rows.js';
import {
  addCheck,
  addFlags,
  backendOption,
  dpoFlags,
  dtypeOption,
  examples,
  existingFile,
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

/** Pairs as ids, or texts in TRL's form. */
const textPairSchema = z.looseObject({ prompt: promptSchema, chosen: z.string().min(1), rejected: z.string().min(1) });
const rowSchema = z.union(
  [pairRowSchema.loose(), textPairSchema],
  '`prompt_ids`, `chosen_ids` and `rejected_ids` (token ids), or `prompt`, `chosen` and `rejected` (texts), are expected',
);

export function updateCommand(): Command {
  const command = new Command('update')
    .description('one update of a policy with LR-DPO or another objective; prints one metrics row per step')
    .addOption(folderOption('--policy <dir>', 'the policy that the update starts from').makeOptionMandatory())
    .addOption(
      new Option(
        '--reference <dir>',
        'the reference policy, or two interpolated: 0.5*DIR+0.5*DIR (default: the policy as it starts; simpo has none)',
      ).argParser(referenceFrom),
    )
    .addOption(
      inputOption(
        '--pairs <file>',
        'rows of `pair`, or {"prompt","chosen","rejected"} texts; `weight` says how much a pair counts',
      ),
    )
    .addOption(
      new Option(
        '--held-out <file>',
        'pairs that are never trained on: loss and accuracy on them are printed; rows as in --pairs',
      ).argParser(existingFile),
    )
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
  return addFlags(command, [...dpoFlags, ...updateFlags], 'schema')
    .addHelpText(
      'after',
      examples(
        'update --policy ./policy --pairs pairs.jsonl --alpha 0.02 --beta 0.1 --lr 5e-7 --out ./policy-1 > metrics.jsonl',
        'update --policy ./policy --pairs pairs.jsonl --held-out-share 0.1 --out ./policy-1 > metrics.jsonl',
        'update --policy ./policy --pairs pairs.jsonl --objective simpo --beta 2.5 --gamma-ratio 0.55 --dry-run',
      ),
    )
    .action(async (options) => {
      const heldOut = options.heldOut === undefined ? [] : await readAllRows(options.heldOut, rowSchema);
      const rows = [...(await readAllRows(options.pairs, rowSchema)), ...heldOut];
      const columns = rows.map((row) => columnsOf(row, options.objective));
      await useBackend(options.backend, options.threads, options.precision);
      const settings = {
        dpo: dpoSchema.parse(withUsualSettings(flagValues(options, dpoFlags).dpo)),
        update: updateSettings(options),
        seed: options.seed as number,
      };
      const training = optionsOf[trainingUse(settings)];
      const objective: Objective = objectives[settings.dpo.objective];
      const named = options.reference as WeightedFolder[] | undefined;
      const given =
        named === undefined
          ? await loadModel(options.policy, { task: 'causal-lm', ...training })
          : await loadReference(named);
      const read = rows.map((row, i): PairRow => {
        const held_out = i >= rows.length - heldOut.length ? { held_out: true } : {};
        return { ...pairOf(given, row, options.raw), ...columns[i], ...held_out };
      });
      const pairs = pairsToUse(read, settings, options.dryRun);
      const reference = objective.reference ? await referenceOf(given, pairs) : null;
      const policy = named === undefined ? given : await reload(given, options.policy, training);
      const out = new RowWriter('-');
      if (options.dryRun) {
        const result = await dryRun(policy, pairs, reference, settings);
        for (const row of result.pairs) out.write(row);
        out.write(result.total);
        return;
      }
      const progress = new ProgressLine('update', 'steps');
      const total = totalSteps(splitPairs(pairs).trained.length, settings.update);
      await updatePolicy(policy, pairs, reference, settings, {
        onStep(row) {
          out.write(row);
          const evaluated = row.eval_loss === undefined ? '' : ` held-out ${row.eval_loss.toFixed(4)}`;
          const speed = `${Math.round(row.tokens_per_second)} tokens/s`;
          progress.update(row.step, total, `loss ${row.loss.toFixed(4)}${evaluated} ${speed}`);
        },
      });
      progress.finish();
      await saveModel(policy, options.out, { dtype: options.dtype });
    });
}

/** @throws Problems for flags that need another flag */
function checkOptions(command: Command): void {
  const given = (name: string) => command.getOptionValueSource(name) === 'cli';
  const problems = [
    ...(given('out') || given('dryRun') ? [] : ['--out: missing; expected the folder of the new policy, or --dry-run']),
    ...objectiveProblems(command, given),
    ...(given('heldOut') && given('heldOutShare')
      ? ['--held-out-share: sets aside a part of --pairs, and --held-out names other pairs; give one of them']
      : []),
    ...(given('loraAlpha') && !given('lora') ? ['--lora-alpha: needs --lora, the rank of the adapter'] : []),
    ...(given('loraTargets') && !given('lora') ? ['--lora-targets: needs --lora, the rank of the adapter'] : []),
  ];
  if (problems.length > 0) throw new Problems(problems, `${problems.length} problems`);
}

/** Flags that the objective does not use. */
function objectiveProblems(command: Command, given: (name: string) => boolean): string[] {
  const options = command.opts<Record<string, unknown>>();
  // A flag refused by its parser is reported separately.
  if (options.objective === undefined) return [];
  const loss = dpoSchema.safeParse(withUsualSettings(flagValues(options, dpoFlags).dpo));
  if (!loss.success) return [];
  const { objective } = loss.data;
  const flags = unusedSettings(loss.data).map((key) => `--${key.replace('_', '-')}`);
  if (given('reference') && !objectives[objective].reference) flags.push('--reference');
  return flags.map((flag) => `${flag}: ${notUsed(objective)}`);
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

/** Marks the held-out pairs, says if some of their prompts are trained on, and leaves them out of a dry run. */
function pairsToUse(
  read: PairRow[],
  { update, seed }: { update: UpdateConfig; seed: number },
  dryRun: boolean,
): PairRow[] {
  const pairs = update.held_out_share > 0 ? markHeldOut(read, update.held_out_share, seed) : read;
  const { trained, heldOut } = splitPairs(pairs);
  const prompts = new Set(trained.map((i) => pairs[i].prompt_ids.join(',')));
  const shared = new Set(heldOut.map((i) => pairs[i].prompt_ids.join(',')).filter((prompt) => prompts.has(prompt)));
  if (shared.size > 0)
    printError(
      `Prompts of held-out pairs that are trained on as well: ${shared.size}; held-out figures flatter the policy.\n`,
    );
  return dryRun ? trained.map((i) => pairs[i]) : pairs;
}

/** The folders of `--reference`, checked before anything is loaded. */
function referenceFrom(spec: string): WeightedFolder[] {
  const parts = referenceFolders(spec, (dir) => dir);
  for (const { dir } of parts) checkFolder(dir);
  if (parts.length > 1) expectSameShape(parts);
  return parts;
}

function loadReference(parts: WeightedFolder[]): Promise<LoadedModel> {
  if (parts.length > 1) return loadInterpolation(parts, optionsOf.read);
  return loadModel(parts[0].dir, { task: 'causal-lm', ...optionsOf.read });
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

/** @throws UserError if a column that objectives read is unusable, or one that this objective needs is missing */
function columnsOf({ row, where }: InputRow<unknown>, name: ObjectiveName): z.infer<typeof pairColumnsSchema> {
  const columns = parseRow(row, pairColumnsSchema, where);
  const { needs }: Objective = objectives[name];
  for (const column of ['chosen_win_probability', 'rejected_win_probability'] as const)
    if (needs.includes(column) && columns[column] === undefined)
      throw new UserError(
        `${where}: \`${column}\` is missing; objective ${name} needs the probability, from 0 to 1, that each response beats another of the policy's`,
      );
  return columns;
}

async function referenceOf(model: LoadedModel, pairs: PairRow[]): Promise<ReferenceLogps> {
  const sides = pairSides(pairs);
  const progress = new ProgressLine('reference log-probabilities', 'responses');
  const logprobs = await responseLogprobs(model, sides, {
    name: (i) => `pair ${Math.floor(i / 2) + 1}`,
    onProgress: (done) => progress.update(done, sides.length),
  });
  progress.finish();
  return referenceSums(pairs, logprobs);
}
