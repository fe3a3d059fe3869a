import type { RunsState } from './state.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { count } from '../../../src/core/format.js';
import { endOf } from '../../parts/text.js';
import { runColumns, runName } from './columns.js';
import { detailLines } from './detail.js';
import { runsLayout } from './layout.js';
import { openCommand } from '../../../src/core/form/command.js';
import type { ViewProps } from '../../app/state.js';
import { RunsScreen } from './parts/RunsScreen.js';

export function RunsView({ state, columns }: ViewProps<RunsState>) {
  const { ui: runs, home } = state;
  const { place } = home;
  const { entries, at, selected, table, detail } = runsLayout(state);
  const command = selected === null ? '' : openCommand(selected.directory, place);
  return (
    <RunsScreen
      layout={runColumns(columns - 2, place, runs.at)}
      entries={entries}
      at={at}
      top={runs.top}
      rows={table}
      empty={emptyText(runs.entries === null, runs.filter, place.cwd)}
      title={selected === null ? '' : endOf(runName(selected.directory, place), Math.floor(columns / 2))}
      place={`${count(at + 1)}/${count(entries.length)}`}
      detail={
        selected === null
          ? []
          : [
              ...detailLines(selected, place, columns, detail - 2),
              { text: makeLine(`$ ${command}`, columns), tone: 'muted' },
            ]
      }
      columns={columns}
    />
  );
}

function emptyText(looking: boolean, filter: string, cwd: string): string {
  if (looking) return 'Looking for runs …';
  if (filter !== '') return `No run or model has “${makeLine(filter, 40)}” in its name; esc shows all.`;
  return `There are no runs in ${makeLine(cwd, 200)} or its runs folder yet. enter sets up the first one, with the bundled example filled in; o looks in another folder.`;
}
