import * as format from '../../../../src/core/format.js';
import type { Queries } from '../../../../src/protocol/messages.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Pane, PaneRow } from '../../../parts/Pane.js';
import { Rule } from '../../../parts/Rule.js';
import { cut, fit } from '../../../parts/text.js';
import { type ReviewedRound, comparedResponses, gap, ranked, tokenScroll, tokensOf } from '../select.js';
import type { ReviewState } from '../state.js';
import {
  type TokenLine,
  type TokenMeasure,
  legendOf,
  measureOf,
  notableTokens,
  tokenFacts,
  tokenLines,
} from '../tokens.js';

/** The tokens of the response under the cursor, marked by their log-probability; on a wide terminal with a list beside. */
export function TokensPane({ state, reviewed }: { readonly state: ReviewState; readonly reviewed: ReviewedRound }) {
  const { table, row } = reviewed;
  if (row === null) return <Line tone="muted">No prompt matches the filter.</Line>;
  const { cursor } = comparedResponses(state, reviewed, row);
  const { columns } = state.size;
  const tokens = tokensOf(state);
  const { top, rows, width, beside } = tokenScroll(state);
  const { prompt_index, rewards, truncated } = table.rows[row];
  const rank = ranked(table.rows[row]).indexOf(cursor) + 1;
  const facts = tokens === null ? ['Asking the engine for the tokens …', ''] : tokenFacts(tokens, truncated[cursor]);
  const lines = tokens === null ? [] : tokenLines(tokens, width, state.ui.measure);
  const seen = lines.slice(top, top + rows);
  const by = tokens === null ? null : measureOf(tokens, state.ui.measure);
  const shown = seen.map((line, i) => <Tokens key={i} line={line} columns={width} />);
  return (
    <>
      <Rule
        title={`Prompt ${prompt_index + 1}, response ${rank} of ${rewards.length}`}
        right={lines.length > rows ? `lines ${top + 1}–${top + seen.length} of ${lines.length}` : ''}
        width={columns}
      />
      {facts.map((fact) => (
        <Line key={fact}>{fact}</Line>
      ))}
      <Line tone="muted">
        {tokens === null ? '' : by === null ? 'Log-probabilities of these tokens are not known.' : null}
        {tokens !== null &&
          by !== null &&
          legendOf(tokens, by).map(({ text, tone }, i) => (
            <Tint key={i} tone={tone}>
              {text}
            </Tint>
          ))}
      </Line>
      {beside === 0 || tokens === null || by === null ? (
        shown
      ) : (
        <PaneRow gap={gap}>
          <Pane columns={width} rows={rows}>
            {shown}
          </Pane>
          <Pane columns={beside} rows={rows}>
            <Notable tokens={tokens} by={by} columns={beside} rows={rows} />
          </Pane>
        </PaneRow>
      )}
    </>
  );
}

/** Tokens with bars between them, special ones in ⟦ ⟧; a rule separates prompt and response. */
function Tokens({ line, columns }: { readonly line: TokenLine; readonly columns: number }) {
  if (line === 'boundary') return <Rule title="response" width={columns} />;
  return (
    <Line>
      {line.map(({ text, special, prompt, mark, tone }, i) => (
        <Tint key={i} tone={special ? 'accent' : prompt ? 'muted' : tone === 'muted' ? 'plain' : tone}>
          {special ? `⟦${text}⟧` : text}
          <Tint tone={prompt ? 'muted' : tone}>{mark}</Tint>
        </Tint>
      ))}
    </Line>
  );
}

interface NotableProps {
  readonly tokens: Queries['read-tokens']['answer'];
  readonly by: TokenMeasure;
  readonly columns: number;
  readonly rows: number;
}

/** The least likely tokens, or those that differ most from the reference. */
function Notable({ tokens, by, columns, rows }: NotableProps) {
  const compares = tokens.reference !== 'policy' && tokens.reference !== null;
  const room = columns - 6 - 9 - 9 - (compares ? 8 : 0) - 1;
  const head = ['at'.padStart(6), 'log π'.padStart(9), 'π'.padStart(9), compares ? 'ratio'.padStart(8) : ''].join('');
  return (
    <>
      <Line tone="title">
        {head} {by === 'ratio' ? 'most different' : 'least likely'}
      </Line>
      {notableTokens(tokens, by, rows - 1).map(({ place, text, policy, ratio }) => (
        <Line key={place}>
          {fit(format.count(place), 6, 'right')}
          {fit(format.fixed(policy, 2), 9, 'right')}
          {fit(format.percent(100 * Math.exp(policy), 1), 9, 'right')}
          {compares ? fit(format.signed(ratio, 2), 8, 'right') : ''} {cut(text, room)}
        </Line>
      ))}
    </>
  );
}
