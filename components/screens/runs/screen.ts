/** The list of runs. */
import { RunsView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import type { Place } from '../../../src/core/form/draft.js';
import { openCommand } from '../../../src/core/form/command.js';
import { count, fixed, of } from '../../../src/core/format.js';
import type { HomeTask } from '../../app/home.js';
import { topFor } from '../../app/layout.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { ScreenDefinition } from '../../app/state.js';
import { type Step, only } from '../../app/state.js';
import { engineText, runName } from './columns.js';
import { type RunsKey, runsKeys } from './actions.js';
import { runsLayout } from './layout.js';
import { type RunsState, type RunsUi, runsUi } from './state.js';
import type { RunEntry } from '../../../src/core/runs.js';

/** Of a long list, the first runs are read aloud unasked. */
const mostRead = 20;

export const runs: ScreenDefinition<RunsState> = {
  initial: runsUi(null),
  View: RunsView,
  actions: actionsOf(runsKeys, act),
  inView(state) {
    const { entries, at, selected, table } = runsLayout(state);
    const { ui: before } = state;
    const last = Math.max(0, entries.length - table);
    const top = Math.max(0, Math.min(last, topFor(at, before.top, table)));
    // A run that is looked for may come with a later look.
    const known = before.entries === null ? before.selected : (selected?.directory ?? before.selected);
    return top === before.top && known === before.selected ? state : changed(state, { top, selected: known });
  },
  typed(state, field, text) {
    if (field === 'filter') return only(changed(state, { filter: text.trim() }));
    return task(state, { task: 'look-in', folder: text.trim() });
  },
  confirmed(state, what) {
    const [question, directory] = split(what);
    return task(state, { task: question === 'delete' ? 'delete' : 'end-engine', directory });
  },
  pointed(state, kind, _x, y) {
    const { at, entries, table } = runsLayout(state);
    if (kind !== 'press') return only(select(state, at + (kind === 'wheel-up' ? -1 : 1)));
    const place = state.ui.top + y - 1;
    if (y < 1 || y > table || place >= entries.length) return only(state);
    // A second click opens.
    return place === at ? act(state, 'open-run') : only(select(state, place));
  },
  summary({ ui: { entries, filter } }) {
    const working = (entries ?? []).filter(({ engine }) => engine.state === 'working').length;
    return [
      ...(entries === null || entries.length === 0 ? [] : [of(entries.length, 'run')]),
      ...(working === 0 ? [] : [`${working} at work`]),
      ...(filter === '' ? [] : [`filter ${makeLine(filter, 40)}`]),
    ];
  },
  happened: (state, event) =>
    event.what === 'runs' ? { ...state, ui: { ...state.ui, entries: event.entries, at: event.at } } : state,
  back: (state) => (state.ui.filter !== '' ? changed(state, { filter: '' }) : null),
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
    if (selected === null) return [ui.filter === '' ? 'There is no run here.' : `There is no run${filtered}.`];
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

function spoken({ directory, seen, engine }: RunEntry, place: Place): string {
  const words = engineText({ directory, seen, engine, problem: null, changed: 0 }).text.slice(2);
  if (seen === null) return `${makeLine(runName(directory, place), 200)}: ${words}.`;
  const last =
    seen.reward === null ? '' : `, last reward ${fixed(seen.reward, 3)}, length ${fixed(seen.length ?? NaN, 1)}`;
  return `${makeLine(runName(directory, place), 200)}: model ${makeLine(seen.model, 200)}, ${of(seen.rounds, 'round')}${last}; engine: ${words}.`;
}

const problemOf = ({ problem }: RunEntry): string => (problem === null ? '' : ` ${makeLine(problem, 400)}`);

function act(state: RunsState, id: RunsKey): Step<RunsState> {
  const { home } = state;
  const { entries, at, selected, table } = runsLayout(state);
  switch (id) {
    case 'open-run':
      if (selected === null) return only(state);
      if (selected.seen === null) return only({ ...state, notice: selected.problem });
      return task(state, { task: 'open', directory: selected.directory });
    case 'first-run':
    case 'new-run':
      return task(state, { task: 'form', source: { from: 'example' } });
    case 'like-run':
      return selected === null ? only(state) : task(state, { task: 'form', source: { from: 'run', entry: selected } });
    case 'run-up':
      return only(select(state, at - 1));
    case 'run-down':
      return only(select(state, at + 1));
    case 'runs-page-up':
      return only(select(state, at - table));
    case 'runs-page-down':
      return only(select(state, at + table));
    case 'newest-run':
      return only(select(state, 0));
    case 'oldest-run':
      return only(select(state, entries.length - 1));
    case 'filter-runs':
      return only(typing(state, 'filter', 'filter', 'letters of a run or a model', state.ui.filter));
    case 'look-in':
      return only({
        ...state,
        modal: { ...edit('look-in', 'folder', 'of runs, or a run; tab completes', ''), completes: 'path' },
      });
    case 'end-engine':
      return selected === null ? only(state) : asked(state, 'end-engine', selected, endQuestion(selected, home.place));
    case 'delete-run':
      return selected === null ? only(state) : asked(state, 'delete', selected, deleteQuestion(selected, home.place));
  }
}

const edit = (field: string, label: string, hint: string, text: string) =>
  ({ kind: 'edit', owner: 'runs', field, label, hint, text, error: null }) as const;

function typing(state: RunsState, field: string, label: string, hint: string, text: string): RunsState {
  return { ...state, modal: edit(field, label, hint, text) };
}

function endQuestion({ directory, engine }: RunEntry, place: Place): string[] {
  const consequence =
    engine.state === 'working'
      ? 'Its work stops now and resumes from its last saved state at the next start.'
      : 'Terminals attached to it are disconnected; opening the run starts it again.';
  return [`End the engine of ${runName(directory, place)}?`, consequence];
}

function deleteQuestion({ directory, seen }: RunEntry, place: Place): string[] {
  const rounds = seen === null ? 'all its rounds' : of(seen.rounds, 'round');
  return [`Delete ${runName(directory, place)}?`, `Its ${rounds} and their policies are deleted for good.`];
}

function asked(state: RunsState, question: string, { directory }: RunEntry, lines: string[]): Step<RunsState> {
  const shown = lines.map((line) => makeLine(line, 200));
  return only({
    ...state,
    modal: { kind: 'confirm', owner: 'runs', what: `${question} ${directory}`, lines: shown },
  });
}

function split(what: string): [string, string] {
  const space = what.indexOf(' ');
  return [what.slice(0, space), what.slice(space + 1)];
}

function task(state: RunsState, todo: HomeTask): Step<RunsState> {
  return { state, effects: [{ do: 'home', task: todo }] };
}

function select(state: RunsState, at: number): RunsState {
  const { entries } = runsLayout(state);
  const entry = entries.at(Math.max(0, Math.min(entries.length - 1, at)));
  const next = changed(state, { selected: entry?.directory ?? null });
  return runs.inView?.(next) ?? next;
}

function changed(state: RunsState, more: Partial<RunsUi>): RunsState {
  return { ...state, ui: { ...state.ui, ...more } };
}
