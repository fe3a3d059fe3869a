import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { askPython, findPython, pythonCandidates, trainerFolder } from '../../../src/run/preflight/python.js';
import { temporaryDirectories } from '../../temporary.js';
import { fakePython, gpuFacts, standIn } from './pythons.js';
import { trainerProblem } from '../../../src/core/form/python.js';

const temporary = temporaryDirectories();
let folder = '';
beforeEach(() => {
  folder = temporary();
});

const at = (name: string): string => path.join(folder, name);
/** Only the shell's own programs beside what a test makes. */
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ PATH: `${at('bin')}:/usr/bin:/bin`, ...more });

describe('the candidates', () => {
  it('are those of the environments, then of the path', () => {
    const venv = fakePython(at('venv/bin'), 'python');
    const conda = fakePython(at('conda/bin'), 'python');
    const python3 = fakePython(at('bin'), 'python3');
    const found = pythonCandidates(env({ VIRTUAL_ENV: at('venv'), CONDA_PREFIX: at('conda') }));
    expect(found.slice(0, 3)).toEqual([venv, conda, python3]);
    expect(pythonCandidates(env({ VIRTUAL_ENV: at('gone') }))[0]).toBe(python3);
  });

  it('are $BREVITY_PYTHON alone if it is set', () => {
    const own = fakePython(at('own'), 'python');
    fakePython(at('bin'), 'python3');
    expect(pythonCandidates(env({ BREVITY_PYTHON: own }))).toEqual([own]);
  });
});

describe('asking a Python', () => {
  it('gives versions, GPUs as PyTorch sees them and the trainer, past whatever else it prints', async () => {
    const program = fakePython(at('bin'), 'python3');
    expect(await askPython(program, env())).toEqual({ program, trainer_folder: trainerFolder, ...gpuFacts });
  });

  it('puts trainer/ on its path, before what is there', async () => {
    const program = standIn(
      at('bin'),
      'python3',
      `echo "{\\"version\\":\\"$PYTHONPATH\\",${JSON.stringify({ ...gpuFacts, version: undefined })
        .slice(1)
        .replaceAll('"', '\\"')}"`,
    );
    expect(await askPython(program, env({ PYTHONPATH: '/mine' }))).toMatchObject({ version: `${trainerFolder}:/mine` });
  });

  it('says in one sentence why there is no answer', async () => {
    const failing = standIn(at('bin'), 'python3', 'echo "Traceback\\033[31m" >&2; exit 1');
    expect(await askPython(failing, env())).toMatch(/^it could not be asked: Traceback/);
    const lying = standIn(at('bin'), 'python', 'echo "{\\"version\\": 3}"');
    expect(await askPython(lying, env())).toMatch(/^it could not be asked: /);
  });

  it('takes nothing that could harm the terminal from it', async () => {
    const program = fakePython(at('bin'), 'python3', { ...gpuFacts, gpus: [{ name: 'evil\x1b[2J', memory_mb: 1 }] });
    const facts = await askPython(program, env());
    expect(JSON.stringify(facts)).not.toMatch(/\\u001b/);
  });

  it('works with the real one of this machine', async ({ skip }) => {
    const real = pythonCandidates(process.env).at(-1);
    if (real === undefined) return skip('no Python here');
    const facts = await askPython(real, process.env);
    expect(facts).toMatchObject({ program: real, version: expect.stringMatching(/^3\./) });
  }, 60_000);
});

describe('the search', () => {
  it('takes the first that can run the trainer, and says why others were passed over', async () => {
    const bare = { ...gpuFacts, packages: { ...gpuFacts.packages, torch: null }, gpus: [], trainer: null };
    fakePython(at('venv/bin'), 'python', bare);
    const good = fakePython(at('bin'), 'python3');
    const { found, passed } = await findPython(env({ VIRTUAL_ENV: at('venv') }));
    expect(found?.program).toBe(good);
    expect(passed).toEqual([{ program: at('venv/bin/python'), reason: 'it has no torch' }]);
  });

  it('keeps one with PyTorch that lacks the rest, to say what is missing', async () => {
    const lacking = { ...gpuFacts, packages: { ...gpuFacts.packages, accelerate: null }, trainer: null };
    const own = fakePython(at('own'), 'python', lacking);
    const { found } = await findPython(env({ BREVITY_PYTHON: own }));
    expect(found && trainerProblem(found)).toBe('it has no accelerate');
  });
});
