import { openCommand } from '../../../src/core/form/command.js';
import { count } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { RunEntry } from '../../../src/core/runs.js';
import type { ViewProps } from '../../app/state.js';
import { Line, Tint } from '../../parts/Line.js';
import { Paragraph } from '../../parts/Paragraph.js';
import { Rule } from '../../parts/Rule.js';
import { endOf } from '../../parts/text.js';
import {
  type RunColumn,
  cellText,
  detailLines,
  engineText,
  isWelcome,
  runColumns,
  runName,
  runsLayout,
} from './select.js';
import type { RunsState } from './state.js';
import { type WelcomeLine, welcomeLines } from './welcome.js';

/** Every run with its latest results, and details of the selected one below. */
export function RunsView({ state, columns, rows }: ViewProps<RunsState>) {
  const { ui, home } = state;
  const { place } = home;
  const { entries, at, selected, top, table, detail } = runsLayout(state);
  if (ui.entries === null) return <Line tone="muted">Looking for runs …</Line>;
  if (isWelcome(state)) return <Welcome lines={welcomeLines(state, columns, rows)} />;
  if (selected === null)
    return (
      <Paragraph columns={columns}>
        {`No run or model has “${makeLine(ui.filter, 40)}” in its name; esc shows all.`}
      </Paragraph>
    );
  const layout = runColumns(columns - 2, place, ui.at);
  return (
    <>
      <Line tone="title">
        {'  '}
        {layout.map((column) => cellText(column, column.heading)).join('')}
      </Line>
      {Array.from({ length: table }, (_, i) => {
        const entry = entries.at(top + i);
        if (entry === undefined) return <Line key={i} />;
        return <RunRow key={entry.directory} entry={entry} layout={layout} selected={top + i === at} />;
      })}
      <Rule
        title={endOf(runName(selected.directory, place), Math.floor(columns / 2))}
        right={`${count(at + 1)}/${count(entries.length)}`}
        width={columns}
      />
      {detailLines(selected, place, columns, detail - 2).map(({ text, tone }, i) => (
        <Line key={i} tone={tone}>
          {text}
        </Line>
      ))}
      <Line tone="muted">{makeLine(`$ ${openCommand(selected.directory, place)}`, columns)}</Line>
    </>
  );
}

/** Before the first run: what this machine and folder offer, and how to begin. */
function Welcome({ lines }: { readonly lines: readonly WelcomeLine[] }) {
  return lines.map(({ label, text, tone }, i) => (
    <Line key={i} tone={tone}>
      {label !== '' && <Tint tone="accent">{label}</Tint>}
      {text}
    </Line>
  ));
}

interface RunRowProps {
  readonly entry: RunEntry;
  readonly layout: readonly RunColumn[];
  readonly selected: boolean;
}

function RunRow({ entry, layout, selected }: RunRowProps) {
  return (
    <Line inverse={selected} tone={entry.seen === null ? 'muted' : 'plain'}>
      {selected ? '› ' : '  '}
      {layout.map((column) => {
        const text = cellText(column, column.cell(entry));
        if (column.heading !== 'engine') return text;
        return (
          <Tint key={column.heading} tone={engineText(entry).tone}>
            {text}
          </Tint>
        );
      })}
    </Line>
  );
}
