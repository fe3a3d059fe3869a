/** Actions of the list of runs. */
import type { PathContext } from '../../../src/core/form/draft.js';
import { of } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { RunEntry } from '../../../src/core/runs.js';
import type { FormSource, HomeTask } from '../../app/home.js';
import { type Move, listActions, movedTo, windowFor } from '../../app/lists.js';
import { type Action, type EditModal, type Step, ask, noEffects } from '../../app/state.js';
import { isWelcome, runName, runsLayout } from './select.js';
import type { RunsState } from './state.js';

const isSelected = (state: RunsState): boolean => runsLayout(state).selected !== null;
const isReadable = (state: RunsState): boolean => runsLayout(state).selected?.seen != null;
const isNone = (state: RunsState): boolean => !isSelected(state);
const hasEngine = (state: RunsState): boolean => {
  const engine = runsLayout(state).selected?.engine.state ?? 'stopped';
  return engine !== 'stopped' && engine !== 'elsewhere';
};

export const runsActions: readonly Action<RunsState>[] = [
  {
    id: 'open-run',
    group: 'work',
    command: 'open',
    aliases: ['attach'],
    keys: ['enter'],
    label: 'open',
    help: 'open the run: attach to its engine, or start it',
    when: isSelected,
    run: openSelected,
  },
  {
    id: 'run-example',
    group: 'work',
    command: 'example',
    aliases: ['bundled example', 'try'],
    keys: ['enter', 'e'],
    label: 'run the example',
    help: "start the bundled example's run in this folder",
    when: isWelcome,
    run: (state) => task(state, { task: 'example' }),
  },
  {
    id: 'demo',
    group: 'work',
    aliases: ['tour', 'tutorial', 'learn'],
    keys: ['d'],
    label: 'demo',
    help: 'one round of the example, explained screen by screen',
    run: (state) => task(state, { task: 'demo' }),
  },
  {
    id: 'first-run',
    group: 'work',
    command: 'new-run',
    aliases: ['create', 'set up'],
    keys: ['n'],
    label: 'new run',
    help: 'set up a run of what this folder holds, else of the example',
    when: isNone,
    run: (state) => task(state, { task: 'form', source: firstSource(state) }),
  },
  {
    id: 'new-run',
    group: 'work',
    aliases: ['create', 'set up'],
    keys: ['n'],
    label: 'new run',
    help: 'set up a new run; the bundled example is filled in',
    when: isSelected,
    run: (state) => task(state, { task: 'form', source: { from: 'example' } }),
  },
  {
    id: 'like-run',
    group: 'work',
    command: 'copy-run',
    aliases: ['duplicate', 'like this'],
    keys: ['c'],
    label: 'copy',
    help: "set up a new run with the selected one's settings",
    when: isReadable,
    run(state) {
      const { selected } = runsLayout(state);
      return selected === null
        ? noEffects(state)
        : task(state, { task: 'form', source: { from: 'run', entry: selected } });
    },
  },
  ...listActions<RunsState>({
    moves: {
      up: ['run-up', 'previous run'],
      down: ['run-down', 'next run'],
      'page-up': ['runs-page-up', 'a page of runs up'],
      'page-down': ['runs-page-down', 'a page of runs down'],
      first: ['newest-run', 'the run that changed last', { command: 'newest', aliases: ['first', 'top'] }],
      last: ['oldest-run', 'the run that changed first', { command: 'oldest', aliases: ['last', 'bottom', 'end'] }],
    },
    label: 'select',
    when: isSelected,
    moved: moveSelection,
  }),
  {
    id: 'filter-runs',
    group: 'views',
    command: 'filter',
    aliases: ['search', 'find'],
    keys: ['/'],
    label: 'filter',
    help: 'list only runs whose name or model contains some text',
    when: (state) => (state.ui.entries ?? []).length > 0,
    run: (state) =>
      noEffects(
        edit(state, {
          field: 'filter',
          label: 'filter',
          hint: 'part of the name of a run or a model',
          text: state.ui.filter,
        }),
      ),
  },
  {
    id: 'look-in',
    group: 'views',
    command: 'folder',
    aliases: ['look in', 'directory'],
    keys: ['o'],
    label: '',
    help: 'also list the runs of another folder',
    run: (state) =>
      noEffects(
        edit(state, {
          field: 'look-in',
          label: 'folder',
          hint: 'of runs, or a run; tab completes',
          text: '',
          completes: 'path',
        }),
      ),
  },
  {
    id: 'end-engine',
    group: 'work',
    aliases: ['stop engine', 'shut down', 'kill'],
    keys: ['x'],
    label: 'end engine',
    help: 'end the engine of the run; an update keeps its state (asks first)',
    when: hasEngine,
    run: (state) => confirm(state, 'end-engine', endQuestion),
  },
  {
    id: 'delete-run',
    group: 'files',
    command: 'delete',
    aliases: ['remove'],
    keys: ['D'],
    label: 'delete',
    help: 'delete the run with all its rounds and policies (asks first)',
    when: isSelected,
    run: (state) => confirm(state, 'delete', deleteQuestion),
  },
];

/** The example, unless this folder holds a model. */
function firstSource({ ui }: RunsState): FormSource {
  const folder = ui.survey?.folder;
  const found = folder?.status === 'known' ? folder.facts : null;
  return found === null || found.models.length === 0 ? { from: 'example' } : { from: 'folder', found };
}

export function moveSelection(state: RunsState, move: Move): RunsState {
  const { entries, at, table } = runsLayout(state);
  return selectRun(state, movedTo(at, move, entries.length, table));
}

export function selectRun(state: RunsState, at: number): RunsState {
  const { entries, top, table } = runsLayout(state);
  return {
    ...state,
    ui: {
      ...state.ui,
      selected: entries.at(at)?.directory ?? null,
      top: windowFor(at, top, entries.length, table),
    },
  };
}

export function openSelected(state: RunsState): Step<RunsState> {
  const { selected } = runsLayout(state);
  if (selected === null) return noEffects(state);
  if (selected.seen === null) return noEffects({ ...state, notice: selected.problem });
  return task(state, { task: 'open', directory: selected.directory });
}

export function task(state: RunsState, todo: HomeTask): Step<RunsState> {
  return { state, effects: [{ do: 'home', task: todo }] };
}

function edit(state: RunsState, line: Pick<EditModal, 'field' | 'label' | 'hint' | 'text' | 'completes'>): RunsState {
  return { ...state, modal: { kind: 'edit', owner: 'runs', error: null, ...line } };
}

/** Asks before something is done to the selected run. The question keeps its directory: the selection may change. */
function confirm(
  state: RunsState,
  what: 'end-engine' | 'delete',
  question: (entry: RunEntry, place: PathContext) => string[],
): Step<RunsState> {
  const { selected } = runsLayout(state);
  if (selected === null) return noEffects(state);
  const lines = question(selected, state.home.place).map((line) => makeLine(line, 200));
  return ask(state, 'runs', `${what} ${selected.directory}`, lines);
}

export function confirmed(state: RunsState, what: string): Step<RunsState> {
  const space = what.indexOf(' ');
  const directory = what.slice(space + 1);
  return task(state, { task: what.slice(0, space) === 'delete' ? 'delete' : 'end-engine', directory });
}

function endQuestion({ directory, engine }: RunEntry, place: PathContext): string[] {
  const consequence =
    engine.state === 'working'
      ? 'Its work stops now and resumes from its last saved state at the next start.'
      : 'Terminals attached to it are disconnected; opening the run starts it again.';
  return [`End the engine of ${runName(directory, place)}?`, consequence];
}

function deleteQuestion({ directory, seen }: RunEntry, place: PathContext): string[] {
  const rounds = seen === null ? 'all its rounds' : of(seen.rounds, 'round');
  return [`Delete ${runName(directory, place)}?`, `Its ${rounds} and their policies are deleted for good.`];
}
