/** The view of the review screen: one of its panes; the table with the α panel and the pair of the selected prompt. */
import type { ReactNode } from 'react';
import { makeLine } from '../../../src/core/sanitize.js';
import { bodyRows } from '../../app/layout.js';
import type { ViewProps } from '../../app/state.js';
import { Line } from '../../parts/Line.js';
import { wrapped } from '../../parts/markedText.js';
import { Pane, PaneRow } from '../../parts/Pane.js';
import { Rule } from '../../parts/Rule.js';
import { cut, widthOf } from '../../parts/text.js';
import { marginHistogram, panelCurves, panelNumbers } from './alpha.js';
import { AlphaColumn, AlphaCurves, AlphaLines, type AlphaLinesProps } from './parts/AlphaPanel.js';
import { BlindPane } from './parts/BlindPane.js';
import { DetailPane } from './parts/DetailPane.js';
import { HackingPane } from './parts/HackingPane.js';
import { PairingPane } from './parts/PairingPane.js';
import { PromptFacts } from './parts/PromptFacts.js';
import { ReviewTable, placeText } from './parts/ReviewTable.js';
import { ComparedTexts, PromptLines } from './parts/Texts.js';
import { TokensPane } from './parts/TokensPane.js';
import {
  type ReviewLayout,
  type ReviewedRound,
  comparedResponses,
  filterNow,
  gap,
  isMisfit,
  isOutOfOrder,
  rangeOf,
  reviewLayout,
  reviewedRound,
  unitOf,
  usesBeta,
} from './select.js';
import { sliderEnd } from './slider.js';
import type { ReviewState } from './state.js';
import { marksOf } from './marks.js';
import { marksInWords, misfitInWords, remarkOn } from './words.js';

interface PaneProps {
  readonly state: ReviewState;
  readonly reviewed: ReviewedRound;
}

export function ReviewView({ state }: ViewProps<ReviewState>) {
  const reviewed = reviewedRound(state);
  if (reviewed === null) {
    return <Line tone="muted">No pairs yet: they are built once all responses are scored.</Line>;
  }
  const panes = {
    table: TablePane,
    detail: DetailPane,
    tokens: TokensPane,
    alpha: AlphaPane,
    hacking: HackingPane,
    pairing: PairingPane,
    blind: BlindPane,
  };
  const Pane = panes[state.ui.pane];
  return <Pane state={state} reviewed={reviewed} />;
}

function alphaProps(state: ReviewState, { table, settings, loss }: ReviewedRound, columns: number): AlphaLinesProps {
  return {
    settings,
    numbers: panelNumbers(table, settings.alpha),
    end: sliderEnd(state),
    remark: remarkOn(state),
    unit: unitOf(state),
    updates: state.workspace !== 'file',
    usesBeta: usesBeta(state, loss),
    columns,
  };
}

/** The α panel above or beside the table, and below it the pair of the selected prompt. */
function TablePane({ state, reviewed }: PaneProps) {
  const { table, order, settings, row } = reviewed;
  const { columns } = state.size;
  const layout = reviewLayout(state);
  const { sort } = state.ui;
  const at = row === null ? 0 : order.places[row];
  const range = rangeOf(state);
  const rows = (
    <ReviewTable
      table={table}
      order={order}
      alpha={settings.alpha}
      sort={sort}
      at={at}
      top={layout.top}
      rows={layout.table}
      columns={layout.tableColumns}
      column={state.ui.column}
      range={range}
      isMisfit={(which) => isMisfit(state, reviewed, which)}
    />
  );
  const compared = row === null ? null : comparedResponses(state, reviewed, row);
  const place = placeText(order, at, table.rows.length, filterNow(state), isOutOfOrder(state), range);
  return (
    <>
      {layout.panel === 0 && <AlphaLines {...alphaProps(state, reviewed, columns)} />}
      {layout.panel === 0 ? (
        rows
      ) : (
        <PaneRow gap={gap}>
          <Pane columns={layout.tableColumns} rows={layout.table + 1}>
            {rows}
          </Pane>
          <Pane columns={layout.panel} rows={layout.table + 1}>
            <AlphaColumn {...alphaProps(state, reviewed, layout.panel)} />
            <Curves reviewed={reviewed} columns={layout.panel} rows={layout.table + 1 - 7} square={false} />
          </Pane>
        </PaneRow>
      )}
      <Rule
        title={row === null ? 'Prompt' : titleOf(state, reviewed, row, columns - widthOf(place) - 9)}
        right={place}
        width={columns}
      />
      {compared !== null && row !== null && (
        <BesideFacts state={state} reviewed={reviewed} row={row} layout={layout}>
          <PromptLines
            lines={wrapped(compared.prompt, layout.textColumns)}
            rows={layout.prompt}
            columns={layout.textColumns}
          />
          <ComparedTexts state={state} compared={compared} layout={layout} />
        </BesideFacts>
      )}
    </>
  );
}

interface BesideFactsProps extends PaneProps {
  readonly row: number;
  readonly layout: ReviewLayout;
  readonly children: ReactNode;
}

/** The prompt's texts; on a wide terminal with the facts on it beside them. */
function BesideFacts({ state, reviewed, row, layout, children }: BesideFactsProps) {
  const { facts, textColumns, prompt, text } = layout;
  if (facts === 0) return children;
  const rows = prompt + 1 + text;
  return (
    <PaneRow gap={gap}>
      <Pane columns={textColumns} rows={rows}>
        {children}
      </Pane>
      <Pane columns={facts} rows={rows}>
        <PromptFacts state={state} reviewed={reviewed} row={row} columns={facts} rows={rows} />
      </Pane>
    </PaneRow>
  );
}

/** The prompt's number, its marks in words and its note. */
function titleOf(state: ReviewState, reviewed: ReviewedRound, row: number, columns: number): string {
  const { table, settings } = reviewed;
  const note = table.decisions[row]?.note ?? '';
  const marks = marksInWords(marksOf(table, row, settings.alpha));
  const words = [...marks, ...misfitInWords(state, reviewed, row)].filter(
    (word) => note === '' || word !== 'has a note',
  );
  const all = [
    `Prompt ${table.rows[row].prompt_index + 1}`,
    ...words,
    ...(note === '' ? [] : [`note: ${makeLine(note, columns)}`]),
  ];
  return cut(all.join(' · '), columns);
}

/** The α panel alone, with large curves. */
function AlphaPane({ state, reviewed }: PaneProps) {
  const { columns } = state.size;
  return (
    <>
      <AlphaLines {...alphaProps(state, reviewed, columns)} />
      <Curves reviewed={reviewed} columns={columns} rows={bodyRows(state) - 3} square />
    </>
  );
}

interface CurvesProps {
  readonly reviewed: ReviewedRound;
  readonly columns: number;
  readonly rows: number;
  readonly square: boolean;
}

function Curves({ reviewed: { table, settings }, columns, rows, square }: CurvesProps) {
  const bins = square ? Math.floor((columns - 2) / 2) : columns;
  return (
    <AlphaCurves
      curves={panelCurves(table, settings.alpha)}
      histogram={marginHistogram(table, settings.alpha, bins)}
      numbers={panelNumbers(table, settings.alpha)}
      columns={columns}
      rows={rows}
      square={square}
    />
  );
}
