/** The tree of rounds: continue, branch, redo, judge, name, delete and switch. */
import { jobMayRun } from '../remote/jobs/view.js';
import { MAX_NAME, MAX_NOTE } from '../core/limits.js';
import { type RoundOverrides, type RoundSettings, type RoundState, newRound } from '../core/rounds.js';
import type { Core } from './core.js';
import type { RunCommand } from '../protocol/messages.js';
import { changed, checkRedo, preparedRedo, trustNamed } from './redo.js';
import type { CommandContext } from './stages.js';

type Command<T extends RunCommand['type']> = Extract<RunCommand, { type: T }>;

/** Continues from the current round, or from its parent if it was rejected. */
export function nextRound(context: CommandContext, { settings }: Command<'next-round'>): void {
  const { round } = context.core;
  context.core.expect(round.stage === 'done', 'a new round can start once the round before it is done');
  const parent = round.verdict === 'rejected' && round.parent !== null ? round.parent : round.id;
  begin(context, 'next-round', parent, round, { settings });
}

export function forkRound(context: CommandContext, { parent, settings, overrides }: Command<'fork'>): void {
  const { core } = context;
  const from = core.run.round(parent);
  core.expect(from.stage === 'done', `round ${parent} has no policy yet; fork from one that is done`);
  leave(core);
  begin(context, 'fork', parent, from, { settings, overrides });
}

function begin(
  { core, stages }: CommandContext,
  action: string,
  parent: number,
  inherited: RoundState,
  changes: { settings?: Partial<RoundSettings>; overrides?: RoundOverrides },
): void {
  // Throws if the parent or one of its ancestors is damaged.
  core.run.branch(parent);
  const round = { ...newRound(core.run.nextId(), parent, inherited.settings), ...changed(core, inherited, changes) };
  trustNamed(core, round, changes.overrides);
  core.addRound(round, { action, detail: { parent, ...changes } });
  stages.work();
}

export function redoRound(
  { core, stages }: CommandContext,
  { round: id, settings, overrides }: Command<'redo-round'>,
): void {
  const source = core.run.round(id);
  checkRedo(core, source, overrides);
  leave(core);
  const round = preparedRedo(core, source, { settings, overrides });
  core.run.addRound(round, { action: 'redo-round', detail: { redo_of: id, settings, overrides } });
  core.show(round.id);
  stages.work();
}

/** Switches to a round in review, or to one that is done, to continue from there. */
export function switchRound({ core, stages }: CommandContext, { round: id }: Command<'switch'>): void {
  const { stage } = core.run.round(id);
  core.expect(
    stage === 'review' || stage === 'done',
    `round ${id} is in the middle of its ${stage}; one that is in review or done can be returned to`,
  );
  leave(core);
  core.run.select(id, { action: 'switch' });
  core.show(id);
  stages.turn();
}

/** @throws UserError if the current round cannot be left: the engine works on one at a time */
function leave(core: Core): void {
  const { id, stage } = core.round;
  core.expect(
    core.state.activity === 'idle' && (stage === 'review' || stage === 'done'),
    `round ${id} is in the middle of its ${stage}; wait until it is in review or done, or delete it`,
  );
}

export function judge({ core }: CommandContext, { round: id, verdict }: Command<'judge'>): void {
  const { stage } = core.run.round(id);
  core.expect(id > 0, 'the base policy is what it is; rounds after it can be accepted or rejected');
  core.expect(stage === 'done', `round ${id} can be judged once it is done`);
  core.expect(
    verdict === null || ['accepted', 'rejected'].includes(verdict),
    `verdict ${JSON.stringify(verdict)}: expected "accepted", "rejected" or null`,
  );
  core.changeRound(id, { verdict }, { action: 'judge', detail: verdict });
}

export function nameRound({ core }: CommandContext, command: Command<'name-round'>): void {
  const { name, note } = core.run.round(command.round);
  const changes = { name: command.name ?? name, note: command.note ?? note };
  checkText(core, 'name', changes.name, MAX_NAME);
  checkText(core, 'note', changes.note, MAX_NOTE);
  core.changeRound(command.round, changes);
}

/** @throws UserError if the text is longer than its limit */
export function checkText(core: Core, what: string, text: unknown, most: number): void {
  core.expect(typeof text === 'string', `the ${what} is no text`);
  const { length } = [...(text as string)];
  core.expect(length <= most, `the ${what} has ${length} characters; at most ${most} are kept, shorten it`);
}

export function deleteRound({ core, stages }: CommandContext, { round: id }: Command<'delete-round'>): void {
  const { parent: from } = core.run.round(id);
  if (id === 0) return core.expect(false, 'the base policy cannot be deleted; every round comes from it');
  const parent = from ?? 0;
  const ids = core.run.descendants(id).map((round) => round.id);
  const current = ids.includes(core.round.id);
  core.expect(
    !current || core.state.activity === 'idle',
    `round ${core.round.id} is being worked on; ${core.round.stage === 'update' ? 'abort it' : 'wait until it is in review'} before it is deleted`,
  );
  for (const each of ids.filter((one) => core.run.round(one).stage === 'update'))
    core.expect(
      !jobMayRun(core.run.files, each),
      `the job of round ${each} may still run; abort the update before the round is deleted`,
    );
  core.run.deleteRounds(ids, current ? parent : core.run.current, { action: 'delete-round', detail: { ids } });
  core.tellQueue();
  if (!current) return core.emit({ type: 'rounds', rounds: [...core.run.rounds], current: core.run.current });
  core.setState({ problem: null });
  core.show(parent);
  stages.turn();
}
