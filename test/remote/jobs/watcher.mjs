/**
 * The engine's part of an update job in a process of its own, to be killed: `node watcher.mjs RUN`. `RUN/verdict` holds
 * what the person has told it (`stop`, `abort`), `RUN/again` a retry. It prints the result or the error as JSON.
 */
import fs from 'node:fs';
import path from 'node:path';

const dist = new URL('../../../dist/src/', import.meta.url).pathname;
const { updateByJob } = await import(`${dist}run/jobs/watch.js`);
const { Run } = await import(`${dist}run/run.js`);
const directory = process.argv[2];
const run = Run.open(directory);
const word = () => {
  const file = path.join(directory, 'verdict');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : 'go';
};
const jobs = [];
const steps = [];
const context = {
  config: run.config,
  files: run.files,
  round: run.round(1),
  promptCounts: [0],
  again: fs.existsSync(path.join(directory, 'again')),
  control: { point: () => new Promise((resolve) => setImmediate(resolve, word())) },
  permission: () => {},
  report(report) {
    if (report.type === 'job') jobs.push(report.job);
    if (report.type === 'step') steps.push(report.metrics.step);
    if (report.type === 'rewound') steps.splice(0, steps.length, ...report.metrics.map(({ step }) => step));
  },
};
let result;
try {
  result = await updateByJob(context, run.config.update.job);
} catch (error) {
  result = { error: error.message };
}
process.stdout.write(
  JSON.stringify({ ...result, job: jobs.at(-1), reasons: jobs.map(({ reason }) => reason), seen: steps }),
);
