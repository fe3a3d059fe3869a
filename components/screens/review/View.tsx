import type { ReviewState } from './state.js';
import { bodyRows, topFor } from '../../app/layout.js';
import { marksOf } from './columns.js';
import { gap, reviewLayout, sideLines } from './layout.js';
import { type Looking, comparedIn, filterNow, isMisfit, isOutOfOrder, lookingAt } from './looking.js';
import { marginHistogram, panelCurves, panelNumbers, scaleOf } from './numbers.js';
import { remarkOn, unitOf } from './remark.js';
import { marksInWords, misfitInWords } from './reading.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { cut, widthOf } from '../../parts/text.js';
import { wrapped } from './texts.js';
import { shown } from '../../app/selectors.js';
import { Line } from '../../parts/Line.js';
import { Pane, PaneRow } from '../../parts/Pane.js';
import { Rule } from '../../parts/Rule.js';
import type { ViewProps } from '../../app/state.js';
import { AlphaCurves } from './parts/AlphaCurves.js';
import { AlphaColumn, type AlphaLinesProps, AlphaLines } from './parts/AlphaLines.js';
import { DetailPane } from './parts/DetailPane.js';
import { HackingPane } from './parts/HackingPane.js';
import { ReviewTable, placeText } from './parts/ReviewTable.js';
import { PromptLines, Texts } from './parts/Texts.js';
import { TokensPane } from './parts/TokensPane.js';

interface PaneProps {
  readonly state: ReviewState;
  readonly looking: Looking;
}

export function ReviewView({ state }: ViewProps<ReviewState>) {
  const looking = lookingAt(state);
  if (looking === null) {
    return <Line tone="muted">No pairs yet: they are made once all responses are scored.</Line>;
  }
  const panes = { table: TablePane, detail: DetailPane, tokens: TokensPane, alpha: AlphaPane, hacking: HackingPane };
  const Pane = panes[state.ui.pane];
  return <Pane state={state} looking={looking} />;
}

function alphaProps(state: ReviewState, { table, settings }: Looking, columns: number): AlphaLinesProps {
  return {
    settings,
    numbers: panelNumbers(table, settings.alpha),
    end: scaleOf(table, settings.alpha),
    remark: remarkOn(state),
    unit: unitOf(state),
    updates: state.workspace !== 'file',
    usesBeta: shown(state)?.weights.need === 'logps',
    columns,
  };
}

/** The α panel above or beside the table, and the pair of the selected prompt. */
function TablePane({ state, looking }: PaneProps) {
  const { table, order, settings, row } = looking;
  const { columns } = state.size;
  const layout = reviewLayout(state);
  const { textTop, sort } = state.ui;
  const at = row === null ? 0 : order.places[row];
  const top = topFor(at, Math.min(state.ui.top, Math.max(0, order.rows.length - layout.table)), layout.table);
  const rows = (
    <ReviewTable
      table={table}
      order={order}
      alpha={settings.alpha}
      sort={sort}
      at={at}
      top={top}
      rows={layout.table}
      columns={layout.tableColumns}
      isMisfit={(which) => isMisfit(state, looking, which)}
    />
  );
  const compared = row === null ? null : comparedIn(state, looking, row);
  const place = placeText(order, at, table.rows.length, filterNow(state), isOutOfOrder(state));
  return (
    <>
      {layout.panel === 0 && <AlphaLines {...alphaProps(state, looking, columns)} />}
      {layout.panel === 0 ? (
        rows
      ) : (
        <PaneRow gap={gap}>
          <Pane columns={layout.tableColumns} rows={layout.table + 1}>
            {rows}
          </Pane>
          <Pane columns={layout.panel} rows={layout.table + 1}>
            <AlphaColumn {...alphaProps(state, looking, layout.panel)} />
            <Curves looking={looking} columns={layout.panel} rows={layout.table + 1 - 7} square={false} />
          </Pane>
        </PaneRow>
      )}
      <Rule
        title={row === null ? 'Prompt' : titleOf(state, looking, row, columns - widthOf(place) - 9)}
        right={place}
        width={columns}
      />
      {compared !== null && (
        <>
          <PromptLines lines={wrapped(compared.prompt, columns)} rows={layout.prompt} columns={columns} />
          <Texts
            sides={compared.sides}
            lines={sideLines(state, compared, layout.beside)}
            unit={unitOf(state)}
            columns={columns}
            rows={layout.text}
            beside={layout.beside}
            top={textTop}
          />
        </>
      )}
    </>
  );
}

/** The prompt's number, its marks in words and its note. */
function titleOf(state: ReviewState, looking: Looking, row: number, columns: number): string {
  const { table, settings } = looking;
  const note = table.decisions[row]?.note ?? '';
  const marks = marksInWords(marksOf(table, row, settings.alpha));
  const words = [...marks, ...misfitInWords(state, looking, row)].filter(
    (word) => note === '' || word !== 'has a note',
  );
  const all = [
    `Prompt ${table.rows[row].prompt_index + 1}`,
    ...words,
    ...(note === '' ? [] : [`note: ${makeLine(note, columns)}`]),
  ];
  return cut(all.join(' · '), columns);
}

/** The α panel alone, with its curves large. */
function AlphaPane({ state, looking }: PaneProps) {
  const { columns } = state.size;
  return (
    <>
      <AlphaLines {...alphaProps(state, looking, columns)} />
      <Curves looking={looking} columns={columns} rows={bodyRows(state) - 3} square />
    </>
  );
}

interface CurvesProps {
  readonly looking: Looking;
  readonly columns: number;
  readonly rows: number;
  readonly square: boolean;
}

function Curves({ looking: { table, settings }, columns, rows, square }: CurvesProps) {
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
