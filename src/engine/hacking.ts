/** Signs of reward hacking in the run's rounds, counted when somebody asks for them, once for each round. */
import { UserError } from '../errors.js';
import { streamReview } from '../rounds/reviewFiles.js';
import { type HackingReport, hackingReport } from '../review/hacking.js';
import { type LengthBias, lengthBias } from '../review/lengthBias.js';
import type { ReviewRow } from '../review/rows.js';
import type { Run } from '../store/run.js';

export class HackingReports {
  private readonly reports = new Map<number, Promise<HackingReport>>();
  private readonly lengths = new Map<number, Promise<LengthBias>>();

  constructor(private readonly run: Run) {}

  /**
   * @param known the round's rows where they are at hand
   * @throws UserError where the round is not scored yet
   */
  report(round: number, known: readonly ReviewRow[] | null): Promise<HackingReport> {
    return remembered(this.reports, round, () => this.count(round, known));
  }

  private async count(round: number, known: readonly ReviewRow[] | null): Promise<HackingReport> {
    const before: HackingReport['rounds'] = [];
    for (const { id } of this.run.branch(round)) {
      if (id === round) continue;
      const length = await remembered(this.lengths, id, () => lengthBias(streamReview(this.run.files, id)));
      // An earlier Brevity kept no rows.
      if (length.responses > 0) before.push({ round: id, length });
    }
    const rows = known ?? (await collected(streamReview(this.run.files, round)));
    if (rows.length === 0) throw new UserError(`round ${round} has no scored prompts yet`);
    return hackingReport(round, rows, before, true);
  }
}

async function collected<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** What failed is tried again at the next question. */
function remembered<T>(kept: Map<number, Promise<T>>, round: number, make: () => Promise<T>): Promise<T> {
  let found = kept.get(round);
  if (found === undefined) {
    found = make();
    kept.set(round, found);
    found.catch(() => kept.delete(round));
  }
  return found;
}
