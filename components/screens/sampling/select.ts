/** Derives the sampling screen from its slice: responses, servers, selection, and the rows that each part gets. */
import type { SamplingState, SamplingUi } from './state.js';
import { samplingUi } from './state.js';
import { namedParts } from '../../../src/core/config/rewardSpec.js';
import { fixed } from '../../../src/core/format.js';
import { partMeans } from '../../../src/core/rewardParts.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { ResponseSeen, RoundData } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop, windowFor } from '../../app/lists.js';
import { currentRound, shown } from '../../app/selectors.js';
import { wrapped } from '../../parts/markedText.js';
import { positionOf, samplesOf } from '../../parts/newest.js';
import { type PieceLine, endpointBlock, endpointParagraphs } from '../../parts/endpointLines.js';

/** Lines of which `rows` are visible, from `top` on. */
interface Scrolled<Line> {
  lines: readonly Line[];
  rows: number;
  top: number;
}

export interface SamplingLayout {
  view: 'list' | 'text' | 'servers';
  /** The newest first. */
  responses: readonly ResponseSeen[];
  /** The newest response is selected, also once a newer one arrives. */
  follows: boolean;
  /** Place of the selected response; past the end if it is no longer among the newest. */
  place: number;
  /** The selected response, with its reward once that is known; null if there is no response. */
  selected: ResponseSeen | null;
  /** The sampling servers: a block above the charts, or all of them in full; no lines without servers. */
  servers: Scrolled<PieceLine>;
  chartRows: number;
  /** First row of the list in the screen's body. */
  listTop: number;
  /** Rows of the list with its rule, and of the selected response beside it. */
  listRows: number;
  /** First visible place of the list, the number of responses it shows (two lines each), and its width. */
  top: number;
  items: number;
  listColumns: number;
  /** Text of the selected response; 0 rows: not shown. */
  text: Scrolled<TextLine> & { columns: number };
}

export interface TextLine {
  text: string;
  ofPrompt: boolean;
}

/** Rows of the progress bar and of the sampling settings. */
const headRows = 3;
/** From this width on the selected response is shown beside the list. */
const wide = 120;

/** The slice, if it is about the round that is shown; else a new one. */
export function uiOf(state: SamplingState): SamplingUi {
  const round = shown(state)?.round ?? null;
  return state.ui.round === round ? state.ui : { ...samplingUi, round };
}

export function samplingLayout(state: SamplingState): SamplingLayout {
  const { columns } = state.size;
  const rows = bodyRows(state);
  const data = shown(state);
  const ui = uiOf(state);
  const responses = data === null ? [] : samplesOf(data);
  const place = positionOf(responses, ui.selected);
  const selected = responses.at(place) ?? ui.selected;
  const endpoints = data?.servers ?? [];
  // A restarted engine's servers have not reported yet.
  const showsServers = ui.serversTop !== null && endpoints.length > 0;
  const reading = ui.reading && responses.length > 0;
  const serverLines = showsServers ? endpointParagraphs(endpoints, columns) : endpointBlock(endpoints, columns, rows);
  const serverRows = showsServers ? rows - 1 : serverLines.length;
  const above = headRows + (!showsServers && serverLines.length > 0 ? serverLines.length + 1 : 0);
  const chartRows = Math.max(4, Math.min(14, Math.floor((rows - above + headRows) / 3)));
  const listRows = rows - above - chartRows - 1;
  const items = Math.max(1, Math.floor(listRows / 2));
  const beside = columns >= wide;
  const listColumns = beside ? Math.floor((columns - 3) / 2) : columns;
  const textColumns = reading ? columns : beside ? columns - listColumns - 3 : 0;
  const textRows = reading ? rows - 1 : beside ? listRows : 0;
  const textLines = selected === null || textColumns === 0 ? [] : linesOf(selected, textColumns);
  return {
    view: showsServers ? 'servers' : reading ? 'text' : 'list',
    responses,
    follows: ui.selected === null,
    place,
    selected,
    servers: {
      lines: serverLines,
      rows: serverRows,
      top: clampTop(ui.serversTop ?? 0, serverLines.length, serverRows),
    },
    chartRows,
    // Beneath the head, the servers, the histograms and a rule.
    listTop: above + chartRows + 1,
    listRows: listRows + 1,
    top: windowFor(place, ui.top, responses.length, items),
    items,
    listColumns,
    text: {
      lines: textLines,
      columns: textColumns,
      rows: textRows,
      top: clampTop(ui.textTop, textLines.length, textRows),
    },
  };
}

/** The text that scrolls now: the servers in full, or the selected response. */
export function scrolledText(layout: SamplingLayout): Scrolled<unknown> {
  return layout.view === 'servers' ? layout.servers : layout.text;
}

/** Responses that are sampled for each prompt of the current round, K. */
export function samplesPerPrompt(state: SamplingState): number {
  const own = currentRound(state)?.overrides.sampling?.['samples_per_prompt'];
  return typeof own === 'number' ? own : (state.run?.config.sampling.samples_per_prompt ?? 0);
}

function linesOf({ prompt, text }: ResponseSeen, columns: number): TextLine[] {
  const own = (line: string): TextLine => ({ text: line, ofPrompt: false });
  return [
    ...wrapped(prompt, columns).map((line) => ({ text: line, ofPrompt: true })),
    own(''),
    ...wrapped(text, columns).map(own),
  ];
}

const means = new WeakMap<RoundData['review'], { spec: string; text: string }>();

/** Means of the reward's parts over the scored responses: `parts 0.7·hf:judge 1.20, …`; empty without parts. */
export function partMeansText({ review }: RoundData, spec: string): string {
  const found = means.get(review);
  if (found?.spec === spec) return found.text;
  const named = namedParts(spec);
  const values = review.flatMap(({ parts }) => parts ?? []).filter((parts) => parts.length === named.length);
  const text =
    named.length === 0 || values.length === 0
      ? ''
      : `parts ${partMeans(values)
          .map((mean, p) => `${named[p].weight}·${makeLine(named[p].name, 24)} ${fixed(mean, 2)}`)
          .join(', ')}`;
  means.set(review, { spec, text });
  return text;
}
