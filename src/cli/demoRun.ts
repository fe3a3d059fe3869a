/** The demo: a run of the bundled example on the real engine, in a folder that is removed afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Look } from '../../components/app/look.js';
import { initialState } from '../../components/screens/index.js';
import { UserError, messageOf } from '../core/errors.js';
import { openCommand } from '../core/form/command.js';
import { commandLine } from '../core/shell.js';
import { attachEngine } from '../engine/launch.js';
import { readConfigFile } from '../io/configFile.js';
import { lockHolder } from '../io/lock.js';
import { print } from '../io/print.js';
import { createRun, exampleConfig } from '../run/preflight/create.js';
import { deleteRun, endEngine } from '../run/preflight/runs.js';
import { type Source, needTerminal, openTerminal } from './tui.js';

export interface DemoOptions {
  look: Look;
  /** Who decides in review. */
  reviewer: string;
  /** Run directory that stays; by default a temporary one that is removed. */
  keep?: string;
}

/**
 * Shows one round of the example with the guide (components/app/guide.ts), until the person leaves.
 *
 * @returns whether the person wants the list of runs
 * @throws UserError without a terminal, or if the run cannot be created
 */
export async function runDemo({ look, reviewer, keep }: DemoOptions): Promise<{ left: boolean }> {
  needTerminal('example');
  const temporary = keep === undefined ? mkdtempSync(path.join(tmpdir(), 'brevity-demo-')) : null;
  const directory = path.resolve(keep ?? path.join(temporary as string, 'demo'));
  let attaching: Promise<void> = Promise.resolve();
  try {
    createRun(directory, readConfigFile(exampleConfig));
    const source: Source = {
      initial: (size) => ({ ...initialState(size), reviewer, demo: true }),
      attach: (use, listener) => (attaching = attachEngine(directory, 'tui', use, listener)),
    };
    const { left } = await openTerminal(source, look);
    if (temporary === null) print(keptText(directory));
    else {
      // An engine that is only starting must be there to be ended.
      await attaching.catch(() => undefined);
      await remove(directory, temporary);
    }
    return { left };
  } catch (error) {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}

const keptText = (directory: string): string =>
  `The demo's run is kept, and its engine keeps running. Attach again with:\n  ${openCommand(directory, { cwd: process.cwd(), home: homedir() })}\n`;

/** Ends the engine and removes the run; where that fails the run stays, and the person is told. */
async function remove(directory: string, temporary: string): Promise<void> {
  try {
    await ended(directory);
    deleteRun(directory);
    rmSync(temporary, { recursive: true, force: true });
  } catch (error) {
    print(`The demo's run stays in ${directory}: ${messageOf(error)}\n`);
    return;
  }
  print(`The demo's run was temporary and has been removed; \`${commandLine('demo --keep DIR')}\` keeps it.\n`);
  print(`Your own model: ${commandLine('runs/mine --model DIR --reward hf:DIR --prompts FILE --held-out FILE')}\n`);
}

/** Longer than an engine takes to end its micro-batch and write a checkpoint. */
const patienceMs = 30_000;

async function ended(directory: string): Promise<void> {
  if (lockHolder(directory) === null) return;
  await endEngine(directory);
  for (const deadline = Date.now() + patienceMs; lockHolder(directory) !== null; await delay(100))
    if (Date.now() > deadline) throw new UserError('its engine has not ended yet');
}
