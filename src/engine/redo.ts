/** A round done again: another round with the same samples and scores, whose update has other settings. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { changedRound, configOf, policiesOf, redoProblems } from '../core/config/rounds.js';
import { namedFileProblems } from '../io/configFile.js';
import { buildDirectory, copyFile } from '../io/durable.js';
import { writeJsonLines } from '../io/jsonl.js';
import { readLogps, type LogpsRow } from '../run/stages/reviewFiles.js';
import { type RoundOverrides, type RoundSettings, type RoundState, newRound, seedRound } from '../core/rounds.js';
import { sensitiveSettings, trust } from '../io/trust.js';
import type { Core } from './core.js';
import { roundFiles } from '../core/runFiles.js';

/** Files that a round done again starts with; log-probabilities of pairs are found by content. */
const scored = [roundFiles.samples, roundFiles.scores, roundFiles.reference];
/** Likewise, unless its pairs are made anew. */
const reviewed = [roundFiles.pairs, roundFiles.review, roundFiles.decisions];

/** @throws UserError if the round cannot be done again with these overrides */
export function checkRedo(core: Core, source: RoundState, overrides: RoundOverrides = {}): void {
  const { id, pairs } = source;
  core.expect(pairs !== null, `round ${id} has no pairs yet; it can be done again once it has been in review`);
  const problems = redoProblems(overrides);
  core.expect(problems.length === 0, problems.join('; '));
  core.run.branch(id);
}

/**
 * A round that does `source` again, with its files on the disk. run.json does not name it yet: a named round is complete.
 *
 * @throws UserError if the changes cannot be used
 */
export function preparedRedo(
  core: Core,
  source: RoundState,
  { settings, overrides }: { settings?: Partial<RoundSettings>; overrides?: RoundOverrides },
): RoundState {
  const { id } = source;
  // Decisions are about pairs that may not exist any more, so pairs made anew start without them.
  const anew = overrides?.pairs !== undefined;
  const { sampled, pairs, dropped, decisions, pairs_digest } = source;
  // Unknown, and counted anew with the next decision or the update, if another share is held out.
  const held_out_pairs = overrides?.update?.held_out_share === undefined ? source.held_out_pairs : null;
  const round: RoundState = {
    ...newRound(core.run.nextId(), source.parent, source.settings),
    ...changed(core, source, { settings, overrides }),
    ...(anew
      ? { stage: 'score', sampled }
      : { stage: 'review', sampled, pairs, held_out_pairs, dropped, decisions, pairs_digest }),
    redo_of: id,
    data_of: seedRound(source),
  };
  trustNamed(core, round, overrides);
  const { files } = core.run;
  buildDirectory(files.roundDir(round.id), (directory) => {
    for (const name of anew ? scored : [...scored, ...reviewed])
      if (existsSync(files.file(id, name))) copyFile(files.file(id, name), path.join(directory, name));
    const logps = logpsFor(core, source, round);
    if (logps.length > 0) writeJsonLines(path.join(directory, roundFiles.logps), logps);
    const tokens = files.file(id, roundFiles.referenceTokens);
    if (logps.some(({ model }) => model === 'reference') && existsSync(tokens))
      copyFile(tokens, path.join(directory, roundFiles.referenceTokens));
  });
  return round;
}

/** Review takes rows by prompt, so the reference's are left out where the round done again has another one. */
function logpsFor({ run }: Core, source: RoundState, round: RoundState): LogpsRow[] {
  const rows = readLogps(run.files, source.id);
  const [before, after] = [source, round].map((each) => policiesOf(configOf(run.config, each), run.files, each).parts);
  return isDeepStrictEqual(before, after) ? rows : rows.filter(({ model }) => model !== 'reference');
}

/**
 * A setting written into a command counts as named by the user; inherited ones were asked about when the engine started.
 */
export function trustNamed(
  core: Core,
  round: Pick<RoundState, 'overrides' | 'settings'>,
  overrides: RoundOverrides = {},
): void {
  const named = sensitiveSettings(configOf(core.run.config, round)).filter(({ keys }) =>
    keys.every((key) => hasKey(overrides, key)),
  );
  trust(
    core.run.directory,
    named.map(({ use }) => use),
    'named',
  );
}

/** Whether overrides set a dotted key. */
function hasKey(overrides: RoundOverrides, key: string): boolean {
  const value = key
    .split('.')
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | null | undefined)?.[part], overrides);
  return value !== undefined;
}

export function changed(core: Core, inherited: RoundState, changes: Parameters<typeof changedRound>[2]) {
  return changedRound(core.run.config, inherited, changes, process.cwd(), namedFileProblems);
}
