/**
 * `npm run test:trackers`: reads back what Brevity wrote with TensorBoard, trackio and W&B, in the Python of
 * BREVITY_PYTHON or python3. Without the packages it is skipped, unless BREVITY_PYTHON names a Python that has to have them.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const named = process.env.BREVITY_PYTHON;
const python = named || 'python3';
const code = `import importlib.util as u; print(*[m for m in ['tensorboard', 'trackio', 'wandb'] if u.find_spec(m) is None])`;
const found = spawnSync(python, ['-c', code], { encoding: 'utf8' });
const missing = found.status === 0 ? found.stdout.trim() : 'a Python that starts';
if (missing !== '') {
  const sentence = `${python} lacks ${missing.replaceAll(' ', ', ')}`;
  if (named) console.error(`test:trackers: ${sentence}; install what is missing, or unset BREVITY_PYTHON`);
  else console.log(`test:trackers: skipped, as ${sentence}; BREVITY_PYTHON names another Python`);
  process.exit(named ? 1 : 0);
}
const tests = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'wasm', 'test/run/trackers/real.test.ts', ...process.argv.slice(2)],
  {
    cwd: path.resolve(import.meta.dirname, '..'),
    env: { ...process.env, BREVITY_PYTHON: python, BREVITY_TRACKERS: '1' },
    stdio: 'inherit',
  },
);
process.exit(tests.status ?? 1);
