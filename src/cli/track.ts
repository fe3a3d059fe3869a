/** `brevity track`: writes what a run directory holds to experiment trackers; again, or for the first time. */
import path from 'node:path';
import { Command } from 'commander';
import { mergeConfigs, type PartialConfig } from '../core/config/partial.js';
import { trackersSchema } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { machineSettings } from '../core/trust.js';
import { lockHolder } from '../io/lock.js';
import { print } from '../io/print.js';
import { permissionIn } from '../io/trust.js';
import { Run } from '../run/run.js';
import { checkTrackers, openTrackers, type TrackersConfig } from '../run/trackers/index.js';
import { trackedRun } from '../run/trackers/tracker.js';
import { flagNames } from '../core/config/flags.js';
import { addFlags, examples, flagValues, trackerFlags } from './options.js';

export function trackCommand(): Command {
  const command = new Command('track')
    .description('write the updates and evaluations of a run to TensorBoard, W&B or trackio; only what they lack')
    .argument('<run>', 'run directory');
  return addFlags(command, trackerFlags, 'none')
    .addHelpText(
      'after',
      `
Without a flag, the trackers of the run's own configuration are written to.
${examples('track runs/mine --tensorboard ./tb', 'track runs/mine')}`,
    )
    .action(async (directory: string, options) => {
      const run = Run.open(directory);
      const given = (flagValues(options, trackerFlags) as PartialConfig).trackers as PartialConfig | undefined;
      const trackers = given === undefined ? run.config.trackers : named(given);
      if (Object.values(trackers).every((each) => each === null))
        throw new UserError(
          `run ${run.directory} has no trackers in its configuration; name one with --tensorboard, --wandb or --trackio`,
          { exitCode: 2 },
        );
      // The user has named those of flags.
      if (given === undefined)
        for (const { use } of machineSettings(run.config)) if (use.kind === 'service') permissionIn(run.directory)(use);
      refuseTwice(run, trackers);
      checkTrackers(trackers, (key) => flagNames.get(key) ?? key);
      const all = trackedRun(run);
      for (const tracker of openTrackers(run, trackers)) {
        for (const tracked of all) await tracker.write(tracked);
        await tracker.close();
        print(`${tracker.name}: ${all.map(({ name, points }) => `${name} ${points.length}`).join(', ')} points\n`);
      }
    });
}

function named(given: PartialConfig): TrackersConfig {
  const { tensorboard, ...rest } = mergeConfigs({ tensorboard: null }, given);
  return trackersSchema.parse({
    ...rest,
    tensorboard: typeof tensorboard === 'string' ? path.resolve(tensorboard) : null,
  });
}

/** @throws UserError if a running engine writes to one of these trackers itself: points would arrive twice */
function refuseTwice({ directory, config }: Run, trackers: TrackersConfig): void {
  if (lockHolder(directory) === null) return;
  const { tensorboard, wandb, trackio } = config.trackers;
  const both = [
    tensorboard !== null && tensorboard === trackers.tensorboard && 'TensorBoard',
    wandb !== null && wandb.project === trackers.wandb?.project && 'W&B',
    trackio !== null && trackio.project === trackers.trackio?.project && 'trackio',
  ].filter((name) => name !== false);
  if (both.length > 0)
    throw new UserError(
      `an engine has run ${directory} open and writes to ${both.join(' and ')} itself, what it missed included; end it first (:shutdown), or name another target`,
    );
}
