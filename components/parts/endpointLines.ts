/**
 * The sampling servers in lines: a fold of at most three lines on a small screen, a table on a large one, and every endpoint
 * in full. Texts that servers sent are made visible here.
 */
import type { EndpointView, Verification } from '../../src/protocol/messages.js';
import { largest, smallest } from '../../src/core/limits.js';
import { count, fixed, of, percent } from '../../src/core/format.js';
import { makeLine, makeVisible } from '../../src/core/sanitize.js';
import { cut, firstLines, fit, widthOf, wrap } from './text.js';
import type { Tone } from './theme.js';

/** A stretch of a line in one tone. */
export interface Piece {
  text: string;
  tone: Tone;
}
export type PieceLine = readonly Piece[];

const kinds: Record<NonNullable<EndpointView['kind']>, string> = { vllm: 'vLLM', sglang: 'SGLang' };
const stateTones: Record<EndpointView['state'], Tone> = {
  connecting: 'muted',
  loading: 'muted',
  verifying: 'muted',
  ready: 'good',
  down: 'bad',
};

/** Host and port, with the path of a server behind a proxy. */
export function endpointName(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const name = parsed === null ? url : `${parsed.host}${parsed.pathname.replace(/\/+$/, '')}`;
  return makeLine(name, 120);
}

function serverText({ kind, version }: EndpointView): string {
  return [kind === null ? '' : kinds[kind], makeLine(version, 24)].filter((part) => part !== '').join(' ');
}

const hasFailed = ({ state, verification }: EndpointView): boolean =>
  state === 'down' || verification?.verdict === 'failed';

/** Failing ones first, then those that are not ready, then the rest, each in the order of the configuration. */
function byUrgency(servers: readonly EndpointView[]): EndpointView[] {
  const rank = (server: EndpointView): number => (hasFailed(server) ? 0 : server.state === 'ready' ? 2 : 1);
  return [...servers].sort((a, b) => rank(a) - rank(b));
}

/** `12 of 16 ready · 3 loading · 1 down`. */
export function readiness(servers: readonly EndpointView[]): string {
  const among = (state: EndpointView['state']): number => servers.filter((server) => server.state === state).length;
  const others = (['connecting', 'loading', 'verifying', 'down'] as const)
    .filter((state) => among(state) > 0)
    .map((state) => `${among(state)} ${state}`);
  return [`${among('ready')} of ${servers.length} ready`, ...others].join(' · ');
}

/** The weights that all verified endpoints hold and their largest differences, in one line. */
export function weightsText(servers: readonly EndpointView[]): string {
  const known = servers.flatMap(({ verification }) => verification ?? []);
  const good = known.filter(({ verdict }) => verdict !== 'failed');
  if (good.length === 0) return known.length === 0 ? 'not verified yet' : 'verification failed';
  const { weights } = good[0];
  const on = (['verified', 'agreed'] as const)
    .map((verdict) => [verdict, good.filter((one) => one.verdict === verdict).length] as const)
    .filter(([, among]) => among > 0)
    .map(([verdict, among]) => `${verdict} on ${among}`);
  const [mean, max] = [largestOf(good, 'mean'), largestOf(good, 'max')];
  const shifts = good.flatMap(({ shift }) => shift ?? []);
  return [
    `${makeLine(weights, 40)} ${on.join(', ')}`,
    ...(mean === null || max === null ? [] : [`mean diff ${difference(mean)}, max ${difference(max)}`]),
    ...(shifts.length === 0 ? [] : [`shows ${percent(100 * smallest(shifts), 0)} of the update`]),
  ].join(' · ');
}

function largestOf(known: readonly Verification[], key: 'mean' | 'max'): number | null {
  const values = known.flatMap((one) => one[key] ?? []);
  return values.length === 0 ? null : largest(values);
}

const difference = (nats: number): string => fixed(nats, 4);

/** What is wrong with an endpoint; null if nothing is. A failure that was retried is a warning. */
export function problemOf(server: EndpointView): Piece | null {
  const { url, state, verification, problem } = server;
  const failed = verification?.verdict === 'failed' ? verification.note : null;
  const reason = state === 'down' ? (problem ?? failed) : (failed ?? problem);
  if (state !== 'down' && reason === null) return null;
  const name = endpointName(url);
  // A problem's own sentence usually names the endpoint.
  const said = makeVisible(reason ?? 'it is down').replace(/\n/g, ' ');
  const named = (what: string): string => (said.includes(name) ? said : `${name}${what}: ${said}`);
  return hasFailed(server)
    ? { text: `✘ ${named('')}`, tone: 'bad' }
    : { text: `▲ ${named(', retried')}`, tone: 'warn' };
}

const problemsOf = (servers: readonly EndpointView[]): Piece[] =>
  byUrgency(servers).flatMap((server) => problemOf(server) ?? []);

/** A column of the table; cells are cut to its width. */
interface Column {
  heading: string;
  width: number;
  align: 'left' | 'right';
  cell(server: EndpointView): Piece;
}

const plain = (text: string): Piece => ({ text, tone: 'plain' });

const signs: Record<Verification['verdict'], string> = { verified: '✓', agreed: '≈', failed: '✘' };

function weightsCell({ verification }: EndpointView): Piece {
  if (verification === null) return { text: '', tone: 'muted' };
  const { verdict, weights } = verification;
  const tone = verdict === 'failed' ? 'bad' : verdict === 'verified' ? 'good' : 'plain';
  return { text: `${signs[verdict]} ${makeLine(weights, 24)}`, tone };
}

const columnsOf = (width: number): Column[] => {
  const right = (heading: string, columns: number, cell: (server: EndpointView) => string): Column => ({
    ...{ heading, width: columns, align: 'right' },
    cell: (server) => plain(cell(server)),
  });
  const others: Column[] = [
    { heading: 'server', width: 14, align: 'left', cell: (server) => plain(serverText(server)) },
    {
      ...{ heading: 'state', width: 10, align: 'left' },
      cell: ({ state }) => ({ text: state, tone: stateTones[state] }),
    },
    { heading: 'weights', width: 15, align: 'left', cell: weightsCell },
    right('mean diff', 9, ({ verification }) => difference(verification?.mean ?? NaN)),
    right('max diff', 8, ({ verification }) => difference(verification?.max ?? NaN)),
    right('shift', 6, ({ verification }) => percent(100 * (verification?.shift ?? NaN), 0)),
    right('in flight', 9, ({ in_flight }) => count(in_flight)),
    right('responses', 10, ({ done }) => count(done)),
    right('tokens/s', 9, ({ tokens_per_second }) => count(tokens_per_second)),
  ];
  const used = others.reduce((sum, column) => sum + column.width + 1, 0);
  const name: Column = {
    ...{ heading: 'endpoint', width: Math.max(12, width - used), align: 'left' },
    cell: ({ url }) => plain(endpointName(url)),
  };
  return [name, ...others];
};

function tableLine(columns: readonly Column[], cell: (column: Column) => Piece): PieceLine {
  return columns.map((column, i) => {
    const { text, tone } = cell(column);
    return { text: `${i === 0 ? '' : ' '}${fit(text, column.width, column.align)}`, tone };
  });
}

/** From this width and height on the endpoints are a table. */
const [tableColumns, tableRows] = [110, 28];

/**
 * The block above the histograms: at most `rows` lines beneath its rule.
 *
 * @param body rows of the whole screen
 */
export function endpointBlock(servers: readonly EndpointView[], columns: number, body: number): PieceLine[] {
  if (servers.length === 0) return [];
  if (columns < tableColumns || body < tableRows) return folded(servers, columns);
  const most = Math.max(4, Math.floor(body / 4));
  const problems = problemsOf(servers)
    .flatMap(({ text, tone }) => wrap(text, columns).map((line): Piece => ({ text: line, tone })))
    .slice(0, Math.max(3, most - servers.length));
  const columnsHere = columnsOf(columns);
  const room = Math.max(1, most - problems.length);
  const sorted = byUrgency(servers);
  const rows = sorted.length <= room ? sorted : sorted.slice(0, Math.max(0, room - 1));
  const rest = sorted.slice(rows.length);
  return [
    tableLine(columnsHere, ({ heading }) => ({ text: heading, tone: 'muted' })),
    ...rows.map((server) => tableLine(columnsHere, ({ cell }) => cell(server))),
    ...(rest.length === 0
      ? []
      : [[{ text: `… ${rest.length} more${restText(rest)} · v shows all`, tone: 'muted' } as Piece]]),
    ...problems.map((piece) => [piece]),
  ];
}

const restText = (rest: readonly EndpointView[]): string =>
  rest.every(({ state }) => state === 'ready') ? ', all ready' : `: ${readiness(rest)}`;

/** The worst in up to two lines: a problem in its place, else what the endpoints hold. */
function folded(servers: readonly EndpointView[], columns: number): PieceLine[] {
  const [problem, ...more] = problemsOf(servers);
  if (problem === undefined) {
    const working = `${of(sumOf(servers, 'in_flight'), 'request')} in flight`;
    const line = `${weightsText(servers)} · ${working}`;
    return [[{ text: cut(widthOf(line) <= columns ? line : weightsText(servers), columns), tone: 'muted' }]];
  }
  const rest = more.length === 0 ? '' : ` · and ${more.length} more (v)`;
  const lines = firstLines(wrap(problem.text, columns - (rest === '' ? 0 : rest.length)), 2, columns - rest.length);
  return lines.map((line, i) => [{ text: i === lines.length - 1 ? line + rest : line, tone: problem.tone }]);
}

function sumOf(servers: readonly EndpointView[], key: 'in_flight' | 'done' | 'tokens_per_second'): number {
  return servers.reduce((sum, server) => sum + server[key], 0);
}

/** Every endpoint in full, in the order of the configuration. */
export function endpointParagraphs(servers: readonly EndpointView[], columns: number): PieceLine[] {
  return servers.flatMap((server) => {
    const state = fit(server.state, 10);
    const name = fit(endpointName(server.url), Math.max(16, Math.min(48, columns - 30)));
    const head: PieceLine = [
      { text: name, tone: 'title' },
      { text: `  ${state}`, tone: stateTones[server.state] },
      { text: `  ${serverText(server)}`, tone: 'plain' },
    ];
    const problem = problemOf(server);
    const said = [
      { text: workText(server), tone: 'muted' as Tone },
      { text: verificationText(server.verification), tone: 'plain' as Tone },
      ...(problem === null ? [] : [problem]),
    ];
    const below = said.flatMap(({ text, tone }) =>
      wrap(text, columns - 2).map((line): PieceLine => [{ text: `  ${line}`, tone }]),
    );
    return [head, ...below];
  });
}

function workText({ in_flight, done, retried, tokens_per_second }: EndpointView): string {
  return [
    `${of(in_flight, 'request')} in flight`,
    of(done, 'response'),
    ...(retried === 0 ? [] : [`${count(retried)} retried`]),
    `${count(tokens_per_second)} tokens/s`,
  ].join(' · ');
}

/** What is known of the weights that an endpoint holds, in one sentence. */
export function verificationText(verification: Verification | null): string {
  if (verification === null) return 'Its weights are not verified yet.';
  const { weights, tokens, mean, max, shift, verdict, note } = verification;
  const name = makeLine(weights, 60);
  const compared = [
    ...(mean === null ? [] : [`mean difference ${difference(mean)}`]),
    ...(max === null ? [] : [`maximum ${difference(max)} nats per token`]),
    ...(shift === null ? [] : [`shows ${percent(100 * shift, 0)} of the update`]),
  ].join(', ');
  const numbers = compared === '' ? '' : `: ${compared}`;
  // A failure's note is its problem, which follows below.
  const why = note === null || verdict === 'failed' ? '' : ` ${makeVisible(note).replace(/\n/g, ' ')}`;
  if (verdict === 'verified') return `✓ Holds ${name}, verified on ${of(tokens, 'token')}${numbers}.${why}`;
  if (verdict === 'agreed')
    return `≈ Holds ${name}; nothing is recorded of it, and the endpoints agree on ${of(tokens, 'token')}${numbers}.${why}`;
  return `✘ Does not hold ${name}${numbers}.`;
}

/** To be read aloud. */
export function endpointsInWords(servers: readonly EndpointView[]): string[] {
  if (servers.length === 0) return [];
  return [
    `Sampling servers: ${readiness(servers)}. Weights: ${weightsText(servers)}.`,
    ...problemsOf(servers).map(({ text }) => text),
  ];
}
