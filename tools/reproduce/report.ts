/** Makes the table and the picture of a reproduction from its results. */
import path from 'node:path';
import { writeFileAtomic } from '../../src/io/durable.js';
import { dataFolder } from './files.js';
import {
  readComplete,
  resultsFolder,
  sameSettings,
  type Candidate,
  type Complete,
  type Run,
  type Settings,
} from './results.js';
import { figures, pool } from './summary.js';
import type { Point } from './tables.js';

/** @param selectFrom what is selected from the validated grid */
export function draw<T>(
  name: string,
  selectFrom: (grid: Candidate[]) => T,
  tableOf: (complete: Complete, selected: T, points: Point[], prompts: number) => string,
  plot: (points: Point[]) => string,
): void {
  const complete = readComplete(name);
  const { points, prompts } = pointsOf(complete);
  const table = tableOf(complete, selectFrom(complete.validated), points, prompts) + failures(complete.runs) + '\n';
  writeFileAtomic(path.join(resultsFolder, `${name}.md`), table, 'user');
  writeFileAtomic(path.resolve(dataFolder, '..', 'docs', `${name}.svg`), plot(points), 'user');
  process.stdout.write(table);
}

/** The base, then every reported setting by round, in the order of the grid. A setting that failed has no points. */
export function pointsOf({ runs, plan }: Complete): { points: Point[]; prompts: number } {
  const { responses } = plan;
  const reported = runs.filter(({ part }) => part === 'report');
  const ran = (settings: Settings) => reported.some((run) => sameSettings(run.settings, settings));
  let prompts = 0;
  const points = [null, ...plan.grid.filter(ran)].flatMap((settings) => {
    const rounds = pool(runs, 'report', settings, responses) ?? [];
    return rounds.map((rows, i): Point => {
      prompts = rows.length;
      const cut = reported
        .filter((run) => sameSettings(run.settings, settings))
        .reduce((total, run) => total + run.rounds[i].cut_off, 0);
      return {
        settings,
        round: settings === null ? 0 : i + 1,
        figures: figures(rows, responses),
        cut_off: (100 * cut) / rows.flat().length,
      };
    });
  });
  return { points, prompts };
}

/** Updates that failed, or nothing. */
function failures(runs: readonly Run[]): string {
  const lines = runs.flatMap(({ part, seed, settings, failed }) =>
    failed === undefined ? [] : [`- ${part}, seed ${seed}, ${JSON.stringify(settings)}: ${failed}`],
  );
  return lines.length === 0 ? '' : `\n\nUpdates that failed:\n\n${lines.join('\n')}`;
}
