/** The list of runs. */
import type { PathContext } from '../../../src/core/form/draft.js';
import { openCommand } from '../../../src/core/form/command.js';
import { count, fixed, of } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type RunsState, type RunsUi, type Survey, runsUi } from './state.js';
import { surveyNames } from '../../app/home.js';
import { type ScreenDefinition, noEffects } from '../../app/state.js';
import type { RunEntry } from '../../../src/core/runs.js';
import { confirmed, moveSelection, openSelected, runsActions, selectRun, task } from './actions.js';
import { engineText, isWelcome, runName, runsLayout } from './select.js';
import { placeAt } from '../../app/lists.js';
import { RunsView } from './View.js';
import { welcomeReading } from './welcome.js';

/** Runs read aloud of a long list. */
const mostRead = 20;

export const runs: ScreenDefinition<RunsState> = {
  initial: runsUi(null),
  View: RunsView,
  actions: runsActions,
  typed(state, field, text) {
    if (field === 'filter') return noEffects(listing(state, { filter: text.trim() }));
    return task(state, { task: 'look-in', folder: text.trim() });
  },
  confirmed,
  pointed(state, kind, _x, y) {
    if (kind !== 'press') return noEffects(moveSelection(state, kind === 'wheel-up' ? 'up' : 'down'));
    const { at, entries, top, table } = runsLayout(state);
    // Row 0 is the heading.
    const place = placeAt(y - 1, top, entries.length, table);
    if (place === null) return noEffects(state);
    // A second click opens.
    return place === at ? openSelected(state) : noEffects(selectRun(state, place));
  },
  summary({ ui: { entries, filter } }) {
    const working = (entries ?? []).filter(({ engine }) => engine.state === 'working').length;
    return [
      ...(entries === null || entries.length === 0 ? [] : [of(entries.length, 'run')]),
      ...(working === 0 ? [] : [`${working} at work`]),
      ...(filter === '' ? [] : [`filter ${makeLine(filter, 40)}`]),
    ];
  },
  happened(state, event) {
    const { survey } = state.ui;
    if (event.what === 'runs') return listing(state, { entries: event.entries, at: event.at });
    if (survey === null || (event.what !== 'surveyed' && event.what !== 'survey-failed')) return state;
    const outcome =
      event.what === 'surveyed'
        ? { status: 'known', facts: event.facts }
        : { status: 'failed', problem: event.problem };
    return { ...state, ui: { ...state.ui, survey: { ...survey, [event.name]: outcome } as Survey } };
  },
  asks(state) {
    if (!isWelcome(state) || state.ui.survey !== null) return noEffects(state);
    const asked = { status: 'asked' } as const;
    const survey: Survey = { machine: asked, folder: asked, python: asked };
    return {
      state: { ...state, ui: { ...state.ui, survey } },
      effects: surveyNames.map((name) => ({ do: 'home', task: { task: 'survey', name } })),
    };
  },
  back: (state) => (state.ui.filter !== '' ? listing(state, { filter: '' }) : null),
  copies(state) {
    const { selected } = runsLayout(state);
    return selected === null ? null : openCommand(selected.directory, state.home.place);
  },
  reading(state) {
    const { entries, at, selected } = runsLayout(state);
    if (state.ui.entries === null) return ['Looking for runs.'];
    const { ui } = state;
    const { place } = state.home;
    const filtered = ui.filter === '' ? '' : ` with “${makeLine(ui.filter, 40)}” in the name or model`;
    if (isWelcome(state)) return ['There are no runs here.', ...welcomeReading(state)];
    if (selected === null) return [`There are no runs${filtered}.`];
    const listed = entries.slice(0, mostRead).map((entry) => `${spoken(entry, place)}${problemOf(entry)}`);
    const more = entries.length - listed.length;
    return [
      `${of(entries.length, 'run')}${filtered}.`,
      ...listed,
      ...(more > 0 ? [`And ${count(more)} more.`] : []),
      `Selected, ${count(at + 1)} of ${count(entries.length)}: ${spoken(selected, place)}${problemOf(selected)}`,
    ];
  },
};

function spoken({ directory, seen, engine }: RunEntry, place: PathContext): string {
  const words = engineText({ directory, seen, engine, problem: null, changed: 0 }).text.slice(2);
  if (seen === null) return `${makeLine(runName(directory, place), 200)}: ${words}.`;
  const last =
    seen.reward === null ? '' : `, last reward ${fixed(seen.reward, 3)}, length ${fixed(seen.length ?? NaN, 1)}`;
  return `${makeLine(runName(directory, place), 200)}: model ${makeLine(seen.model, 200)}, ${of(seen.rounds, 'round')}${last}; engine: ${words}.`;
}

const problemOf = ({ problem }: RunEntry): string => (problem === null ? '' : ` ${makeLine(problem, 400)}`);

/**
 * Lists other runs. A run that is no longer listed passes the selection on to the first one, and by its directory: later
 * changes of the order must not move the selection.
 */
function listing(state: RunsState, more: Partial<RunsUi>): RunsState {
  const next = { ...state, ui: { ...state.ui, ...more } };
  if (next.ui.entries === null) return next;
  const { selected } = runsLayout(next);
  return selected === null ? next : { ...next, ui: { ...next.ui, selected: selected.directory } };
}
