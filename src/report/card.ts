/** The model card of an exported policy: README.md with the front matter that the Hugging Face hub reads. */
import type { Config } from '../core/config/schema.js';
import { decodingInWords } from '../core/heldOutDecoding.js';
import { winRateInterval } from '../core/findings.js';
import type { Interval } from '../core/statistics.js';
import { decisionsInWords } from '../core/review/decisions.js';
import { objectives, type ObjectiveName } from '../core/objectives/index.js';
import type { Objective } from '../core/objectives/objective.js';
import { lossOf, type RoundState } from '../core/rounds.js';
import { alpha, between, fixed, percent, signed } from '../core/format.js';
import { makeVisible } from '../core/sanitize.js';
import { escapeMarkdown, roundsTable } from './markdown.js';
import { againstBase, configFacts, evidenceOf, roundFacts, tableNote } from './table.js';

export interface CardFacts {
  /** Name of the model: its folder's name. */
  name: string;
  config: Config;
  /** From the base policy to the exported round, each the parent of the next. */
  lineage: readonly RoundState[];
  /** Written as a PEFT adapter. */
  adapter: boolean;
  /** Name of the base policy: its name on the hub if known, else that of its folder. */
  base: string;
}

export function modelCard(facts: CardFacts): string {
  const { name, config, lineage } = facts;
  const rounds = lineage.filter(({ id }) => id > 0);
  const last = lineage[lineage.length - 1];
  return [
    frontMatter(facts),
    `# ${escapeMarkdown(name)}`,
    introduction(facts, rounds),
    ...(last.evaluation === null ? [] : ['## Results', results(last, last.evaluation)]),
    '## Rounds',
    roundsTable(lineage),
    tableNote,
    ...(rounds.length === 0 ? [] : [rounds.map((round) => roundLine(config, round)).join('\n')]),
    '## Training',
    factsOf(facts)
      .map(([fact, value]) => `- ${fact}: ${escapeMarkdown(value)}`)
      .join('\n'),
    lossesOf(config, rounds).map(lossText).join('\n\n'),
    '## Use',
    usage(facts),
    '',
  ].join('\n\n');
}

/** The objectives of the rounds, in the order in which they were first trained with. */
function lossesOf(config: Config, rounds: readonly RoundState[]): Objective[] {
  const names = rounds.length === 0 ? ['lr-dpo'] : rounds.map((round) => lossOf(config, round).objective);
  return [...new Set(names)].map((name) => objectives[name as ObjectiveName]);
}

function lossText({ name, describe, source }: Objective): string {
  return name === 'lr-dpo'
    ? 'The loss of a pair is `-log σ(z)` with `z = β·[(log π(y_w) - log π_ref(y_w)) - (log π(y_l) - log π_ref(y_l))] + α·(|y_w| - |y_l|)`, lengths in tokens: iterative length-regularized DPO, [arXiv 2406.11817](https://arxiv.org/abs/2406.11817).'
    : `The loss of a pair is \`${name}\`: ${describe} (${source}).`;
}

/** The base policy by the name that the hub knows it by. */
function factsOf({ config, base }: CardFacts): [string, string][] {
  return configFacts(config).map(([name, value]) => [name, name === 'base policy' ? base : value]);
}

function introduction({ base, adapter, config }: CardFacts, rounds: readonly RoundState[]): string {
  const what = adapter ? 'A LoRA adapter (PEFT) for' : 'A policy trained from';
  if (rounds.length === 0) return `The base policy of a run, \`${code(base)}\`, as it was given.`;
  const alphas = rounds.map(({ settings }) => alpha(settings.alpha)).join(', ');
  const losses = lossesOf(config, rounds).map(({ name }) => name);
  const method =
    losses.join() === 'lr-dpo'
      ? 'iterative length-regularized DPO'
      : `iterative preference optimization (${losses.join(', ')})`;
  const many = rounds.length === 1 ? 'one round' : `${rounds.length} rounds`;
  return `${what} \`${code(base)}\` by ${many} of ${method} with Brevity. The length-penalty coefficient α was ${alphas}${rounds.length === 1 ? '' : ', round by round'}.`;
}

/** ` (best of 8 by the training reward)`; empty after plain sampling. */
function decodedAs({ decoding }: NonNullable<RoundState['evaluation']>): string {
  return decoding === undefined ? '' : ` (${decodingInWords(decoding)})`;
}

function results(round: RoundState, evaluation: NonNullable<RoundState['evaluation']>): string {
  const { prompts, reward, mean_length, truncated_share } = evaluation;
  const base = againstBase(round);
  const lines = [
    `On ${prompts} held-out prompts${decodedAs(evaluation)}:`,
    '',
    `- mean reward ${fixed(reward, 3)}${base === undefined ? '' : `, base ${fixed(base.reward_against, 3)}`}`,
    ...(evaluation.reward_parts ?? []).map(
      ({ name, weight, reward: part }) => `- mean of its part \`${code(name)}\` (weight ${weight}) ${fixed(part, 3)}`,
    ),
    `- mean length ${fixed(mean_length, 1)} tokens${base === undefined ? '' : `, base ${fixed(base.mean_length_against, 1)} (${signed(base.length_change_percent, 1)} %)`}`,
    `- truncated ${percent(100 * truncated_share)}`,
  ];
  if (base === undefined) return lines.join('\n');
  const range = (interval: Interval | null | undefined, digits: number) =>
    interval == null ? '' : ` (95 % ${between(interval, digits)})`;
  const { intervals = {} } = base;
  const controlled = `${fixed(base.length_controlled_win_rate, 1)} %${range(intervals.length_controlled_win_rate, 1)}`;
  return [
    ...lines,
    `- wins against the base ${fixed(base.win_rate, 1)} %${range(winRateInterval(base), 1)}, length-controlled ${controlled}, by the reward that it was trained with`,
    `- KL from the base ${base.kl === null ? `not known: ${base.kl_note ?? 'not computed'}` : `${fixed(base.kl, 2)} nats${range(intervals.kl, 2)}`}`,
    '',
    ...evidenceOf(round).map((sentence) => `- ${escapeMarkdown(sentence)}`),
  ].join('\n');
}

/** Details that do not fit into the table. */
function roundLine(config: Config, round: RoundState): string {
  const { id, note, decisions, redo_of } = round;
  const decided = decisionsInWords(decisions);
  const parts = [
    decided === null || decided === 'none' ? 'no human decisions' : `human decisions: ${decided}`,
    ...roundFacts(config, round).map(escapeMarkdown),
    ...(redo_of === null ? [] : [`round ${redo_of} done again`]),
    ...(note === '' ? [] : [escapeMarkdown(note)]),
  ];
  return `- Round ${id}: ${parts.join('; ')}.`;
}

function usage({ adapter, base, name }: CardFacts): string {
  const lines = adapter
    ? [
        'from peft import PeftModel',
        'from transformers import AutoModelForCausalLM, AutoTokenizer',
        '',
        `model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(${quoted(base)}), ${quoted(name)})`,
        `tokenizer = AutoTokenizer.from_pretrained(${quoted(name)})`,
      ]
    : [
        'from transformers import AutoModelForCausalLM, AutoTokenizer',
        '',
        `model = AutoModelForCausalLM.from_pretrained(${quoted(name)})`,
        `tokenizer = AutoTokenizer.from_pretrained(${quoted(name)})`,
      ];
  return `\`\`\`python\n${lines.join('\n')}\n\`\`\``;
}

/** No `license`: it is the base policy's, which is not known here. */
function frontMatter({ name, lineage, adapter, base, config }: CardFacts): string {
  const losses = lossesOf(
    config,
    lineage.filter(({ id }) => id > 0),
  );
  const names = losses.flatMap((loss) =>
    loss.name === 'lr-dpo' ? ['dpo', 'ilr-dpo', 'length-regularized'] : [loss.name],
  );
  const papers = losses.flatMap(({ source }) => /\d{4}\.\d{5}/.exec(source)?.slice(0, 1) ?? []);
  const round = lineage[lineage.length - 1];
  const { evaluation } = round;
  const comparison = againstBase(round);
  const metric = (type: string, value: number) => [
    '      - type: ' + type,
    `        value: ${Number(value.toFixed(4))}`,
  ];
  const lines = [
    '---',
    `library_name: ${adapter ? 'peft' : 'transformers'}`,
    `base_model: ${quoted(base)}`,
    `base_model_relation: ${adapter ? 'adapter' : 'finetune'}`,
    'pipeline_tag: text-generation',
    'tags:',
    ...[...new Set(['brevity', ...names, 'preference-optimization', ...papers.map((paper) => `arxiv:${paper}`)])].map(
      (tag) => `  - ${tag}`,
    ),
    ...(evaluation === null
      ? []
      : [
          'model-index:',
          `  - name: ${quoted(name)}`,
          '    results:',
          '    - task:',
          '        type: text-generation',
          '      dataset:',
          '        type: held-out',
          `        name: held-out prompts of the run${decodedAs(evaluation)}`,
          '      metrics:',
          ...metric('reward', evaluation.reward),
          ...metric('mean_length', evaluation.mean_length),
          ...(comparison === undefined
            ? []
            : [
                ...metric('win_rate', comparison.win_rate),
                ...metric('length_controlled_win_rate', comparison.length_controlled_win_rate),
              ]),
        ]),
    '---',
  ];
  return lines.join('\n');
}

/** A string literal that is valid in both YAML and Python. */
const quoted = (text: string): string => JSON.stringify(makeVisible(text).replace(/\n/g, ' '));
/** Text inside backticks. */
const code = (text: string): string => makeVisible(text).replace(/[`\n]/g, "'");
