/** What each command does: whether it has a place now, and then the round's part of it. */
import { UserError } from '../errors.js';
import { noPause } from '../remote/jobs/view.js';
import { configOf } from '../rounds/config.js';
import { deleteRound, forkRound, judge, nameRound, nextRound, redoRound, switchRound } from './branches.js';
import type { Core } from './core.js';
import { checkPairsLeft, decide, redo, undo } from './decisions.js';
import type { EngineCommand } from './protocol.js';
import { checkSettings } from './settings.js';
import type { Stages } from './stages.js';

/** Commands that are about the run; the others are about who is attached. */
export type RunCommand = Exclude<EngineCommand, { type: 'attach' | 'take-over' | 'shutdown' }>;
type Handlers = {
  [T in RunCommand['type']]: (engine: Hands, command: Extract<RunCommand, { type: T }>) => void;
};

/** What commands work with. */
export interface Hands {
  core: Core;
  stages: Stages;
}

/** @throws UserError where the command has no place now */
export function obey(engine: Hands, command: RunCommand): void {
  if (!Object.hasOwn(handlers, command.type))
    throw new UserError(`the engine knows no command ${JSON.stringify((command as { type?: unknown }).type)}`);
  (handlers[command.type] as (engine: Hands, command: RunCommand) => void)(engine, command);
}

const handlers: Handlers = {
  'next-round': nextRound,
  fork: forkRound,
  'redo-round': redoRound,
  judge,
  'name-round': nameRound,
  'delete-round': deleteRound,
  switch: switchRound,
  decide,
  undo,
  redo,

  set({ core }, { settings }) {
    core.expect(core.round.stage === 'review', 'α, β and the learning rate can be changed in review only');
    checkSettings(settings);
    core.setRound({ settings: { ...core.round.settings, ...settings } }, { action: 'set', detail: settings });
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
