import { type RunColumn, cellText, engineText } from '../columns.js';
import type { Tone } from '../../../parts/theme.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Paragraph } from '../../../parts/Paragraph.js';
import { Rule } from '../../../parts/Rule.js';
import type { RunEntry } from '../../../../src/core/runs.js';

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
