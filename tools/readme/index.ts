/**
 * `npm run readme`: runs the commands of README.md in a fresh copy of this repository, as a reader would, and fails if
 * one fails. `npm run readme -- FILE…` runs those of other pages. What cannot run here is marked in the page
 * (`blocks.ts`) and listed with its reason.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockHolder } from '../../src/io/lock.js';
import { TestTerminal } from '../../test/e2e/terminal.js';
import { blocksOf, type Plan } from './blocks.js';

const root = path.resolve(import.meta.dirname, '../..');
/** Longest that a command may take, in seconds. */
const LIMIT = 900;

interface Row {
  page: string;
  command: string;
  result: string;
  seconds: number | null;
  failed: boolean;
}

/** Copies what git would put into a clone, as it is in the working tree. */
function copyTo(folder: string): void {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of files.toString().split('\0')) {
    if (file === '' || !existsSync(path.join(root, file))) continue;
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(root, file), target);
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-readme-'));
const clone = path.join(folder, 'brevity');
const environment = {
  // `npm link` and `npm install -g` change this folder alone.
  npm_config_prefix: path.join(folder, 'prefix'),
  PATH: `${path.join(folder, 'prefix/bin')}${path.delimiter}${process.env.PATH ?? ''}`,
  XDG_STATE_HOME: path.join(folder, 'state'),
  XDG_CONFIG_HOME: path.join(folder, 'config'),
};

async function run(command: string): Promise<string | null> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
    cwd: clone,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, LIMIT * 1000);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (code === 0) return null;
  return code === null
    ? `not done after ${LIMIT} s`
    : `exit code ${code}: ${errors.trim().split('\n').slice(-3).join(' / ')}`;
}

/** Runs a command that opens a screen until it shows `text`, then leaves it. */
async function open(command: string, text: string): Promise<string | null> {
  const shell = `require('node:child_process').spawnSync('bash', ['-c', ${JSON.stringify(command)}], { stdio: 'inherit' })`;
  const terminal = new TestTerminal(['-e', shell], { columns: 120, rows: 40, cwd: clone, env: environment });
  try {
    await terminal.until(new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')), LIMIT);
    terminal.type('q');
    await terminal.exit;
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    terminal.kill();
  }
}

async function carryOut(
  command: string,
  plan: Exclude<Plan, { kind: 'skip' }>,
): Promise<[result: string, failed: boolean]> {
  if (plan.kind === 'run') {
    const failure = await run(command);
    return [failure ?? 'done', failure !== null];
  }
  const failure = await open(command, plan.text);
  return [failure ?? `shows “${plan.text}”`, failure !== null];
}

/** Ends the engines that the commands have left working. */
function endEngines(): void {
  const runs = path.join(clone, 'runs');
  for (const name of existsSync(runs) ? readdirSync(runs) : []) {
    const holder = lockHolder(path.join(runs, name));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
}

const pages = process.argv.length > 2 ? process.argv.slice(2) : ['README.md'];
const rows: Row[] = [];
mkdirSync(path.join(folder, 'prefix'), { recursive: true });
copyTo(clone);
try {
  for (const page of pages) {
    for (const { commands, plan, language } of blocksOf(readFileSync(path.join(root, page), 'utf8'))) {
      if (language !== 'sh') continue;
      for (const command of commands) {
        process.stderr.write(`${plan.kind === 'skip' ? 'skip' : 'run'}  ${command}\n`);
        const start = performance.now();
        const [result, failed] =
          plan.kind === 'skip' ? [`skipped: ${plan.reason}`, false] : await carryOut(command, plan);
        const seconds = plan.kind === 'skip' ? null : (performance.now() - start) / 1000;
        rows.push({ page, command, result, seconds, failed });
        if (failed) process.stderr.write(`FAILED  ${result}\n`);
      }
    }
  }
} finally {
  endEngines();
  rmSync(folder, { recursive: true, force: true });
}

const cell = (text: string) =>
  text
    .replace(/\s*\\\n\s*/g, ' ')
    .replace(/\n/g, ' ')
    .replaceAll('|', '\\|');
process.stdout.write('| page | command | result | s |\n| --- | --- | --- | --- |\n');
for (const { page, command, result, seconds } of rows)
  process.stdout.write(`| ${page} | \`${cell(command)}\` | ${cell(result)} | ${seconds?.toFixed(1) ?? ''} |\n`);
const failures = rows.filter(({ failed }) => failed).length;
const skipped = rows.filter(({ seconds }) => seconds === null).length;
process.stdout.write(`\n${rows.length - failures - skipped} done, ${skipped} skipped, ${failures} failed\n`);
process.exitCode = failures > 0 ? 1 : 0;
