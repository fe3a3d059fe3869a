/**
 * Finds a Python that can run trainer/: its path, the versions of its packages, and the GPUs that PyTorch sees. The
 * Python itself imports PyTorch, in a process that ends with this one; its output is untrusted.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../core/errors.js';
import { plainText } from '../../core/sanitize.js';
import { packageNames, type PythonFacts, type PythonSearch, trainerProblem } from '../../core/form/python.js';

const above = path.resolve(import.meta.dirname, '../../..');
/** Folder of the package brevity_trainer: beside src/, and beside dist/ once this file is built. */
export const trainerFolder = path.join(path.basename(above) === 'dist' ? path.dirname(above) : above, 'trainer');

// A first import of PyTorch from a network file system takes tens of seconds.
const timeoutMs = 60_000;

/** Imports torch only if it is installed. The thread ends the process when the parent is gone. */
const script = `
import json, os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(9)), daemon=True).start()
from importlib import metadata
def version(name):
    try: return metadata.version(name)
    except Exception: return None
facts = {"version": ".".join(map(str, sys.version_info[:3])), "packages": {}, "gpus": [], "trainer": None, "problem": None}
for name in ${JSON.stringify(packageNames)}:
    facts["packages"][name] = version(name)
try:
    if facts["packages"]["torch"]:
        import torch
        for i in range(torch.cuda.device_count()):
            p = torch.cuda.get_device_properties(i)
            facts["gpus"].append({"name": p.name, "memory_mb": p.total_memory / 2**20})
    import brevity_trainer
    facts["trainer"] = brevity_trainer.__version__
except BaseException as error:
    facts["problem"] = type(error).__name__ + ": " + str(error)
print("\\n" + json.dumps(facts), flush=True)
os._exit(0)
`;

const text = z
  .string()
  .max(4096)
  .transform((value) => plainText(value).trim());
const factsSchema = z.object({
  version: text,
  packages: z.object({
    torch: text.nullable(),
    transformers: text.nullable(),
    accelerate: text.nullable(),
    peft: text.nullable(),
  }),
  gpus: z.array(z.object({ name: text, memory_mb: z.number() })).max(1024),
  trainer: text.nullable(),
  problem: text.nullable(),
});

/**
 * Programs to try, in order of preference: $BREVITY_PYTHON alone if it is set, else those of the active virtual
 * environment and Conda environment, then python3 and python on the PATH. Missing ones are omitted.
 */
export function pythonCandidates(env: NodeJS.ProcessEnv): string[] {
  const own = env['BREVITY_PYTHON'];
  if (own !== undefined && own !== '') return [own.includes('/') ? path.resolve(own) : (onPath(own, env) ?? own)];
  const inside = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']]
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => path.join(folder as string, 'bin', 'python'));
  const found = ['python3', 'python'].map((name) => onPath(name, env));
  return [...new Set([...inside, ...found].filter((program) => program !== null && isProgram(program)))] as string[];
}

/** The absolute path of a program; null if no folder of the PATH has it. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    if (folder === '') continue;
    const file = path.resolve(folder, name);
    if (isProgram(file)) return file;
  }
  return null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Queries one Python.
 *
 * @returns its facts, or a sentence on why it gave none
 */
export function askPython(program: string, env: NodeJS.ProcessEnv): Promise<PythonFacts | string> {
  const paths = [trainerFolder, ...(env['PYTHONPATH'] ?? '').split(path.delimiter)].filter((folder) => folder !== '');
  const options = {
    env: { ...env, PYTHONPATH: paths.join(path.delimiter), PYTHONDONTWRITEBYTECODE: '1' },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 20,
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, ['-c', script], options, (error, stdout, stderr) => {
      const facts = parsedFacts(stdout);
      if (facts !== null) return resolve({ program, trainer_folder: trainerFolder, ...facts });
      if (error?.killed === true) return resolve(`it gave no answer within ${timeoutMs / 1000} s`);
      const last = plainText(stderr).trim().slice(-300);
      const why =
        last !== '' ? last : error === null ? 'it printed no facts' : plainText(messageOf(error)).slice(0, 300);
      resolve(`it could not be asked: ${why}`);
    });
    // The pipe stays open until this process ends; ignore the error if the Python has already ended.
    child.stdin?.on('error', () => {});
  });
}

function parsedFacts(stdout: string): Omit<PythonFacts, 'program' | 'trainer_folder'> | null {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return factsSchema.parse(JSON.parse(last));
  } catch {
    return null;
  }
}

/** The first Python that can run the trainer, else the first with PyTorch, else the first that answers. */
export async function findPython(env: NodeJS.ProcessEnv): Promise<PythonSearch> {
  const passed: PythonSearch['passed'] = [];
  const answers: PythonFacts[] = [];
  for (const program of pythonCandidates(env)) {
    const answer = await askPython(program, env);
    if (typeof answer === 'string') {
      passed.push({ program, reason: answer });
      continue;
    }
    answers.push(answer);
    if (trainerProblem(answer) === null) break;
  }
  const found =
    answers.find((facts) => trainerProblem(facts) === null) ??
    answers.find(({ packages }) => packages.torch !== null) ??
    answers.at(0) ??
    null;
  for (const facts of answers)
    if (facts !== found) passed.push({ program: facts.program, reason: trainerProblem(facts) ?? 'another is used' });
  return { found, passed };
}
