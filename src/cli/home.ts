/** `brevity` without a run: the list of runs and the form for a new one; opens runs and returns to the list. */
import { homedir } from 'node:os';
import path from 'node:path';
import type { PartialConfig } from '../core/config/partial.js';
import { exampleConfig } from '../run/preflight/create.js';
import type { PathContext } from '../core/form/draft.js';
import { type FormStart, exampleForm, fileForm, withFlags } from '../run/preflight/form.js';
import { RunList } from '../run/preflight/runs.js';
import { HomeTasks } from './homeTasks.js';
import { homeState } from '../../components/screens/index.js';
import type { Look } from '../../components/app/look.js';
import { runsUi } from '../../components/screens/runs/state.js';
import { setupUi } from '../../components/screens/setup/state.js';
import { runDemo } from './demoRun.js';
import { type Opened, type Source, needTerminal, openTerminal, runTui } from './tui.js';

/** The paths that shown paths are relative to, and how the screens are drawn. */
interface Here {
  place: PathContext;
  look: Look;
  /** Who decides in review. */
  reviewer: string;
}

export interface HomeOptions {
  /** Configuration file that the form starts from; if given, the form opens at once. */
  config?: string;
  /** Settings that override it; if given, the form opens at once. */
  flags: PartialConfig;
  look: Look;
  /** Who decides in review. */
  reviewer: string;
}

/** @throws UserError without a terminal, or if the configuration file cannot be read */
export async function runHome({ config, flags, look, reviewer }: HomeOptions): Promise<void> {
  needTerminal('runs/example');
  const place: PathContext = { cwd: process.cwd(), home: homedir() };
  const asked = config !== undefined || Object.keys(flags).length > 0;
  const form = withFlags(config === undefined ? exampleForm(exampleConfig, place) : fileForm(config, place), flags);
  const named = typeof flags.reward === 'string' ? flags.reward : null;
  await goOn(await openHome({ place, look, reviewer }, form, asked ? 'setup' : 'runs', null, named), {
    place,
    look,
    reviewer,
  });
}

/** Returns from a run to the list, with the run selected. */
export async function listAfter(directory: string, look: Look, reviewer: string): Promise<void> {
  const place: PathContext = { cwd: process.cwd(), home: homedir() };
  const form = exampleForm(exampleConfig, place);
  await goOn(await openHome({ place, look, reviewer }, form, 'runs', path.resolve(directory)), {
    place,
    look,
    reviewer,
  });
}

/** Opens the run or the demo, then the list again as often as the person returns to it. */
async function goOn(opened: Opened | null, here: Here): Promise<void> {
  const { place, look, reviewer } = here;
  for (let next = opened; next !== null;) {
    const directory = next === 'demo' ? null : next.directory;
    const { left } = await (directory === null ? runDemo({ look, reviewer }) : runTui(directory, { look, reviewer }));
    if (!left) return;
    next = await openHome(here, exampleForm(exampleConfig, place), 'runs', directory);
  }
}

/** @returns what to open; null if the person quit */
async function openHome(
  { place, look }: Here,
  { base, directory }: FormStart,
  first: 'runs' | 'setup',
  selected: string | null,
  namedReward: string | null = null,
): Promise<Opened | null> {
  const list = new RunList(place.cwd, selected === null ? [] : [path.dirname(selected)]);
  const home = { place, example: exampleConfig };
  const own = { runs: runsUi(selected), setup: setupUi(base, directory, place, namedReward) };
  const source: Source = {
    initial: (size) => homeState(size, home, own, first),
    home: (hooks) => new HomeTasks({ ...hooks, place, example: exampleConfig, list }),
  };
  const { opened } = await openTerminal(source, look);
  return opened;
}
