/** Runs the suite, prints a line per check, and writes what was measured. */
import { writeFileSync } from 'node:fs';
import { machine } from '../../bench/machine.js';
import { checks, type Figures, type SuiteOptions } from './suite.js';

export interface ReportOptions {
  /** JSON file for the results; null: none. */
  out: string | null;
  /** What the results file says of the server. */
  about: Figures;
}

/** @returns whether every check passed */
export async function runSuite(options: SuiteOptions, { out, about }: ReportOptions): Promise<boolean> {
  const results: { name: string; outcome: 'passed' | 'failed'; seconds: number; figures?: Figures; error?: string }[] =
    [];
  for (const { name, run } of checks(options)) {
    const started = performance.now();
    const seconds = (): number => Math.round(performance.now() - started) / 1000;
    try {
      const figures = await run();
      results.push({ name, outcome: 'passed', seconds: seconds(), figures });
      console.log(`ok     ${name} (${seconds()} s) ${JSON.stringify(figures)}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      results.push({ name, outcome: 'failed', seconds: seconds(), error: message });
      console.log(`FAILED ${name} (${seconds()} s): ${error instanceof Error ? error.stack : message}`);
    }
  }
  const failed = results.filter(({ outcome }) => outcome === 'failed').length;
  console.log(`${results.length - failed} of ${results.length} checks passed`);
  if (out !== null) {
    // Addresses and folders of this machine say nothing to a reader.
    const plain = JSON.stringify({ machine: machine(), server: about, checks: results }, null, 2)
      .replaceAll(options.work, 'WORK')
      .replaceAll(options.policy, 'POLICY')
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
    writeFileSync(out, `${plain}\n`);
  }
  return failed === 0;
}
