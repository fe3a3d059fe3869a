import { Box } from 'ink';
import type { ReactNode } from 'react';
import * as format from '../../src/ui/format.js';
import type { HackingReport } from '../../src/review/hacking.js';
import {
  type HackingLayout,
  factsOf,
  hackingLayout,
  labelWidth,
  listRows,
  reportOf,
} from '../../src/ui/review/hacking.js';
import type { Looking } from '../../src/ui/review/looking.js';
import { unitOf } from '../../src/ui/review/remark.js';
import { makeLine } from '../../src/ui/sanitize.js';
import type { State } from '../../src/ui/state.js';
import { cut, fit } from '../../src/ui/text.js';
import { Line, Tint } from '../Line.js';
import { Rule } from '../Rule.js';

export interface HackingPaneProps {
  readonly state: State;
  readonly looking: Looking;
}

/** Signs of reward hacking: how rewards go with length, what winners say, a person against the rewards. */
export function HackingPane({ state, looking: { table } }: HackingPaneProps) {
  const { columns } = state.size;
  const report = reportOf(state);
  if (report === null) {
    return (
      <>
        <Rule title="Signs of reward hacking" width={columns} />
        <Line tone="muted">Words and phrases are counted; everything else goes on …</Line>
      </>
    );
  }
  const layout = hackingLayout(state, report, table);
  const facts = factsOf(report, table, unitOf(state));
  const signs = facts.filter(({ sign }) => sign).length;
  return (
    <>
      <Rule title="Signs of reward hacking" right={`${signs} of ${facts.length}`} width={columns} />
      <Beside beside={layout.beside} columns={[layout.factColumns, layout.listColumns]}>
        <Facts layout={layout} />
        <Phrases report={report} layout={layout} selected={state.review.phrase} />
      </Beside>
    </>
  );
}

interface BesideProps {
  readonly beside: boolean;
  readonly columns: readonly [number, number];
  readonly children: readonly [ReactNode, ReactNode];
}

function Beside({ beside, columns, children }: BesideProps) {
  if (!beside) return <>{children}</>;
  return (
    <Box gap={2}>
      {children.map((child, i) => (
        <Box key={i} flexDirection="column" width={columns[i]}>
          {child}
        </Box>
      ))}
    </Box>
  );
}

function Facts({ layout: { facts } }: { readonly layout: HackingLayout }) {
  return (
    <>
      {facts.map(({ label, text, sign }, i) => (
        <Line key={i}>
          <Tint tone={sign ? 'warn' : 'title'}>{fit(`${sign && label !== '' ? '! ' : '  '}${label}`, labelWidth)}</Tint>
          {text}
        </Line>
      ))}
    </>
  );
}

interface PhrasesProps {
  readonly report: HackingReport;
  readonly layout: HackingLayout;
  readonly selected: number;
}

function Phrases({ report, layout: { rows, top, listColumns: columns }, selected }: PhrasesProps) {
  const read = report.read < report.length.pairs ? ` (${format.count(report.read)} pairs read)` : '';
  const head = `${'winners'.padStart(9)}${'losers'.padStart(8)}${'z'.padStart(6)}  `;
  return (
    <>
      <Line tone="title">{cut(`${head}phrase${read}`, columns)}</Line>
      {listRows(report)
        .slice(top, top + rows)
        .map((row, i) => {
          if ('heading' in row) return <Line key={i} tone="muted">{`  ${cut(row.heading, columns - 2)}`}</Line>;
          const { text, winners, losers, z } = row.phrase;
          const here = row.at === selected;
          const numbers = `${format.count(winners).padStart(8)}${format.count(losers).padStart(8)}${format.fixed(z, 1).padStart(6)}`;
          const phrase = makeLine(text, columns);
          return (
            <Line key={i} inverse={here}>
              {`${here ? '›' : ' '}${numbers}  `}
              <Tint tone="accent">{fit(phrase, Math.max(0, columns - head.length))}</Tint>
            </Line>
          );
        })}
    </>
  );
}
