/**
 * `npm run test:trainer`: the tests of trainer/, with the Python of BREVITY_PYTHON or python3. Without PyTorch they are
 * skipped, unless BREVITY_PYTHON names a Python that has to have it.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const modules = ['torch', 'transformers', 'accelerate', 'peft', 'safetensors', 'pytest'];
const named = process.env.BREVITY_PYTHON;
const python = named || 'python3';
// find_spec alone: importing them takes seconds.
const code = `import importlib.util as u; print(*[m for m in ${JSON.stringify(modules)} if u.find_spec(m) is None])`;
const found = spawnSync(python, ['-c', code], { encoding: 'utf8' });
const missing = found.status === 0 ? found.stdout.trim() : 'a Python that starts';
if (missing !== '') {
  const sentence = `${python} lacks ${missing.replaceAll(' ', ', ')}`;
  if (named) console.error(`test:trainer: ${sentence}; install what is missing, or unset BREVITY_PYTHON`);
  else console.log(`test:trainer: skipped, as ${sentence}; BREVITY_PYTHON names another Python`);
  process.exit(named ? 1 : 0);
}
const env = { ...process.env };
// Thousands of modules are imported by each process: compiled once, they take a third of the time.
delete env.PYTHONDONTWRITEBYTECODE;
const cwd = path.resolve(import.meta.dirname, '../trainer');
const tests = spawnSync(python, ['-m', 'pytest', '-q', ...process.argv.slice(2)], { cwd, env, stdio: 'inherit' });
process.exit(tests.status ?? 1);
