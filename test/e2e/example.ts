/** A run of the bundled example in a terminal, with fewer prompts and shorter answers, which keep it quick. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lockHolder } from '../../src/io/lock.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, type TerminalOptions } from './terminal.js';

const data = new URL('../../data/', import.meta.url).pathname;

/** The first lines of a file of the example, in a file of `folder`. */
export function exampleLines(folder: string, name: string, lines: number): string {
  const file = path.join(folder, name);
  writeFileSync(file, readFileSync(path.join(data, name), 'utf8').split('\n').slice(0, lines).join('\n') + '\n');
  return file;
}

export interface ExampleSettings {
  prompts: number;
  heldOut: number;
  samples: number;
  maxNewTokens: number;
  /** Pairs per step. */
  batch: number;
}

export class ExampleRun {
  readonly home = temporaryFolder();
  readonly directory = path.join(this.home, 'run');
  terminal: TestTerminal;

  /** @param more sections of the configuration that replace the example's */
  constructor(settings: ExampleSettings, options: TerminalOptions = {}, more: object = {}) {
    const { prompts, heldOut, samples, maxNewTokens, batch } = settings;
    const config = path.join(this.home, 'config.json');
    const example = JSON.parse(readFileSync(path.join(data, 'example.json'), 'utf8')) as object;
    writeFileSync(
      config,
      JSON.stringify({
        ...example,
        model: path.join(data, 'base-policy'),
        reward: `hf:${path.join(data, 'reward-model')}`,
        evaluation: { metric: [path.join(data, 'correct.mjs')] },
        prompts: exampleLines(this.home, 'prompts.jsonl', prompts),
        held_out: exampleLines(this.home, 'held-out.jsonl', heldOut),
        sampling: { samples_per_prompt: samples, max_new_tokens: maxNewTokens, batch_size: 32 },
        update: { lr: 1e-4, batch_size: batch, micro_batch: batch },
        ...more,
      }),
    );
    this.terminal = new TestTerminal([`${dist}cli.js`, this.directory, '--config', config], options);
  }

  /** Opens another terminal on the run, once the first one has ended. */
  attach(): TestTerminal {
    return (this.terminal = new TestTerminal([`${dist}cli.js`, this.directory]));
  }

  /** Ends the terminal and the engine, and removes the run. */
  remove(): void {
    this.terminal.kill();
    const holder = lockHolder(this.directory);
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }
}
