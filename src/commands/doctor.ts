/** `brevity doctor`: what this machine can do, and why not more. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { Command } from 'commander';
import { surveyBackends } from '../tensor/backend.js';
import { examples } from './options.js';
import { jsonLine, print } from '../print.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show what this machine can do: backends and why they are not used, memory, cores, GPU, Node')
    .option('--json', 'one JSON object instead of text', false)
    .addHelpText('after', examples('doctor'))
    .action(async (options) => {
      const backends = await surveyBackends();
      const report = {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        processor: cpus()[0]?.model.trim() ?? 'unknown',
        cores: availableParallelism(),
        memory_gb: round(totalmem() / 2 ** 30),
        memory_free_gb: round(freemem() / 2 ** 30),
        gpu: gpu(),
        backend: backends.find(({ usable, automatic }) => usable && automatic)?.name ?? null,
        backends,
      };
      if (options.json) {
        print(jsonLine(report));
        return;
      }
      const lines = [
        ['Node', `${report.node}, ${report.platform}`],
        ['Processor', `${report.processor}, ${report.cores} cores`],
        ['Memory', `${report.memory_gb} GiB, ${report.memory_free_gb} GiB free`],
        ['GPU', report.gpu],
        ...backends.map(({ name, usable, detail }) => [
          `Backend ${name}`,
          `${name === report.backend ? 'used' : usable ? 'usable' : 'not usable'}: ${detail}`,
        ]),
      ];
      for (const [name, text] of lines) print(`${name.padEnd(20)} ${text}\n`);
    });
}

const round = (value: number) => Math.round(value * 10) / 10;

function gpu(): string {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', query, { encoding: 'utf8', timeout: 10_000, stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .replaceAll('\n', '; ');
  } catch {
    return existsSync('/proc/driver/nvidia')
      ? 'an NVIDIA driver is loaded and nvidia-smi gives no answer'
      : 'none found (no NVIDIA driver)';
  }
}
