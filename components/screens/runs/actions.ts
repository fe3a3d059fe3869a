/** Keys of the list of runs. */
import type { RunsState } from './state.js';
import type { Action } from '../../app/state.js';

import { runsLayout } from './select.js';

const isSelected = (state: RunsState): boolean => runsLayout(state).selected !== null;
const isReadable = (state: RunsState): boolean => runsLayout(state).selected?.seen != null;
const isNone = (state: RunsState): boolean => !isSelected(state);
const hasEngine = (state: RunsState): boolean => {
  const engine = runsLayout(state).selected?.engine.state ?? 'stopped';
  return engine !== 'stopped' && engine !== 'elsewhere';
};

export const runsKeys = [
  {
    id: 'open-run',
    command: 'open',
    aliases: ['attach'],
    keys: ['enter'],
    label: 'open',
    help: 'open the run: attach to its engine, which is started where none runs',
    when: isSelected,
  },
  {
    id: 'first-run',
    command: 'new-run',
    aliases: ['create', 'set up'],
    keys: ['enter', 'n'],
    label: 'new run',
    help: 'set up a run; the bundled example is filled in',
    when: isNone,
  },
  {
    id: 'new-run',
    aliases: ['create', 'set up'],
    keys: ['n'],
    label: 'new run',
    help: 'set up a new run; the bundled example is filled in',
    when: isSelected,
  },
  {
    id: 'like-run',
    command: 'copy-run',
    aliases: ['duplicate', 'like this'],
    keys: ['c'],
    label: 'copy',
    help: "set up a new run with the selected one's settings",
    when: isReadable,
  },
  { id: 'run-up', command: 'up', keys: ['up', 'k'], label: '', help: 'previous run', when: isSelected },
  {
    id: 'run-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'select',
    sign: '↑↓',
    help: 'next run',
    when: isSelected,
  },
  { id: 'runs-page-up', command: 'page-up', keys: ['pageup'], label: '', help: 'a page of runs up', when: isSelected },
  {
    id: 'runs-page-down',
    command: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page of runs down',
    when: isSelected,
  },
  {
    id: 'newest-run',
    command: 'newest',
    aliases: ['first', 'top'],
    keys: ['home', 'g'],
    label: '',
    help: 'the run that changed last',
    when: isSelected,
  },
  {
    id: 'oldest-run',
    command: 'oldest',
    aliases: ['last', 'bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'the run that changed first',
    when: isSelected,
  },
  {
    id: 'filter-runs',
    command: 'filter',
    aliases: ['search', 'find'],
    keys: ['/'],
    label: 'filter',
    help: 'show only runs whose name or model has some letters',
    when: (state) => (state.ui.entries ?? []).length > 0,
  },
  {
    id: 'look-in',
    command: 'folder',
    aliases: ['look in', 'directory'],
    keys: ['o'],
    label: '',
    help: 'list the runs of another folder too',
  },
  {
    id: 'end-engine',
    aliases: ['stop engine', 'shut down', 'kill'],
    keys: ['x'],
    label: 'end engine',
    help: 'end the engine of the run; an update keeps its state (asks first)',
    when: hasEngine,
  },
  {
    id: 'delete-run',
    command: 'delete',
    aliases: ['remove'],
    keys: ['D'],
    label: 'delete',
    help: 'delete the run with all its rounds and policies (asks first)',
    when: isSelected,
  },
] as const satisfies readonly Omit<Action<RunsState>, 'run'>[];

export type RunsKey = (typeof runsKeys)[number]['id'];
