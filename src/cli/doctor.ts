/** `brevity doctor`: reports what this machine can run, and what prevents more. */
import { Command } from 'commander';
import { examples } from './options.js';
import { messageOf } from '../core/errors.js';
import { jsonLine, print } from '../io/print.js';
import { askVersion } from '../run/preflight/environment.js';
import { surveyMachine } from '../run/preflight/machine.js';
import { findPython, onPath } from '../run/preflight/python.js';
import { gpusInWords, type PythonSearch, trainerCommand, trainerProblem } from '../core/form/python.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show what this machine can do: backends and why they are not used, PyTorch, schedulers, memory, GPU')
    .option('--json', 'one JSON object instead of text', false)
    .addHelpText('after', examples('doctor'))
    .action(async (options) => {
      const machine = await surveyMachine(true);
      const python = await findPython(process.env);
      const report = {
        ...machine,
        gpu: machine.gpu ?? 'none found (no NVIDIA driver)',
        python,
        slurm: await versionOf('sbatch'),
        ray: await versionOf('ray'),
        recommended_job: recommended(python),
      };
      if (options.json) {
        print(jsonLine(report));
        return;
      }
      const lines = [
        ['Node', `${report.node}, ${report.platform}`],
        ['Processor', `${[report.processor, `${report.cores} cores`, report.instructions ?? []].flat().join(', ')}`],
        ['Memory', `${report.memory_gb} GiB, ${report.memory_free_gb} GiB free`],
        ['GPU', report.gpu],
        ...report.backends.map(({ name, usable, detail }) => [
          `Backend ${name}`,
          `${name === report.backend ? 'used' : usable ? 'usable' : 'not usable'}: ${detail}`,
        ]),
        ['Fastest', `${report.fastest.name}: ${report.fastest.why}`],
        ...pythonLines(python),
        ['Slurm', report.slurm ?? 'not found: no sbatch on the path'],
        ['Ray', report.ray ?? 'not found: no ray on the path (a cluster elsewhere needs only its address)'],
        ...adviceLines(python),
      ];
      for (const [name, text] of lines) print(`${name.padEnd(20)} ${text}\n`);
    });
}

/** The first line of `NAME --version` and the program's path; null if it is not on the PATH. */
async function versionOf(name: string): Promise<string | null> {
  const program = onPath(name, process.env);
  if (program === null) return null;
  return askVersion(program).then(
    (version) => `${version} (${program})`,
    (error: unknown) => `${program} gives no version: ${messageOf(error)}`,
  );
}

function pythonLines({ found, passed }: PythonSearch): string[][] {
  if (found === null)
    return [
      [
        'Python',
        passed.length === 0 ? 'none found' : passed.map(({ program, reason }) => `${program}: ${reason}`).join('; '),
      ],
    ];
  const { packages, gpus, trainer, problem } = found;
  const version = (value: string | null): string => value ?? 'not installed';
  return [
    ['Python', `${found.version} (${found.program})`],
    ['PyTorch', version(packages.torch)],
    ['transformers', version(packages.transformers)],
    ['accelerate', version(packages.accelerate)],
    ['PEFT', packages.peft ?? 'not installed: needed for LoRA'],
    ...(packages.torch === null ? [] : [['GPUs in PyTorch', gpus.length === 0 ? 'none' : gpusInWords(gpus)]]),
    ['brevity_trainer', trainer ?? `cannot be imported: ${problem ?? 'no reason given'}`],
  ];
}

/** The job command for the GPUs that PyTorch sees; null without a GPU or if the trainer cannot run. */
function recommended({ found }: PythonSearch): string | null {
  if (found === null || found.gpus.length === 0 || trainerProblem(found) !== null) return null;
  return trainerCommand(found);
}

function adviceLines(python: PythonSearch): string[][] {
  const { found } = python;
  const command = recommended(python);
  if (found !== null && command !== null)
    return [
      ['Recommended', `updates with PyTorch on ${gpusInWords(found.gpus)}: in the form of a new run choose it`],
      ['', 'under "updates on", or set in a configuration file:'],
      ['', `"update": {"job": {"launcher": "process", "command": ${JSON.stringify(command)}}}`],
    ];
  const seen = found?.gpus.length ?? 0;
  const why = found === null ? null : trainerProblem(found);
  if (found !== null && seen > 0 && why !== null)
    return [
      ['Recommended', `PyTorch sees ${gpusInWords(found.gpus)}, but ${found.program} cannot run the trainer: ${why}`],
    ];
  return [];
}
