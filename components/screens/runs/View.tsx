import type { RunsState } from './state.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { count } from '../../../src/core/format.js';
import { endOf } from '../../parts/text.js';
import { cellText, detailLines, engineText, runColumns, runName, runsLayout, type RunColumn } from './select.js';
import { openCommand } from '../../../src/core/form/command.js';
import type { ViewProps } from '../../app/state.js';
import type { RunEntry } from '../../../src/run/preflight/runs.js';
import type { Tone } from '../../parts/theme.js';
import { Line, Tint } from '../../parts/Line.js';
import { Paragraph } from '../../parts/Paragraph.js';
import { Rule } from '../../parts/Rule.js';

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

export interface DetailLine {
  readonly text: string;
  readonly tone: Tone;
}

export interface RunsScreenProps {
  readonly layout: readonly RunColumn[];
  readonly entries: readonly RunEntry[];
  /** Place of the selected run, and the first visible one. */
  readonly at: number;
  readonly top: number;
  readonly rows: number;
  /** Said instead of a list that is empty. */
  readonly empty: string;
  readonly title: string;
  readonly place: string;
  readonly detail: readonly DetailLine[];
  readonly columns: number;
}

/** Every run with what came of it last, and what is known of the selected one below. */
export function RunsScreen(props: RunsScreenProps) {
  const { layout, entries, at, top, rows, empty, title, place, detail, columns } = props;
  if (entries.length === 0) return <Paragraph columns={columns}>{empty}</Paragraph>;
  return (
    <>
      <Line tone="title">
        {'  '}
        {layout.map((column) => cellText(column, column.heading)).join('')}
      </Line>
      {Array.from({ length: rows }, (_, i) => {
        const entry = entries.at(top + i);
        if (entry === undefined) return <Line key={i} />;
        const selected = top + i === at;
        return (
          <Line key={entry.directory} inverse={selected} tone={entry.seen === null ? 'muted' : 'plain'}>
            {selected ? '› ' : '  '}
            {layout.map((column) => {
              const text = cellText(column, column.cell(entry));
              const { tone } = column.heading === 'engine' ? engineText(entry) : { tone: null };
              return tone === null ? (
                text
              ) : (
                <Tint key={column.heading} tone={tone}>
                  {text}
                </Tint>
              );
            })}
          </Line>
        );
      })}
      <Rule title={title} right={place} width={columns} />
      {detail.map(({ text, tone }, i) => (
        <Line key={i} tone={tone}>
          {text}
        </Line>
      ))}
    </>
  );
}
