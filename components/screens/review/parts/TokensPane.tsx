import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { type ReviewedRound, comparedResponses, ranked, tokenScroll, tokensOf } from '../select.js';
import type { ReviewState } from '../state.js';
import { type TokenLine, tokenFacts, tokenLines } from '../tokens.js';

/** The tokens of the response under the cursor. */
export function TokensPane({ state, reviewed }: { readonly state: ReviewState; readonly reviewed: ReviewedRound }) {
  const { table, row } = reviewed;
  if (row === null) return <Line tone="muted">No prompt matches the filter.</Line>;
  const { cursor } = comparedResponses(state, reviewed, row);
  const { columns } = state.size;
  const tokens = tokensOf(state);
  const { top, rows } = tokenScroll(state);
  const { prompt_index, rewards, truncated } = table.rows[row];
  const rank = ranked(table.rows[row]).indexOf(cursor) + 1;
  const facts = tokens === null ? ['Asking the engine for the tokens …', ''] : tokenFacts(tokens, truncated[cursor]);
  const lines = tokens === null ? [] : tokenLines(tokens, columns);
  const seen = lines.slice(top, top + rows);
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
      {seen.map((line, i) => (
        <Tokens key={i} line={line} columns={columns} />
      ))}
    </>
  );
}

/** Tokens with bars between them, special ones in ⟦ ⟧; a rule separates prompt and response. */
function Tokens({ line, columns }: { readonly line: TokenLine; readonly columns: number }) {
  if (line === 'boundary') return <Rule title="response" width={columns} />;
  return (
    <Line>
      {line.map(({ text, special, prompt }, i) => (
        <Tint key={i} tone={special ? 'accent' : prompt ? 'muted' : 'plain'}>
          {special ? `⟦${text}⟧` : text}
          <Tint tone="muted">│</Tint>
        </Tint>
      ))}
    </Line>
  );
}
