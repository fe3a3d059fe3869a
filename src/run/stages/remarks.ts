/** Keeps what a reward has to say about its results beside them, and reports it. */
import type { RemarksRow } from '../../core/rows.js';
import { roundFiles } from '../../core/runFiles.js';
import { appendJsonLines } from '../../io/jsonl.js';
import type { Reward } from '../../rewards/index.js';
import type { WorkContext } from './context.js';

/** Called after a reward was used, also if it failed. */
export function keepRemarks(
  { files, round, report }: WorkContext,
  stage: RemarksRow['stage'],
  reward: Pick<Reward, 'spec' | 'remarks'>,
): void {
  const remarks = reward.remarks?.() ?? [];
  if (remarks.length === 0) return;
  const row: RemarksRow = { stage, reward: reward.spec, remarks };
  appendJsonLines(files.file(round.id, roundFiles.remarks), [row]);
  report({ type: 'remarks', row });
}
