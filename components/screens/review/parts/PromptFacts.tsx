import * as format from '../../../../src/core/format.js';
import type { ImportanceTerms } from '../../../../src/core/review/importance.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { Line, Tint } from '../../../parts/Line.js';
import { cut, fit } from '../../../parts/text.js';
import { type ReviewedRound, comparedParts, comparedResponses, ranked } from '../select.js';
import type { ReviewState } from '../state.js';
import { importanceOf, importanceTermsOf, logpsPerToken, marginsOf } from '../table.js';

export interface PromptFactsProps {
  readonly state: ReviewState;
  readonly reviewed: ReviewedRound;
  readonly row: number;
  readonly columns: number;
  readonly rows: number;
}

/**
 * The numbers behind a decision on the selected prompt: how the penalty changes its margin, why the decision matters, the
 * reward's parts, and how all its responses were rewarded.
 */
export function PromptFacts({ state, reviewed, row, columns, rows }: PromptFactsProps) {
  const { table, settings } = reviewed;
  const { reward_margin, length_margin, length_penalized_margin, weight } = marginsOf(table, row, settings.alpha);
  const terms = importanceTermsOf(table, row, settings.alpha);
  const parts = comparedParts(reviewed, row, comparedResponses(state, reviewed, row));
  const importance = terms === null ? '' : `, importance ${percent(importanceOf(table, row, settings.alpha))}`;
  const lines = [
    `r_w-r_l ${format.signed(reward_margin, 2)} less α·Δ|y| ${format.signed(length_margin, 2)}: penalized ${format.signed(length_penalized_margin, 2)}`,
    `gradient weight ${format.weight(weight)}${importance}`,
    ...(terms === null ? [] : [`  ${termsInWords(terms)}`]),
    ...parts.map(
      ({ name, weight: share, contribution }) =>
        `${format.signed(contribution, 2)} by ${share}·${makeLine(name, columns)}`,
    ),
  ];
  const shown = lines.slice(0, rows);
  return (
    <>
      {shown.map((line, i) => (
        <Line key={i}>{cut(line, columns)}</Line>
      ))}
      <Responses reviewed={reviewed} row={row} rows={rows - shown.length} />
    </>
  );
}

const percent = (value: number): string => format.percent(100 * value, 0);

/** "near 64 % · pull 22 % · flipped": the terms of the importance that are known. */
function termsInWords({ near, pull, dissent, flipped }: ImportanceTerms): string {
  const known = Object.entries({ near, pull, dissent }).filter(([, value]) => !Number.isNaN(value));
  return [...known.map(([name, value]) => `${name} ${percent(value)}`), ...(flipped > 0 ? ['flipped'] : [])].join(
    ' · ',
  );
}

interface ResponsesProps {
  readonly reviewed: ReviewedRound;
  readonly row: number;
  readonly rows: number;
}

/** The responses by reward, W chosen and L rejected, as many as there is room for. */
function Responses({ reviewed: { table }, row, rows }: ResponsesProps) {
  const { rewards, lengths, truncated } = table.rows[row];
  const order = ranked(table.rows[row]);
  const most = rows - 1;
  if (most < 1) return null;
  const [chosen, rejected] = table.statuses[row] === 'pair' ? [table.chosen[row], table.rejected[row]] : [-1, -1];
  const left = order.length - most;
  const heads = ['rank', 'reward', '|y|', ...(table.logps ? ['logp/t'] : [])];
  return (
    <>
      <Line tone="title">
        {'  '}
        {heads.map((head) => fit(head, 9, 'right')).join('')}
        {left > 0 ? ` ↓${left}` : ''}
      </Line>
      {order.slice(0, most).map((place, i) => (
        <Line key={place}>
          <Tint tone={place === chosen ? 'accent' : 'warn'}>
            {place === chosen ? ' W' : place === rejected ? ' L' : '  '}
          </Tint>
          {[
            format.count(i + 1),
            format.fixed(rewards[place], 2),
            format.count(lengths[place]),
            ...(table.logps ? [format.fixed(logpsPerToken(table, row, place), 2)] : []),
          ]
            .map((cell) => fit(cell, 9, 'right'))
            .join('')}
          <Tint tone="warn">{truncated[place] ? ' T' : ''}</Tint>
        </Line>
      ))}
    </>
  );
}
