import type { ReviewState } from '../state.js';
import { bodyRows } from '../../../app/layout.js';
import { type Looking, comparedIn, ranked, tokensOf } from '../looking.js';
import { tokenFacts, tokenLines } from '../tokens.js';

import { Line } from '../../../parts/Line.js';
import { Tokens } from './Tokens.js';

/** The tokens of the response that is looked at. */
export function TokensPane({ state, looking }: { readonly state: ReviewState; readonly looking: Looking }) {
  const { table, row } = looking;
  if (row === null) return <Line tone="muted">No prompt fits the filter.</Line>;
  const { cursor } = comparedIn(state, looking, row);
  const { columns } = state.size;
  const tokens = tokensOf(state);
  const rank = ranked(table.rows[row]).indexOf(cursor) + 1;
  return (
    <Tokens
      title={`Prompt ${table.rows[row].prompt_index + 1}, response ${rank} of ${table.rows[row].rewards.length}`}
      facts={
        tokens === null
          ? ['The engine is asked for the tokens …', '']
          : tokenFacts(tokens, table.rows[row].truncated[cursor])
      }
      lines={tokens === null ? null : tokenLines(tokens, columns)}
      top={state.ui.textTop}
      columns={columns}
      rows={bodyRows(state)}
    />
  );
}
