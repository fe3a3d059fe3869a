/** `brevity merge-decisions`: the journals of several reviewers as one, and their agreement; takes it into a run. */
import path from 'node:path';
import { Argument, Command } from 'commander';
import { UserError } from '../core/errors.js';
import { fixed, of } from '../core/format.js';
import { replay } from '../core/review/decisions.js';
import {
  type ConflictRule,
  type Merged,
  type ReviewerDecisions,
  conflictRules,
  mergeDecisions,
} from '../core/review/merge.js';
import { takeDecisions } from '../engine/takeDecisions.js';
import { writeJsonLines } from '../io/jsonl.js';
import { printError } from '../io/print.js';
import { readDecisionFile } from '../run/stages/reviewFiles.js';
import { addCheck, choice, examples, existingFile, writableFile } from './options.js';
import { RowWriter } from './rows.js';

interface Options {
  out?: string;
  into?: string;
  conflicts: ConflictRule;
}

export function mergeDecisionsCommand(): Command {
  const command = new Command('merge-decisions')
    .description('merge the decisions of several reviewers on the same samples, and tell how far they agree')
    .addArgument(new Argument('<files...>', 'journals of decisions, one per reviewer').argParser(collectFiles))
    .option('--out <file>', 'where the merged journal is written', writableFile)
    .option('--into <run>', 'run whose round in review takes the merged decisions over; one undo takes them back')
    .addOption(
      choice('--conflicts <rule>', 'which ruling holds if reviewers differ (undecided: none)', conflictRules).default(
        'majority',
      ),
    )
    .addHelpText(
      'after',
      `
Prints one row with the agreement (share of prompts that all have ruled on; Cohen's kappa of two reviewers, Fleiss' of
more), then one row for each prompt on which they differ. A majority that is equal leaves the prompt undecided.
A journal is named scored.jsonl.decisions.jsonl beside the reviewed file, and rounds/NNNN/decisions.jsonl in a run. With
one journal, --into takes it over as it is.
${examples(
  'merge-decisions ann.jsonl bob.jsonl cleo.jsonl --out merged.jsonl',
  'merge-decisions ann.jsonl bob.jsonl --out merged.jsonl --into runs/mine',
)}`,
    );
  addCheck(command, (given) => {
    const { out, into } = given.opts<Options>();
    if (out === undefined && into !== undefined)
      throw new UserError('--into needs --out as well: the engine reads the merged journal from there', {
        exitCode: 2,
      });
    const files = given.processedArgs.at(0) as unknown;
    if (
      Array.isArray(files) &&
      out !== undefined &&
      files.some((file) => path.resolve(String(file)) === path.resolve(out))
    )
      throw new UserError(`--out ${out}: would replace one of the journals; name another file`, { exitCode: 2 });
  });
  return command.action(async (files: string[], { out, into, conflicts }: Options) => {
    const merged = mergeDecisions(files.map(readReviewer), conflicts);
    const rows = new RowWriter('-');
    // One journal is only taken over.
    if (files.length > 1) rows.write(merged.agreement);
    for (const { prompt_index, ...conflict } of merged.conflicts) rows.write({ prompt: prompt_index + 1, ...conflict });
    rows.close();
    printError(`${inWords(merged, files.length)}\n`);
    if (out === undefined) return;
    if (merged.decisions.length === 0) throw new UserError('the journals decide nothing, so nothing was written');
    const at = new Date().toISOString();
    writeJsonLines(out, [{ at, action: 'decide-all', decisions: merged.decisions }], 'user');
    printError(`${of(merged.decisions.length, 'decision')} written to ${out}\n`);
    if (into === undefined) return;
    const { round } = await takeDecisions(into, path.resolve(out));
    printError(`round ${round} of ${into} has taken them over; undo (u) in review takes them back\n`);
  });
}

function collectFiles(file: string, before: string[] | undefined): string[] {
  return [...(before ?? []), existingFile(file)];
}

/** A journal with its reviewer: the name in its decisions if there is one, else the file's. */
function readReviewer(file: string): ReviewerDecisions {
  const made = readDecisionFile(file);
  const { decisions } = replay(
    made.map(({ row }) => row),
    (index) => printError(`${file}:${made[index].line}: there was nothing to ${made[index].row.action}; skipped\n`),
  );
  const names = new Set([...decisions.values()].map(({ reviewer = '' }) => reviewer));
  const [name] = names.size === 1 ? names : [''];
  const unkeyed = [...decisions.values()].filter(({ samples }) => samples === undefined).length;
  if (unkeyed > 0)
    printError(`${file}: ${of(unkeyed, 'decision')} without a key of the samples, which could not be compared\n`);
  return { name: name === '' ? path.basename(file) : name, file, decisions };
}

function inWords({ agreement: { compared, agreed, kappa, measure }, conflicts }: Merged, reviewers: number): string {
  if (reviewers === 1) return 'one journal: there is nobody to agree with';
  if (compared === 0)
    return `no prompt was ruled on by all ${reviewers} reviewers; ${of(conflicts.length, 'conflict')}`;
  const name = measure === 'cohen' ? "Cohen's" : "Fleiss'";
  const chance = kappa === null ? `${name} κ not defined` : `${name} κ ${fixed(kappa, 2)}`;
  return `agree on ${agreed} of ${of(compared, 'prompt')} that all have ruled on (${chance}); ${of(conflicts.length, 'conflict')}`;
}
