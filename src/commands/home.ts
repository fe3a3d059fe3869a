/** `brevity` without a run: the list of runs and the form of a new one; from there into runs and back. */
import { homedir } from 'node:os';
import path from 'node:path';
import type { PartialConfig } from '../config/load.js';
import { exampleConfig } from '../setup/create.js';
import { type Place, shorten } from '../setup/draft.js';
import { type FormStart, exampleForm, fileForm, withFlags } from '../setup/form.js';
import { RunList, findRunDirectories } from '../setup/runs.js';
import { HomeTasks } from '../ui/homeTasks.js';
import { homeState } from '../ui/home.js';
import { runsUi } from '../ui/runs/state.js';
import { setupUi } from '../ui/setup/state.js';
import { needTerminal, openTerminal, runTui } from './tui.js';

export interface HomeOptions {
  /** A configuration file for the form to begin with; it is opened at once then. */
  config?: string;
  /** Settings laid over it; likewise. */
  flags: PartialConfig;
}

/** @throws UserError without a terminal, or where the configuration file cannot be read */
export async function runHome({ config, flags }: HomeOptions): Promise<void> {
  needTerminal('runs/example');
  const place: Place = { cwd: process.cwd(), home: homedir() };
  const asked = config !== undefined || Object.keys(flags).length > 0;
  const form = withFlags(config === undefined ? exampleForm(exampleConfig, place) : fileForm(config, place), flags);
  // Nothing to list: what a newcomer needs is the form.
  const first = asked || findRunDirectories(place.cwd, []).length === 0 ? 'setup' : 'runs';
  await goOn(await openHome(place, form, first, null), place);
}

/** A run is left for the list, in which it is selected. */
export async function listAfter(directory: string): Promise<void> {
  const place: Place = { cwd: process.cwd(), home: homedir() };
  await goOn(await openHome(place, exampleForm(exampleConfig, place), 'runs', path.resolve(directory)), place);
}

/** Into the run, and back to the list whenever the person wants it. */
async function goOn(opened: string | null, place: Place): Promise<void> {
  for (let run = opened; run !== null;) {
    const { left } = await runTui(run, { name: shorten(run, place) });
    if (!left) return;
    run = await openHome(place, exampleForm(exampleConfig, place), 'runs', run);
  }
}

/** @returns the run to be opened; null: the person has left */
async function openHome(
  place: Place,
  { base, directory }: FormStart,
  first: 'runs' | 'setup',
  selected: string | null,
): Promise<string | null> {
  const list = new RunList(place.cwd, selected === null ? [] : [path.dirname(selected)]);
  const home = { place, example: exampleConfig, runs: runsUi(selected), setup: setupUi(base, directory, place) };
  const { opened } = await openTerminal({
    initial: (size) => homeState(size, home, first),
    home: (hooks) => new HomeTasks({ ...hooks, place, example: exampleConfig, list }),
  });
  return opened;
}
