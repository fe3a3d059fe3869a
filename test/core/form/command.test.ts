/**
 * What the form shows as its command must do the same: each command goes through a real shell and the program's own
 * flags, and must come out as the form's configuration.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addRunOptions, configFromFlags } from '../../../src/cli/run.js';
import { mergeConfigs, type PartialConfig } from '../../../src/core/config/partial.js';
import { type Config, configSchema } from '../../../src/core/config/schema.js';
import { configText, headlessCommand } from '../../../src/core/form/command.js';
import { type PathContext, type SettingsFile, draftOf, settledConfig } from '../../../src/core/form/draft.js';
import type { Values } from '../../../src/core/form/fields.js';
import { temporaryDirectories } from '../../temporary.js';
import { readConfigFile } from '../../../src/io/configFile.js';
import { shellQuote } from '../../../src/core/shell.js';

const temporary = temporaryDirectories();
const place: PathContext = { cwd: process.cwd(), home: '/home/ann' };
const required = {
  model: '/models/a policy',
  reward: "hf:/models/o'reward",
  prompts: path.join(process.cwd(), 'p.jsonl'),
  held_out: '/home/ann/h.jsonl',
};

function file(config: PartialConfig): SettingsFile {
  const where = path.join(temporary(), 'settings.json');
  writeFileSync(where, JSON.stringify(config));
  return { path: where, config: readConfigFile(where) };
}

/** The words as a shell makes them, where ~ is `home`. */
function shellWords(command: string): string[] {
  const script = `for word in ${command}; do printf '%s\\0' "$word"; done`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { HOME: place.home } })
    .split('\0')
    .slice(0, -1);
}

/** What `brevity auto` would make of the command. */
function configOf(command: string, example: SettingsFile | null = null): { directory: string; config: Config } {
  const [program, auto, ...words] = shellWords(command);
  expect([program, auto]).toEqual(['brevity', 'auto']);
  const parser = addRunOptions(new Command()).argument('<run>').exitOverride();
  parser.parse(words, { from: 'user' });
  const options = parser.opts<Record<string, unknown>>();
  const base = options.config === undefined ? (example?.config ?? {}) : readConfigFile(String(options.config));
  return { directory: parser.args[0], config: configSchema.parse(mergeConfigs(base, configFromFlags(options))) };
}

function formWith(base: PartialConfig, of: SettingsFile | null, changes: Partial<Values>): Config {
  const draft = draftOf({ config: base, file: of, name: '' }, 'runs/x', place);
  const config = settledConfig({ ...draft, values: { ...draft.values, ...changes } }, place);
  if (config === null) throw new Error('these values are no configuration');
  return config;
}

function commandOf(directory: string, config: Config, of: SettingsFile | null, example: string | null = null): string {
  const told = headlessCommand(path.resolve(place.cwd, directory), config, of, place, example);
  if ('needsFile' in told) throw new Error(`needs a file for ${told.needsFile.join()}`);
  return told.command;
}

describe('headlessCommand', () => {
  it.each<[string, Partial<Values>]>([
    ['nothing', {}],
    [
      'numbers',
      { alpha: '0.5', beta: '0.25', lr: '5e-5', samples_per_prompt: '8', temperature: '1', max_new_tokens: '9' },
    ],
    ['paths with blanks and quotes', { model: "/models/it's new", prompts: '$HOME/*.jsonl', held_out: '~/h h.jsonl' }],
    ['a weighted reward', { reward: '0.5*hf:~/r+0.5*module:rewards/short.mjs' }],
    ['a server', { reward: 'http://127.0.0.1:8000/classify?model=1&tokenizer=/2' }],
    ['an adapter', { trains: 'LoRA adapter', lora_rank: '4' }],
    ['a backend', { backend: 'wasm' }],
    ['a precision', { backend: 'cuda', precision: 'tf32' }],
  ])('with %s changed: flags alone, or a file with flags, come out as the form', (_name, changes) => {
    const flags = formWith(required, null, changes);
    expect(configOf(commandOf('runs/x', flags, null)).config).toEqual(flags);

    const settings = file({ ...required, dpo: { alpha: 0.3 }, update: { decay: 'all', lora: { rank: 2, alpha: 5 } } });
    const withFile = formWith(settings.config, settings, changes);
    const { config, directory } = configOf(commandOf('runs/x', withFile, settings));
    expect(config).toEqual(withFile);
    expect(directory).toBe('runs/x');
  });

  it.each<[string, object]>([
    [
      'sampling servers',
      {
        sampling: {
          server: {
            ...{ endpoints: ['http://a:1', 'https://b/x'], kind: 'vllm', weights: 'restart', key_variable: 'A_KEY' },
            ...{ restart: `${process.cwd()}/r.sh {endpoint} '{weights}'`, concurrency: 9, retries: 1, probes: 3 },
            ...{ tolerance: 0.2, timeout_seconds: 7, startup_seconds: 8, paths: ['/a=/b', '/c=/d'] },
          },
        },
      },
    ],
    [
      'a job',
      {
        update: { job: { launcher: 'slurm', setup: ['module load a,b', 'x'], sbatch: ['--time=1'], poll_seconds: 2 } },
      },
    ],
  ])('with %s: flags, and a file, come out as the form', (_name, changes) => {
    const config = configSchema.parse({ ...required, ...changes });
    expect(configOf(commandOf('runs/x', config, null)).config).toEqual(config);
    const where = path.join(temporary(), 'saved.json');
    writeFileSync(where, configText(config, path.dirname(where)));
    expect(configSchema.parse(readConfigFile(where))).toEqual(config);
    // What a file names needs permission.
    const settings = file({ ...required, ...changes });
    expect(commandOf('runs/x', config, settings)).toMatch(
      'sampling' in changes
        ? /--trust sampling\.server\.restart$/
        : /--trust update\.job\.setup --trust update\.job\.sbatch$/,
    );
  });

  it('names only what differs', () => {
    const settings = file({ ...required, dpo: { alpha: 0.3 } });
    expect(commandOf('runs/x', formWith(settings.config, settings, {}), settings)).toBe(
      `brevity auto runs/x --config ${settings.path}`,
    );
    expect(commandOf('runs/x', formWith(settings.config, settings, { alpha: '0.1' }), settings)).toBe(
      `brevity auto runs/x --config ${settings.path} --alpha 0.1`,
    );
  });

  it('leaves the bundled example unnamed where the directory says it already', () => {
    const example = file({ ...required, dpo: { alpha: 0.08 } });
    const config = formWith(example.config, example, { alpha: '0.1' });
    const short = commandOf('runs/example-2', config, example, example.path);
    expect(short).toBe('brevity auto runs/example-2 --alpha 0.1');
    expect(configOf(short, example).config).toEqual(config);
    expect(commandOf('runs/mine', config, example, example.path)).toContain(`--config ${example.path}`);
    // `brevity auto example --model …` would not take the example's other settings.
    const other = formWith(example.config, example, { model: '/models/other' });
    expect(configOf(commandOf('example', other, example, example.path)).config).toEqual(other);
  });

  it('says which settings have no flag', () => {
    const config = configSchema.parse({ ...required, evaluation: { probes: 1 }, update: { adam_beta1: 0.8 } });
    expect(headlessCommand('/runs/x', config, null, place, null)).toEqual({
      needsFile: ['update.adam_beta1', 'evaluation.probes'],
    });
  });

  it('does not lean on a file that is refused as it stands', () => {
    const settings = file({ ...required, dpo: { alpha: -1 } });
    const config = formWith(settings.config, settings, { alpha: '0.1' });
    const command = commandOf('runs/x', config, settings);
    expect(command).not.toContain('--config');
    expect(configOf(command).config).toEqual(config);
  });

  it('a directory that begins with a dash is no flag', () => {
    const config = formWith(required, null, {});
    expect(configOf(commandOf('-odd', config, null)).directory).toBe('./-odd');
  });
});

describe('configText', () => {
  it('is a file that gives the same configuration wherever it lies, with what is the default left out', () => {
    const folder = temporary();
    const changes = { alpha: '0.5', trains: 'LoRA adapter', lora_rank: '4', model: path.join(folder, 'policy') };
    const config = formWith({ ...required, sampling: { raw: true }, update: { decay: 'all' } }, null, changes);
    const text = configText(config, folder);
    const where = path.join(folder, 'run.json');
    writeFileSync(where, text);
    expect(configSchema.parse(readConfigFile(where))).toEqual(config);
    const json = JSON.parse(text) as Record<string, object>;
    expect(json.model).toBe('./policy');
    expect(json.dpo).toEqual({ alpha: 0.5 });
    expect(Object.keys(json)).not.toContain('rewards');
  });
});

it.each(['', 'plain', 'a b', "it's", '$HOME', '~/x y', '`rm`', 'a\nb', '*', '!x'])(
  'shellQuote(%j) is one word',
  (word) => {
    expect(shellWords(shellQuote(word))).toEqual([word.replace(/^~\//, '/home/ann/')]);
  },
);
