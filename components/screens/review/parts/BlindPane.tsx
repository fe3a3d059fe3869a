import { Line } from '../../../parts/Line.js';
import { wrapped } from '../../../parts/markedText.js';
import { Rule } from '../../../parts/Rule.js';
import { blindCount, blindLine } from '../blind.js';
import { type ReviewedRound, comparedResponses, reviewLayout } from '../select.js';
import type { ReviewState } from '../state.js';
import { ComparedTexts, PromptLines } from './Texts.js';

/** A prompt with two responses, and nothing that tells which of them the reward prefers. */
export function BlindPane({ state, reviewed }: { readonly state: ReviewState; readonly reviewed: ReviewedRound }) {
  const { table, row } = reviewed;
  if (row === null) return <Line tone="muted">No prompt matches the filter.</Line>;
  const { columns } = state.size;
  const layout = reviewLayout(state);
  const compared = comparedResponses(state, reviewed, row);
  return (
    <>
      <Rule
        title={`Prompt ${table.rows[row].prompt_index + 1}, rewards hidden`}
        right={blindCount(state)}
        width={columns}
      />
      <PromptLines lines={wrapped(compared.prompt, columns)} rows={layout.prompt} columns={columns} />
      <Line tone="warn">{blindLine(state)}</Line>
      <ComparedTexts state={state} compared={compared} layout={layout} />
    </>
  );
}
