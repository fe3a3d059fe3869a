/** Command handlers: validate against the current stage, then apply. */
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { noPause } from '../remote/jobs/view.js';
import { changedRound, configOf } from '../core/config/rounds.js';
import { candidatesIn } from '../core/pairPreview.js';
import { choosePairs, pairingSeed } from '../core/pairing.js';
import { checkText, deleteRound, forkRound, judge, nameRound, nextRound, redoRound, switchRound } from './branches.js';
import { checkPairsLeft } from './attempts.js';
import type { Core } from './core.js';
import { dequeue, enqueue, holdQueue, moveQueued } from './queue.js';
import type { RunCommand } from '../protocol/messages.js';
import type { CommandContext } from './stages.js';
import { heldOutRule } from '../core/heldOutPairs.js';
import {
  applyRow,
  bulkDecisions,
  countReview,
  type DecisionState,
  type ReviewCounts,
  decisionFor,
  isReviewer,
  reviewerExpected,
  pairWeightExpected,
  viewOf,
} from '../core/review/decisions.js';
import type { DecisionRow } from '../core/review/rows.js';
import { decisionsToTake, handWeightSchema, rulingSchema } from '../run/stages/reviewFiles.js';
import { appendJsonLines } from '../io/jsonl.js';
import { MAX_NOTE } from '../core/limits.js';
import { dpoSchema, updateSchema } from '../core/config/schema.js';
import { fixedAlpha } from '../core/objectives/index.js';
import { seedRound, type RoundSettings } from '../core/rounds.js';
import { roundFiles } from '../core/runFiles.js';

type Handlers = {
  [T in RunCommand['type']]: (context: CommandContext, command: Extract<RunCommand, { type: T }>) => void;
};

/** @throws UserError if the command is not possible now */
export function handleCommand(context: CommandContext, command: RunCommand): void {
  if (!Object.hasOwn(handlers, command.type))
    throw new UserError(`the engine knows no command ${JSON.stringify((command as { type?: unknown }).type)}`);
  (handlers[command.type] as (context: CommandContext, command: RunCommand) => void)(context, command);
}

const handlers: Handlers = {
  'next-round': nextRound,
  fork: forkRound,
  'redo-round': redoRound,
  judge,
  'name-round': nameRound,
  'delete-round': deleteRound,
  switch: switchRound,
  enqueue,
  dequeue,
  'move-queued': moveQueued,
  'hold-queue': holdQueue,
  decide,
  'decide-all': decideAll,
  'take-decisions': takeDecisions,
  undo,
  redo,

  set({ core }, { settings }) {
    core.expect(core.round.stage === 'review', 'α, β and the learning rate can be changed in review only');
    checkSettings(settings);
    const { objective } = configOf(core.run.config, core.round).dpo;
    const fixed = fixedAlpha(objective);
    core.expect(fixed === null || (settings.alpha ?? 0) === 0, fixed ?? '');
    core.setRound({ settings: { ...core.round.settings, ...settings } }, { action: 'set', detail: settings });
  },

  /**
   * Makes the pairs of the round in review again, from the same samples and scores. Decisions stay: they are about
   * prompts and their responses, whichever pair the rewards make of them.
   */
  'set-pairs'({ core, stages }, { pairs }) {
    checkReview(core);
    const { id } = core.round;
    const { settings, overrides } = changedRound(
      core.run.config,
      core.round,
      { overrides: { pairs } },
      process.cwd(),
      () => [],
    );
    const { config: runConfig } = core.run;
    const config = configOf(runConfig, { settings, overrides }).pairs;
    // A round whose scoring gives no pair could not leave it.
    const seed = pairingSeed(runConfig.seed, seedRound(core.round));
    const some = core.view.review.some((row) => typeof choosePairs(candidatesIn(row), config, seed) !== 'string');
    core.expect(some, `strategy ${config.strategy} gives no pairs of round ${id}; choose another, or lower min_gap`);
    core.setRound({ overrides, stage: 'score' }, { action: 'set-pairs', detail: pairs });
    stages.work();
  },

  launch({ core, stages }) {
    core.expect(core.round.stage === 'review', 'an update can be launched from review only');
    core.expect(core.unreadable === null, core.unreadable ?? '');
    checkPairsLeft(core);
    core.setRound({ stage: 'update' }, { action: 'launch', detail: core.round.settings });
    stages.work();
  },

  'fewer-samples'({ core }, { samples_per_prompt: count }) {
    const { stage, overrides } = core.round;
    const { samples_per_prompt: now } = configOf(core.run.config, core.round).sampling;
    core.expect(stage === 'sample', 'the number of samples can be lowered while sampling only');
    core.expect(
      Number.isInteger(count) && count >= 2 && count < now,
      `samples_per_prompt ${String(count)}: expected a whole number from 2, which a pair needs, to below ${now}, as many as are sampled now`,
    );
    core.setRound(
      { overrides: { ...overrides, sampling: { ...overrides.sampling, samples_per_prompt: count } } },
      { action: 'fewer-samples', detail: { samples_per_prompt: count } },
    );
    core.compute.fewerSamples(count);
  },

  pause({ core, stages }) {
    core.expect(core.state.activity === 'working', 'nothing is being computed that could be paused');
    const { pending, round } = core;
    const { job } = configOf(core.run.config, round).update;
    if (round.stage === 'update' && job !== null) core.expect(false, noPause(job.launcher));
    core.expect(
      pending === null,
      `the ${round.stage} is being ended (${pending?.command}); it cannot be paused any more`,
    );
    stages.pause();
  },

  resume({ core, stages }) {
    core.expect(core.state.activity === 'paused', 'nothing is paused');
    stages.resume();
  },

  stop({ core, stages }) {
    const { stage } = core.round;
    core.expect(
      core.state.activity !== 'idle' && (stage === 'sample' || stage === 'update'),
      'only sampling and an update can be stopped early',
    );
    core.expect(core.pending?.command !== 'abort', 'the update is being aborted; nothing of it is kept');
    stages.stop();
  },

  abort({ core, stages }) {
    core.expect(core.round.stage === 'update', 'only an update can be aborted');
    stages.abort();
  },

  retry({ core, stages }) {
    core.expect(core.state.problem !== null, 'nothing has failed that could be tried again');
    stages.retry();
  },
};

// Decisions on the round in review: each is written to the round's journal before the clients are told.

const said = z.object({ prompt_index: z.int().min(0), ruling: rulingSchema.nullable().optional() });
const weightSaid = handWeightSchema.nullable().optional();

export function decide({ core }: CommandContext, command: Extract<RunCommand, { type: 'decide' }>): void {
  checkReview(core);
  const { success } = said.safeParse(command);
  core.expect(
    success,
    `${JSON.stringify({ prompt_index: command.prompt_index, ruling: command.ruling })} is no decision: expected a prompt_index and a ruling {"kind": "pair", "chosen", "rejected"}, {"kind": "exclude"}, {"kind": "tie"} or null`,
  );
  core.expect(
    weightSaid.safeParse(command.weight).success,
    `prompt ${command.prompt_index + 1}: weight ${JSON.stringify(command.weight)}: ${pairWeightExpected}, or null for the rewards' own`,
  );
  checkReviewer(core, command.reviewer);
  if (command.note !== undefined) checkText(core, 'note', command.note, MAX_NOTE);
  const { review, standing } = core.view;
  const row = review.find(({ prompt_index }) => prompt_index === command.prompt_index);
  append(core, { at: new Date().toISOString(), action: 'decide', decision: decisionFor(standing, row, command) });
}

const manySaid = z.object({
  prompts: z.array(z.int().min(0)),
  ruling: z.enum(['confirm', 'exclude', 'tie']).nullable().optional(),
});

export function decideAll({ core }: CommandContext, command: Extract<RunCommand, { type: 'decide-all' }>): void {
  checkReview(core);
  const { prompts, ruling, weight, reviewer } = command;
  core.expect(
    manySaid.safeParse(command).success,
    `${JSON.stringify({ prompts, ruling }).slice(0, 200)} is no decision on many prompts: expected prompts, a list of prompt_index, and a ruling "confirm", "exclude", "tie" or null`,
  );
  core.expect(
    weightSaid.safeParse(weight).success,
    `weight ${JSON.stringify(weight)}: ${pairWeightExpected}, or null for the rewards' own`,
  );
  checkReviewer(core, reviewer);
  const { review, standing } = core.view;
  const decisions = bulkDecisions(standing, review, prompts, { ruling, weight }, reviewer);
  core.expect(decisions.length > 0, 'no prompt was named, so nothing was decided');
  append(core, { at: new Date().toISOString(), action: 'decide-all', decisions });
}

/** The engine reads the journal itself, since the decisions on 20,000 prompts would not fit into a command. */
export function takeDecisions(
  { core }: CommandContext,
  { file }: Extract<RunCommand, { type: 'take-decisions' }>,
): void {
  checkReview(core);
  core.expect(
    typeof file === 'string' && path.isAbsolute(file),
    'expected the absolute path of a journal of decisions',
  );
  const decisions = decisionsToTake(file, core.view.review, `round ${core.round.id}`);
  append(core, { at: new Date().toISOString(), action: 'decide-all', decisions });
}

function checkReviewer(core: Core, reviewer: unknown): void {
  if (reviewer === undefined) return;
  const fits = typeof reviewer === 'string' && isReviewer(reviewer);
  core.expect(fits, `reviewer ${JSON.stringify(reviewer)}: ${reviewerExpected}`);
}

export function undo({ core }: CommandContext): void {
  checkReview(core);
  append(core, { at: new Date().toISOString(), action: 'undo' });
}

export function redo({ core }: CommandContext): void {
  checkReview(core);
  append(core, { at: new Date().toISOString(), action: 'redo' });
}

const counted = ({ view, round, run }: Core, { decisions }: DecisionState): ReviewCounts =>
  countReview(view.review, decisions, heldOutRule(configOf(run.config, round), round));

function append(core: Core, row: DecisionRow): void {
  const { view, round, run } = core;
  const next = applyRow(view.standing, row);
  appendJsonLines(run.files.file(round.id, roundFiles.decisions), [row]);
  view.standing = next;
  core.emit({ type: 'round', round: run.setCounts(round.id, counted(core, next)) });
  core.emit({ type: 'decisions', round: round.id, decisions: viewOf(next) });
}

function checkReview(core: Core): void {
  core.expect(core.round.stage === 'review', 'pairs can be decided in review only');
  core.expect(core.unreadable === null, core.unreadable ?? '');
}

const ranges = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };

/**
 * Checks settings of review against the configuration's ranges. @throws UserError that names every value out of range
 */
export function checkSettings(changes: Partial<RoundSettings>): void {
  const problems = Object.entries(changes).flatMap(([name, value]) => {
    if (!Object.hasOwn(ranges, name)) return [`unknown setting ${name}; expected alpha, beta or lr`];
    const result = ranges[name as keyof RoundSettings].safeParse(value);
    return result.success ? [] : [`${name} ${String(value)}: ${result.error.issues[0].message}`];
  });
  if (problems.length > 0) throw new UserError(problems.join('; '));
}
