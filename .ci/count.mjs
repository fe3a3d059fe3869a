/** Adds up the reports of all suites: `count.mjs FOLDER FAILED_STEPS`. Its last line is `N passed, N failed`. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [folder, failedSteps] = process.argv.slice(2);

/** @returns counts of a vitest (JSON) or pytest (JUnit XML) report; null if it is missing or damaged */
function read(file) {
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.xml')) {
    const suite = /<testsuite [^>]*>/.exec(text)?.[0] ?? '';
    const count = (name) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1]);
    const [tests, failures, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map(count);
    return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped };
  }
  try {
    const report = JSON.parse(text);
    return {
      passed: report.numPassedTests,
      // A file that cannot be imported has no test that failed.
      failed: Math.max(report.numFailedTests, report.numFailedTestSuites > 0 ? 1 : 0),
      skipped: report.numPendingTests,
    };
  } catch {
    return null;
  }
}

let passed = 0;
let failed = 0;
for (const name of ['test.json', 'long.json', 'trainer.xml', 'trackers.json', 'clusters.json']) {
  const counts = read(path.join(folder, name));
  const suite = path.parse(name).name;
  if (counts === null || !Number.isInteger(counts.passed)) console.log(`${suite}: no report`);
  else {
    const ran = counts.passed + counts.failed;
    console.log(
      `${suite}: ${ran === 0 ? 'skipped' : `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`}`,
    );
    passed += counts.passed;
    failed += counts.failed;
  }
}
failed = Math.max(failed, Number(failedSteps));
// Without the reports of our own suites nothing was tested, however they ended.
if (['test.json', 'long.json'].some((name) => read(path.join(folder, name)) === null)) failed = Math.max(failed, 1);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
