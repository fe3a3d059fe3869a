/** The completion scripts in real shells: bash always, zsh and fish where they are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { allCommands } from '../../src/cli/commands.js';
import { visibleOptions } from '../../src/cli/definitions.js';
import { objectiveNames } from '../../src/core/objectives/index.js';
import { temporaryDirectories } from '../temporary.js';
import { TestTerminal } from '../e2e/terminal.js';
import { brevity } from './cli.js';

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const fresh = temporaryDirectories();
const all = await allCommands();
const commandNames = all.map(({ name }) => name).filter((name) => name !== '');
const optionsOf = (of: string): string[] =>
  visibleOptions(all.find(({ name }) => name === of)?.command ?? all[0].command).flatMap(({ short, long }) =>
    [short, long].flatMap((name) => name ?? []),
  );

let folder = '';
let scripts: Record<string, string> = {};
beforeAll(() => {
  folder = fresh();
  mkdirSync(path.join(folder, 'runs/a b'), { recursive: true });
  mkdirSync(path.join(folder, 'model'));
  writeFileSync(path.join(folder, 'prompts one.jsonl'), '');
  scripts = Object.fromEntries(
    ['bash', 'zsh', 'fish'].map((shell) => {
      const file = path.join(folder, `brevity.${shell}`);
      writeFileSync(file, brevity(['completion', shell]).stdout);
      return [shell, file];
    }),
  );
});

it('names the shells where another is asked for', () => {
  const { status, stderr } = brevity(['completion', 'csh']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/<shell> csh: expected .*bash.*zsh.*fish/);
});

/** What a shell offers for the last word. */
type Complete = (...words: string[]) => string[];

function suite(complete: Complete): void {
  it('the first word: every command, and folders', () => {
    expect(complete('')).toEqual(expect.arrayContaining([...commandNames, 'runs/', 'model/']));
    expect(complete('up')).toEqual(['update']);
  });

  it.each(['', ...commandNames])('every option of %j', (name) => {
    expect(complete(...(name === '' ? [] : [name]), '--')).toEqual(
      expect.arrayContaining(optionsOf(name).filter((option) => option.startsWith('--'))),
    );
  });

  it('values of options: words, files, folders; nothing for a number', () => {
    expect(complete('update', '--objective', '')).toEqual(expect.arrayContaining([...objectiveNames]));
    expect(complete('update', '--objective', 'lr')).toEqual(['lr-dpo']);
    expect(complete('runs/x', '--backend', 'na')).toEqual(['native']);
    expect(complete('pair', '--strategy', 'len')).toEqual(['length-penalized']);
    expect(complete('sample', '--in', 'pro')).toEqual(['prompts one.jsonl']);
    expect(complete('sample', '--model', 'm')).toEqual(['model/']);
    expect(complete('auto', 'runs/')).toEqual(['runs/a b/']);
    expect(complete('update', '--alpha', '')).toEqual([]);
  });

  it('shells and commands', () => {
    expect(complete('completion', '').sort()).toEqual(['bash', 'fish', 'zsh']);
    expect(complete('help', 'merge')).toEqual(['merge-decisions']);
  });
}

describe('bash', () => {
  /** As readline calls the function, with a slash after folders as `compopt -o filenames` adds it. */
  const complete: Complete = (...words) => {
    const script = `source "$1"; shift; COMP_WORDS=(brevity "$@"); COMP_CWORD=$#; compopt() { [[ $2 == filenames ]] && files=1; }
      _brevity; for each in "\${COMPREPLY[@]}"; do if [[ $files && -d $each ]]; then each+=/; fi; printf '%s\\n' "$each"; done`;
    const given = ['-c', script, 'bash', scripts.bash, ...words];
    const out = execFileSync('bash', given, { cwd: folder, encoding: 'utf8' });
    return out === ''
      ? []
      : out
          .trimEnd()
          .split('\n')
          .filter((line) => line !== '');
  };
  suite(complete);

  it('after = and after the colon of a reward, where readline splits words', () => {
    expect(complete('update', '--objective', '=')).toEqual([...objectiveNames]);
    expect(complete('update', '--objective', '=', 'sim')).toEqual(['simpo']);
    expect(complete('score', '--reward', 'm')).toEqual(['module:']);
    expect(complete('score', '--reward', 'hf', ':', 'mod')).toEqual(['model/']);
    expect(complete('score', '--reward', 'hf', ':')).toContain('model/');
  });

  it('by the tab key', async () => {
    const args = ['--norc', '--noprofile', '-i'];
    await typedLine(
      'bash',
      args,
      `source '${scripts.bash}'`,
      'brevity upd\t--objective=sim\t',
      'brevity update --objective=simpo',
    );
  }, 30_000);
});

/** Types the line into an interactive shell, and waits until the line is as it should become. */
async function typedLine(program: string, args: string[], setUp: string, line: string, becomes: string): Promise<void> {
  const shell = new TestTerminal(args, { program, cwd: folder, columns: 120 });
  try {
    shell.type(`${setUp}; echo re''ady\r`);
    await shell.until(/^ready$/m, 20);
    shell.type(line);
    await shell.until(new RegExp(`${becomes.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')} *$`, 'm'), 10);
  } finally {
    shell.kill();
  }
}

describe.runIf(has('zsh'))('zsh', () => {
  it('reads the script without complaint', () => {
    const { status, stderr } = spawnSync('zsh', ['-n', scripts.zsh], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it.each([
    ['brevity upd\t', 'brevity update '],
    ['brevity update --objective sim\t', 'brevity update --objective simpo'],
    ['brevity update --objective=sim\t', 'brevity update --objective=simpo'],
    ['brevity runs/x --backend nat\t', 'brevity runs/x --backend native'],
    ['brevity merge-decisions --in\t', 'brevity merge-decisions --into='],
    ['brevity sample --model mo\t', 'brevity sample --model model/'],
    ['brevity score --reward hf:mo\t', 'brevity score --reward hf:model/'],
    ['brevity completion z\t', 'brevity completion zsh'],
  ])(
    '%j becomes %j',
    async (line, becomes) => {
      const setUp = `autoload -Uz compinit && compinit -u -D && source '${scripts.zsh}'`;
      await typedLine('zsh', ['-f', '-i'], setUp, line, becomes.trimEnd());
    },
    30_000,
  );
});

describe.runIf(has('fish'))('fish', () => {
  const complete: Complete = (...words) => {
    const line = ['brevity', ...words].map((word) => word.replaceAll(' ', '\\ ')).join(' ');
    const out = execFileSync(
      'fish',
      ['--no-config', '-c', `source $argv[1]; complete -C $argv[2]`, scripts.fish, line],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    return out
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0].replaceAll('\\ ', ' '));
  };
  suite(complete);
});
