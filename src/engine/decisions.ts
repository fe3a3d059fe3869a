/** Human decisions on the round in review: each goes to the round's journal on disk first, then to the clients. */
import { z } from 'zod';
import { UserError } from '../errors.js';
import { applyRow, countReview, decidedPair, decisionFor, viewOf } from '../review/decisions.js';
import type { DecisionRow } from '../review/rows.js';
import { roundFiles } from '../rounds/files.js';
import { rulingSchema } from '../rounds/reviewFiles.js';
import { appendJsonLines } from '../store/jsonl.js';
import { NOTE, checkText } from './branches.js';
import type { Hands, RunCommand } from './commands.js';
import type { Core } from './core.js';

const said = z.object({ prompt_index: z.int().min(0), ruling: rulingSchema.nullable().optional() });

export function decide({ core }: Hands, command: Extract<RunCommand, { type: 'decide' }>): void {
  checkReview(core);
  const { success } = said.safeParse(command);
  core.expect(
    success,
    `${JSON.stringify({ prompt_index: command.prompt_index, ruling: command.ruling })} is no decision: expected a prompt_index and a ruling {"kind": "pair", "chosen", "rejected"}, {"kind": "exclude"}, {"kind": "tie"} or null`,
  );
  if (command.note !== undefined) checkText(core, 'note', command.note, NOTE);
  const { review, standing } = core.view;
  const row = review.find(({ prompt_index }) => prompt_index === command.prompt_index);
  append(core, { at: new Date().toISOString(), action: 'decide', decision: decisionFor(standing, row, command) });
}

export function undo({ core }: Hands): void {
  checkReview(core);
  append(core, { at: new Date().toISOString(), action: 'undo' });
}

export function redo({ core }: Hands): void {
  checkReview(core);
  append(core, { at: new Date().toISOString(), action: 'redo' });
}

/** @throws UserError where decisions have left no pair to train on */
export function checkPairsLeft({ view, round }: Core): void {
  const { standing, review } = view;
  if (standing.decisions.size === 0) return;
  if (review.some((row) => decidedPair(row, standing.decisions.get(row.prompt_index)) !== null)) return;
  throw new UserError(
    `no pair of round ${round.id} is left to train on: all are excluded or marked as ties; undo some of that first`,
  );
}

function append(core: Core, row: DecisionRow): void {
  const { view, round, run } = core;
  const next = applyRow(view.standing, row);
  appendJsonLines(run.files.file(round.id, roundFiles.decisions), [row]);
  view.standing = next;
  core.emit({ type: 'round', round: run.setCounts(round.id, countReview(view.review, next.decisions)) });
  core.emit({ type: 'decisions', round: round.id, decisions: viewOf(next) });
}

function checkReview(core: Core): void {
  core.expect(core.round.stage === 'review', 'pairs can be decided in review only');
  core.expect(core.unreadable === null, core.unreadable ?? '');
}
