/** What judges had to say about rewards, as far as a screen has room for it. */
import type { RemarksRow } from '../../src/core/rows.js';
import { makeLine } from '../../src/core/sanitize.js';
import type { RoundData } from '../../src/protocol/messages.js';

/** Sentences about the last attempt at a stage, the most important one first; empty without a judge. */
export function remarksOf({ remarks }: RoundData, stage: RemarksRow['stage']): readonly string[] {
  const row = remarks.findLast((each) => each.stage === stage);
  return (row?.remarks ?? []).map((remark) => makeLine(remark, longest));
}

/** Characters of a remark. */
const longest = 400;

/** From this many rows of a screen on, all remarks are shown; below, the most important one. */
const roomy = 34;
const most = 5;

/** @param rows of the screen's body */
export function shownRemarks(remarks: readonly string[], rows: number): readonly string[] {
  return remarks.slice(0, rows >= roomy ? most : 1);
}
