/**
 * An executor that computes nothing: `node fakeExecutor.mjs DIR [SECONDS]`. It follows the contract of docs/jobs.md with
 * four steps, and appends its attempt to `executions` beside the job's folder.
 */
import fs from 'node:fs';
import path from 'node:path';

const [dir, seconds = '0'] = process.argv.slice(2);
const at = (name) => path.join(dir, name);
const attempt = Number(process.env.BREVITY_JOB_ATTEMPT);
const replace = (name, text) => {
  fs.writeFileSync(at(`${name}.new`), text);
  fs.renameSync(at(`${name}.new`), at(name));
};
try {
  fs.mkdirSync(at(`launch/claim-${attempt}`));
} catch {
  console.log('taken');
  process.exit(3);
}
fs.appendFileSync(path.join(dir, '../executions'), `${attempt} ${process.pid}\n`);
process.on('SIGTERM', () => process.exit(143));
const started = new Date().toISOString();
const status = (state, done) =>
  replace(
    'status.json',
    JSON.stringify({
      ...{ state, done, total: 4, host: 'node1', pid: process.pid, processes: 1, device: 'cpu' },
      ...{ executor: 'fake 1', attempt, started, updated: new Date().toISOString(), z_error: 0 },
    }),
  );
const finish = (outcome, steps, message = null) =>
  replace(
    'done.json',
    JSON.stringify({
      ...{
        version: 1,
        outcome,
        steps,
        message,
        executor: 'fake 1',
        seconds: 1,
        memory_mb: 1,
        z_error: 0,
        probes: null,
      },
    }),
  );
const row = (step) => ({
  ...{ step, total_steps: 4, epoch: 1, loss: 1 / step, grad_norm: 1, learning_rate: 1e-4 },
  ...{ 'rewards/chosen': 0, 'rewards/rejected': 0, 'rewards/margins': 0, 'rewards/accuracies': 0.5 },
  ...{ 'logps/chosen': -1, 'logps/rejected': -1, 'lengths/chosen': 1, 'lengths/rejected': 1, 'lengths/margin': 0 },
  ...{ 'weights/mean': 0.5, tokens: 1, tokens_per_second: 1, micro_batch: 1, memory_mb: 1 },
});
status('loading', 0);
const checkpoint = at('checkpoint/step');
let step = fs.existsSync(checkpoint) ? Number(fs.readFileSync(checkpoint, 'utf8')) : 0;
replace('metrics.jsonl', Array.from({ length: step }, (_, i) => JSON.stringify(row(i + 1)) + '\n').join(''));
status('training', step);
let outcome = 'done';
while (step < 4) {
  const control = fs.existsSync(at('control')) ? fs.readFileSync(at('control'), 'utf8').trim() : '';
  if (control !== '') {
    outcome = control === 'stop' ? 'stopped' : 'aborted';
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 250));
  step++;
  fs.appendFileSync(at('metrics.jsonl'), JSON.stringify(row(step)) + '\n');
  fs.mkdirSync(at('checkpoint'), { recursive: true });
  replace('checkpoint/step', String(step));
  status('training', step);
}
if (outcome !== 'aborted') {
  fs.mkdirSync(at('policy'));
  fs.writeFileSync(at('policy/config.json'), '{}');
  fs.writeFileSync(at('policy/model.safetensors'), `after ${step} steps`);
}
finish(outcome, step);
console.log(`${outcome} after ${step} steps`);
