/** How the sampling screen shares out its rows, and what is selected on it. */
import type { SamplingState } from './state.js';
import type { ResponseSeen } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { wrapped } from '../../parts/markedText.js';
import { shown } from '../../app/selectors.js';
import { placeOf, samplesOf } from '../../parts/newest.js';
import { type PieceLine, endpointBlock, endpointParagraphs } from '../../parts/endpointLines.js';

export interface SamplingLayout {
  /** The newest first. */
  responses: readonly ResponseSeen[];
  /** Place of the selected one among them; past the end where it is no longer among the newest. */
  place: number;
  /** What is selected, with its reward where that is known by now; null where there is nothing. */
  selected: ResponseSeen | null;
  /**
   * Lines of the sampling servers beneath their rule: a block above the charts, or, where they fill the screen, all of
   * them; empty without servers.
   */
  servers: { lines: readonly PieceLine[]; rows: number };
  chartRows: number;
  /** First row of the list in the screen's body. */
  listTop: number;
  /** Rows of the list with its rule, and of the selected response beside it. */
  listRows: number;
  /** Responses that the list shows, two lines each, and its width. */
  items: number;
  listColumns: number;
  /** Lines of the selected response's text, its width and how many are seen; 0: not shown. */
  text: { lines: readonly TextLine[]; columns: number; rows: number };
}

export interface TextLine {
  text: string;
  ofPrompt: boolean;
}

/** Progress, and what is sampled. */
const headRows = 3;
/** From this width on the selected response stands beside the list. */
const wide = 120;

export function samplingLayout(state: SamplingState): SamplingLayout {
  const { columns } = state.size;
  const rows = bodyRows(state);
  const data = shown(state);
  const responses = data === null ? [] : samplesOf(data);
  const place = placeOf(responses, state.ui.selected);
  const selected = responses.at(place) ?? state.ui.selected;
  const { reading, serversTop } = state.ui;
  const endpoints = data?.servers ?? [];
  const lines = serversTop === null ? endpointBlock(endpoints, columns, rows) : endpointParagraphs(endpoints, columns);
  const servers = { lines, rows: serversTop === null ? lines.length : rows - 1 };
  const above = headRows + (serversTop === null && lines.length > 0 ? lines.length + 1 : 0);
  const chartRows = Math.max(4, Math.min(14, Math.floor((rows - above + headRows) / 3)));
  const listRows = rows - above - chartRows - 1;
  const beside = columns >= wide;
  const listColumns = beside ? Math.floor((columns - 3) / 2) : columns;
  const textColumns = reading ? columns : beside ? columns - listColumns - 3 : 0;
  const texts = selected === null || textColumns === 0 ? [] : linesOf(selected, textColumns);
  return {
    ...{ responses, place, selected, servers, chartRows, listColumns, listRows: listRows + 1 },
    // Beneath head, servers, histograms and a rule.
    listTop: above + chartRows + 1,
    items: Math.max(1, Math.floor(listRows / 2)),
    text: { lines: texts, columns: textColumns, rows: reading ? rows - 1 : beside ? listRows : 0 },
  };
}

function linesOf({ prompt, text }: ResponseSeen, columns: number): TextLine[] {
  const own = (line: string): TextLine => ({ text: line, ofPrompt: false });
  return [
    ...wrapped(prompt, columns).map((line) => ({ text: line, ofPrompt: true })),
    own(''),
    ...wrapped(text, columns).map(own),
  ];
}
