/** How the sampling screen shares out its rows, and what is selected on it. */
import type { ResponseSeen } from '../../engine/protocol.js';
import { bodyRows } from '../layout.js';
import { wrapped } from '../marked.js';
import { type State, shown } from '../state.js';
import { placeOf, samplesOf } from '../newest.js';

export interface SamplingLayout {
  /** The newest first. */
  responses: readonly ResponseSeen[];
  /** Place of the selected one among them; past the end where it is no longer among the newest. */
  place: number;
  /** What is selected, with its reward where that is known by now; null where there is nothing. */
  selected: ResponseSeen | null;
  chartRows: number;
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
/** First row of the list in the screen's body: beneath head, histograms and a rule. */
export const listTop = (chartRows: number): number => headRows + chartRows + 1;
/** From this width on the selected response stands beside the list. */
const wide = 120;

export function samplingLayout(state: State): SamplingLayout {
  const { columns } = state.size;
  const rows = bodyRows(state);
  const data = shown(state);
  const responses = data === null ? [] : samplesOf(data);
  const place = placeOf(responses, state.sampling.selected);
  const selected = responses.at(place) ?? state.sampling.selected;
  const chartRows = Math.max(4, Math.min(14, Math.floor(rows / 3)));
  const listRows = rows - headRows - chartRows - 1;
  const { reading } = state.sampling;
  const beside = columns >= wide;
  const listColumns = beside ? Math.floor((columns - 3) / 2) : columns;
  const textColumns = reading ? columns : beside ? columns - listColumns - 3 : 0;
  const lines = selected === null || textColumns === 0 ? [] : linesOf(selected, textColumns);
  return {
    ...{ responses, place, selected, chartRows, listColumns, listRows: listRows + 1 },
    items: Math.max(1, Math.floor(listRows / 2)),
    text: { lines, columns: textColumns, rows: reading ? rows - 1 : beside ? listRows : 0 },
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
