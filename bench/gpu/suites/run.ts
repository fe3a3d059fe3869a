/**
 * Runs bundled test files without vitest: `node run.js [--collect] FILE …`, files beside this one. Prints a line for
 * each failure and at the end one JSON line (Counts). Fails if a test failed or was skipped, or if a file has no tests.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type File,
  type Suite,
  type Task,
  type Test,
  type VitestRunner,
  type VitestRunnerConfig,
  collectTests,
  startTests,
} from '@vitest/runner';

export interface Counts {
  passed: number;
  failed: number;
  /** Tests that were marked to be skipped, or not reached. */
  left: number;
}

const config: VitestRunnerConfig = {
  root: import.meta.dirname,
  setupFiles: [],
  passWithNoTests: false,
  allowOnly: false,
  sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
  maxConcurrency: 1,
  testTimeout: Number(process.env.BREVITY_TEST_TIMEOUT ?? 60_000),
  hookTimeout: Number(process.env.BREVITY_TEST_TIMEOUT ?? 120_000),
  retry: 0,
};

const runner: VitestRunner = {
  config,
  importFile: (file) => import(pathToFileURL(file).href) as Promise<unknown>,
};

const testsOf = (task: Task): Test[] => (task.type === 'test' ? [task] : task.tasks.flatMap(testsOf));
const suitesOf = (task: Task): Suite[] => (task.type === 'test' ? [] : [task, ...task.tasks.flatMap(suitesOf)]);

function fullName(task: Task): string {
  return task.suite === undefined ? task.name : `${fullName(task.suite)} > ${task.name}`;
}

/** Failures of hooks, and errors while a file is read, belong to a suite itself. */
function counted(files: File[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, left: 0 };
  const failed = (task: Task) => {
    counts.failed++;
    const said = task.result?.errors?.map(({ message, stack }) => stack ?? message).join('\n') ?? 'failed';
    console.log(`FAILED ${fullName(task)}\n${said}`);
  };
  for (const file of files) {
    for (const suite of suitesOf(file)) if ((suite.result?.errors?.length ?? 0) > 0) failed(suite);
    const tests = testsOf(file);
    if (tests.length === 0) console.log(`FAILED ${file.name} has no tests`);
    if (tests.length === 0) counts.failed++;
    for (const test of tests) {
      if (test.result?.state === 'pass') counts.passed++;
      else if (test.result?.state === 'fail') failed(test);
      else counts.left++;
    }
  }
  return counts;
}

const given = process.argv.slice(2);
const collect = given[0] === '--collect';
const files = (collect ? given.slice(1) : given).map((name) => path.join(import.meta.dirname, name));
const done = await (collect ? collectTests(files, runner) : startTests(files, runner));
const counts = counted(done);
console.log(JSON.stringify(counts));
process.exit(counts.failed > 0 || (counts.left > 0 && !collect) || files.length === 0 ? 1 : 0);
