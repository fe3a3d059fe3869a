/** What checks, measurements and files have brought, and what is to be asked next. */
import type { HomeEvent } from '../../app/home.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type Effect, type Step, only } from '../../app/state.js';
import { settledConfig, shorten } from '../../../src/core/form/draft.js';
import {
  type Check,
  type CheckName,
  type FactsOf,
  askOf,
  checkNames,
  isElsewhere,
  isHeld,
  measureKey,
} from './checks.js';
import { withTrainer } from './editing.js';
import { type SetupUi, setupUi, type SetupState, formOf } from './state.js';

type SetupEvent = Exclude<HomeEvent, { what: 'runs' }>;

export function applySetupEvent(state: SetupState, event: SetupEvent): SetupState {
  const { setup, place } = formOf(state);
  const withSetup = (more: Partial<SetupUi>): SetupState => ({ ...state, ui: { ...setup, ...more } });
  switch (event.what) {
    case 'form': {
      // What was asked before is known still: checks go by what they are of.
      const { checks, measuring, namedReward } = setup;
      const opened = { ...setupUi(event.base, event.directory, place), checks, measuring, namedReward };
      return { ...state, screen: 'setup', ui: opened };
    }
    case 'checked':
      return withTrainer(withSetup(settled(setup, event.name, event.key, { status: 'ok', facts: event.facts })));
    case 'check-failed':
      return withSetup(settled(setup, event.name, event.key, { status: 'bad', problem: event.problem }));
    case 'measured':
      if (setup.measuring?.key !== event.key) return state;
      return withSetup({ measuring: { ...setup.measuring, known: event.known, doing: event.doing } });
    case 'measure-failed':
      if (setup.measuring?.key !== event.key) return state;
      return withSetup({ measuring: { ...setup.measuring, doing: '', problem: event.problem } });
    case 'saved': {
      const { file } = event;
      const base = { ...setup.draft.base, config: file.config, file, name: makeLine(shorten(file.path, place), 60) };
      return { ...withSetup({ draft: { ...setup.draft, base } }), notice: `Saved to ${shorten(file.path, place)}.` };
    }
    case 'file-exists': {
      const question = `Overwrite ${makeLine(shorten(event.file, place), 400)}?`;
      const lines = [question, 'The settings in the file are replaced by those of this form.'];
      return { ...state, modal: { kind: 'confirm', owner: 'setup', what: `overwrite ${event.file}`, lines } };
    }
    case 'not-created':
      return withSetup({ refusal: event.problem, focus: 'start' });
  }
}

type Outcome = { status: 'ok'; facts: FactsOf[CheckName] } | { status: 'bad'; problem: string };

/** An answer to what is no longer asked changes nothing. */
function settled(setup: SetupUi, name: CheckName, key: string, outcome: Outcome): Partial<SetupUi> {
  if (setup.checks[name]?.key !== key) return {};
  return { checks: { ...setup.checks, [name]: { key, ...outcome } as Check<FactsOf[CheckName]> } };
}

/** Asks for the checks of what has changed; and, once all are good, for a measurement. */
export function setupAsks(state: SetupState): Step<SetupState> {
  const home = formOf(state);
  const { place } = home;
  let { ui: setup } = state;
  const effects: Effect[] = [];
  for (const name of checkNames) {
    const ask = askOf(name, setup.draft, place, setup.namedReward);
    const key = JSON.stringify(ask);
    const known = setup.checks[name];
    if (ask === null) {
      if (known !== null) setup = { ...setup, checks: { ...setup.checks, [name]: null } };
    } else if (known?.key !== key && isHeld(ask)) {
      setup = { ...setup, checks: { ...setup.checks, [name]: { key, status: 'held' } } };
    } else if (known?.key !== key) {
      setup = { ...setup, checks: { ...setup.checks, [name]: { key, status: 'asked' } } };
      effects.push({ do: 'home', task: { task: 'check', name, key, ask } });
    }
  }
  const key = measureKey(setup.draft, setup.checks, place);
  const config = settledConfig(setup.draft, place);
  if (setup.measuring !== null && config !== null && isElsewhere(config)) setup = { ...setup, measuring: null };
  if (key !== null && config !== null && setup.measuring?.key !== key) {
    setup = { ...setup, measuring: { key, known: null, doing: 'starting', problem: null } };
    effects.push({ do: 'home', task: { task: 'measure', key, config } });
  }
  return setup === state.ui ? only(state) : { state: { ...state, ui: setup }, effects };
}
