/**
 * Checks whether the form's servers and update jobs could work: endpoints that answer, a Python with the packages of
 * trainer/, the scheduler's programs. Runs in a separate process (taskProcess.ts). Executes no command of the form,
 * which may come from somebody else's file.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { z } from 'zod';
import { UserError, causeOf, messageOf } from '../../core/errors.js';
import { smallest } from '../../core/limits.js';
import type { EndpointFacts, EnvironmentAsk, EnvironmentFacts } from '../../core/form/facts.js';
import { onGpu } from '../../core/form/fields.js';
import { findPython, onPath } from './python.js';
import { plainText } from '../../core/sanitize.js';
import { type PythonFacts, type PythonSearch, trainerProblem } from '../../core/form/python.js';

const requestMs = 10_000;

/** @throws UserError that names the first endpoint that does not answer like vLLM or SGLang */
export async function checkEndpoints(urls: readonly string[]): Promise<EndpointFacts[]> {
  const answers = await Promise.allSettled(urls.map((url) => askEndpoint(url)));
  const failed = answers.flatMap((answer) => (answer.status === 'rejected' ? [messageOf(answer.reason)] : []));
  if (failed.length > 0) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more of ${urls.length} endpoints)` : '';
    throw new UserError(`${failed[0]}${more}`);
  }
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
}

const modelsSchema = z.object({
  data: z.array(z.object({ id: z.string().max(4096), max_model_len: z.number().nullish() })).max(10_000),
});

/** Sends no key: the form's file may name a server that must not have it. */
async function askEndpoint(url: string): Promise<EndpointFacts> {
  const name = plainText(url);
  let response: Response;
  try {
    response = await fetch(new URL('v1/models', url.endsWith('/') ? url : `${url}/`), {
      signal: AbortSignal.timeout(requestMs),
      redirect: 'error',
    });
  } catch (error) {
    throw new UserError(
      `${name} gives no answer (${plainText(messageOf(causeOf(error)))}); start the server, or correct the URL`,
    );
  }
  if (response.status === 401 || response.status === 403) return { url, models: [], context: null, locked: true };
  if (!response.ok)
    throw new UserError(`${name}/v1/models answers ${response.status}; expected a vLLM or SGLang server there`);
  const body: unknown = await response.json().catch(() => null);
  const parsed = modelsSchema.safeParse(body);
  if (!parsed.success)
    throw new UserError(`${name}/v1/models gives no list of models; expected a vLLM or SGLang server`);
  const { data } = parsed.data;
  const lengths = data.flatMap(({ max_model_len }) => max_model_len ?? []);
  return {
    url,
    models: data.map(({ id }) => plainText(id)),
    context: lengths.length === 0 ? null : smallest(lengths),
    locked: false,
  };
}

/** @throws UserError that names what a job of this kind lacks here */
export async function checkEnvironment({ on, command, ray, lora }: EnvironmentAsk): Promise<EnvironmentFacts> {
  const python = await findPython(process.env);
  const config = /(?:^|\s)--config_file[ =](\S+)/.exec(command)?.[1];
  if (config !== undefined && on === 'process') await checkAccelerate(config, python.found);
  if (on === onGpu) {
    checkTrainer(python, lora);
    if ((python.found?.gpus.length ?? 0) === 0)
      throw new UserError(`PyTorch of ${python.found?.program} sees no GPU here; choose another place for updates`);
  }
  const scheduler = on === 'slurm' ? await slurmVersion() : on === 'ray' ? await rayVersion(ray) : null;
  return { python, scheduler };
}

function checkTrainer({ found, passed }: PythonSearch, lora: boolean): void {
  if (found === null) {
    const tried = passed.map(({ program, reason }) => `${program}: ${reason}`).join('; ');
    throw new UserError(
      `no Python was found${tried === '' ? '' : ` (${tried})`}; activate an environment with PyTorch, or set BREVITY_PYTHON`,
    );
  }
  const problem = trainerProblem(found);
  if (problem !== null)
    throw new UserError(`${found.program} cannot run trainer/: ${problem}; install it there, or set BREVITY_PYTHON`);
  if (lora && found.packages.peft === null)
    throw new UserError(
      `${found.program} has no peft, which a LoRA adapter needs; run ${found.program} -m pip install peft`,
    );
}

/** Checks with accelerate's own reader. */
async function checkAccelerate(file: string, python: PythonFacts | null): Promise<void> {
  const name = plainText(file);
  if (!existsSync(file)) throw new UserError(`job command: the accelerate config ${name} does not exist`);
  if (python === null || python.packages.accelerate === null) return;
  const script =
    'import sys; from accelerate.commands.config.config_args import load_config_from_file; load_config_from_file(sys.argv[1])';
  try {
    await promisify(execFile)(python.program, ['-c', script, file], { timeout: 60_000, killSignal: 'SIGKILL' });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const last = plainText(stderr.trim().split('\n').at(-1) ?? messageOf(error)).slice(0, 300);
    throw new UserError(`job command: accelerate cannot read its config ${name}: ${last}`);
  }
}

async function slurmVersion(): Promise<string> {
  const program = onPath('sbatch', process.env);
  if (program === null)
    throw new UserError('sbatch is not on the path; start Brevity on a machine that submits to the cluster');
  try {
    return await askVersion(program);
  } catch (error) {
    throw new UserError(`${program} --version failed: ${messageOf(error)}`);
  }
}

/** The first line of `PROGRAM --version`. @throws Error with the first line of its error output */
export async function askVersion(program: string): Promise<string> {
  const firstLine = (text: string, most: number): string => plainText(text.trim().split('\n')[0]).slice(0, most);
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 20_000 });
    return firstLine(stdout, 100);
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(firstLine(stderr, 200) || messageOf(error), { cause: error });
  }
}

async function rayVersion(address: string): Promise<string> {
  const name = plainText(address);
  try {
    const response = await fetch(new URL('/api/version', address), { signal: AbortSignal.timeout(requestMs) });
    const { ray_version } = z.object({ ray_version: z.string().max(100) }).parse(await response.json());
    return `Ray ${plainText(ray_version)}`;
  } catch (error) {
    const cause = causeOf(error);
    const why = cause instanceof z.ZodError ? 'it gives no ray_version' : messageOf(cause);
    throw new UserError(
      `${name} does not answer as a Ray dashboard (${plainText(why)}); start it, or correct the address`,
    );
  }
}
