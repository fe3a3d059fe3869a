import type { ReviewState } from '../state.js';
import type { ReactNode } from 'react';
import * as format from '../../../../src/core/format.js';
import type { HackingReport } from '../../../../src/core/review/hacking.js';
import { type HackingLayout, factsOf, hackingLayout, labelWidth, listRows, reportOf } from '../hacking.js';
import { type ReviewedRound, unitOf } from '../select.js';

import { makeLine } from '../../../../src/core/sanitize.js';

import { cut, fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Pane, PaneRow } from '../../../parts/Pane.js';
import { Rule } from '../../../parts/Rule.js';

export interface HackingPaneProps {
  readonly state: ReviewState;
  readonly reviewed: ReviewedRound;
}

/** Signs of reward hacking: reward against length, phrases of the chosen responses, the person against the rewards. */
export function HackingPane({ state, reviewed: { table } }: HackingPaneProps) {
  const { columns } = state.size;
  const report = reportOf(state);
  if (report === null) {
    return (
      <>
        <Rule title="Signs of reward hacking" width={columns} />
        <Line tone="muted">Counting words and phrases; you can continue meanwhile …</Line>
      </>
    );
  }
  const layout = hackingLayout(state, report, table);
  const facts = factsOf(report, table, unitOf(state));
  const signs = facts.filter(({ sign }) => sign).length;
  return (
    <>
      <Rule title="Signs of reward hacking" right={`${signs} of ${facts.length}${unseen(layout)}`} width={columns} />
      <Beside layout={layout}>
        <Facts layout={layout} />
        <Phrases report={report} layout={layout} selected={state.ui.phrase} />
      </Beside>
    </>
  );
}

/** How many lines of facts are above and below the visible ones. */
function unseen({ facts, factRows, factTop }: HackingLayout): string {
  const below = facts.length - factTop - factRows;
  return `${factTop > 0 ? ` · ↑${factTop}` : ''}${below > 0 ? ` · ↓${below}` : ''}`;
}

interface BesideProps {
  readonly layout: HackingLayout;
  readonly children: readonly [ReactNode, ReactNode];
}

function Beside({ layout: { beside, factColumns, factRows, listColumns, rows }, children }: BesideProps) {
  if (!beside) return <>{children}</>;
  return (
    <PaneRow gap={2}>
      <Pane columns={factColumns} rows={factRows}>
        {children[0]}
      </Pane>
      <Pane columns={listColumns} rows={rows + 1}>
        {children[1]}
      </Pane>
    </PaneRow>
  );
}

function Facts({ layout: { facts, factRows, factTop } }: { readonly layout: HackingLayout }) {
  return (
    <>
      {facts.slice(factTop, factTop + factRows).map(({ label, text, sign }, i) => (
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
  const list = listRows(report);
  const place = list.length > rows ? ` · ${top + 1}–${Math.min(list.length, top + rows)} of ${list.length}` : '';
  const head = `${'chosen'.padStart(9)}${'rejected'.padStart(10)}${'z'.padStart(6)}  `;
  return (
    <>
      <Line tone="title">{cut(`${head}phrase${place}${read}`, columns)}</Line>
      {list.slice(top, top + rows).map((row, i) => {
        if ('heading' in row) return <Line key={i} tone="muted">{`  ${cut(row.heading, columns - 2)}`}</Line>;
        const { text, chosen, rejected, z } = row.phrase;
        const here = row.at === selected;
        const numbers = `${format.count(chosen).padStart(8)}${format.count(rejected).padStart(10)}${format.fixed(z, 1).padStart(6)}`;
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
