import * as format from '../../../../src/core/format.js';
import type { ReviewDetail, ReviewRow } from '../../../../src/core/review/rows.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { Line, Tint } from '../../../parts/Line.js';
import { wrapped } from '../../../parts/markedText.js';
import { Rule } from '../../../parts/Rule.js';
import { cut, fit } from '../../../parts/text.js';
import type { PartMargin } from '../../../../src/core/rewardParts.js';
import { type ReviewedRound, comparedParts, comparedResponses, detailOf, ranked, reviewLayout } from '../select.js';
import type { ReviewState } from '../state.js';
import { marksOf } from '../marks.js';
import { marksInWords, misfitInWords } from '../words.js';
import { placeText } from './ReviewTable.js';
import { ComparedTexts, PromptLines } from './Texts.js';

export interface DetailPaneProps {
  readonly state: ReviewState;
  readonly reviewed: ReviewedRound;
}

/** A prompt with all its responses, two of which are compared. */
export function DetailPane({ state, reviewed }: DetailPaneProps) {
  const { table, order, row, settings } = reviewed;
  if (row === null) return <Line tone="muted">No prompt matches the filter.</Line>;
  const { columns } = state.size;
  const layout = reviewLayout(state);
  const compared = comparedResponses(state, reviewed, row);
  const { ui: review } = state;
  const words = [...marksInWords(marksOf(table, row, settings.alpha)), ...misfitInWords(state, reviewed, row)];
  const note = table.decisions[row]?.note ?? '';
  const said = note === '' ? '' : `note: ${makeLine(note, columns)}`;
  const paired = table.statuses[row] === 'pair';
  return (
    <>
      <Rule
        title={`Prompt ${table.rows[row].prompt_index + 1}`}
        right={placeText(order, review.at, table.rows.length, review.filter, false, null)}
        width={columns}
      />
      <PromptLines lines={wrapped(compared.prompt, columns)} rows={layout.prompt} columns={columns} />
      <Responses
        row={table.rows[row]}
        detail={detailOf(state, reviewed, row)}
        order={ranked(table.rows[row])}
        chosen={paired ? table.chosen[row] : -1}
        rejected={paired ? table.rejected[row] : -1}
        cursor={compared.cursor}
        against={review.against}
        top={layout.listTop}
        rows={layout.list}
        columns={columns}
      />
      <Line>
        <Tint tone="warn">
          {fit(words.join(' · '), said === '' ? columns : Math.min(columns, words.join(' · ').length + 2))}
        </Tint>
        <Tint tone="muted">{said}</Tint>
      </Line>
      <Parts
        parts={comparedParts(reviewed, row, compared)}
        heads={compared.sides.map(({ name }) => name)}
        rows={layout.parts}
        columns={columns}
      />
      <ComparedTexts state={state} compared={compared} layout={layout} />
    </>
  );
}

interface PartsProps {
  readonly parts: readonly PartMargin[];
  /** Names of the two sides. */
  readonly heads: readonly string[];
  /** With the heading; 0: no room, or no parts. */
  readonly rows: number;
  readonly columns: number;
}

/** The parts of the reward on the two responses compared: rewards, and weight times their difference. */
function Parts({ parts, heads, rows, columns }: PartsProps) {
  if (rows === 0) return null;
  const room = columns - 50;
  const left = parts.length - (rows - 1);
  const title = left > 0 ? `parts of the reward (${left} more)` : 'parts of the reward';
  return (
    <>
      <Line tone="title">
        {fit(title, room)}
        {fit('weight', 8, 'right')}
        {heads.map((head) => fit(head, 14, 'right')).join('')}
        {fit('weighted Δ', 13, 'right')}
      </Line>
      {parts.slice(0, rows - 1).map(({ name, weight, chosen, rejected, contribution }) => (
        <Line key={name}>
          {fit(cut(makeLine(name, room), room), room)}
          {fit(String(weight), 8, 'right')}
          {[chosen, rejected].map((reward) => fit(format.fixed(reward, 2), 14, 'right')).join('')}
          <Tint tone={contribution < 0 ? 'warn' : 'plain'}>{fit(format.signed(contribution, 2), 13, 'right')}</Tint>
        </Line>
      ))}
    </>
  );
}

interface ResponsesProps {
  readonly row: ReviewRow;
  /** null until the engine has sent it. */
  readonly detail: ReviewDetail | null;
  /** Indices of the responses, the best first. */
  readonly order: readonly number[];
  /** Indices: the pair (-1: none), the response under the cursor, the one the others are compared with. */
  readonly chosen: number;
  readonly rejected: number;
  readonly cursor: number;
  readonly against: number | null;
  readonly top: number;
  /** Rows without the heading. */
  readonly rows: number;
  readonly columns: number;
}

/** All responses to a prompt by reward: W chosen (y_w), L rejected (y_l), p pinned to compare the others with. */
function Responses(props: ResponsesProps) {
  const { row, detail, order, chosen, rejected, cursor, against, top, rows, columns } = props;
  const known = row.logps.length > 0;
  const head = `${'rank'.padStart(7)}${'reward'.padStart(9)}${'|y|'.padStart(7)}`;
  const likely = known ? `${'log π(y|x)'.padStart(12)}${'/token'.padStart(8)}` : '';
  const written = columns >= 100 && detail?.responses.some(({ source }) => source !== undefined) === true;
  const who = written ? 26 : 0;
  const room = columns - head.length - likely.length - who - 4;
  return (
    <>
      <Line tone="title">{`${head}${likely}    ${written ? fit('written by', who) : ''}response`}</Line>
      {order.slice(top, top + rows).map((place, i) => {
        const mark = place === chosen ? 'W' : place === rejected ? 'L' : ' ';
        const numbers = [
          String(top + i + 1).padStart(2),
          format.fixed(row.rewards[place], 2).padStart(9),
          format.count(row.lengths[place]).padStart(7),
          known ? format.fixed(row.logps[place], 1).padStart(12) : '',
          known ? format.fixed(row.logps[place] / row.lengths[place], 2).padStart(8) : '',
        ].join('');
        const text = detail === null ? '…' : makeLine(detail.responses[place]?.text ?? '', room);
        return (
          <Line key={place} inverse={place === cursor}>
            {place === cursor ? '›' : ' '}
            <Tint tone={mark === 'W' ? 'accent' : 'warn'}>{` ${mark}${place === against ? 'p' : ' '} `}</Tint>
            {numbers}
            <Tint tone="warn">{row.truncated[place] ? ' T ' : '   '}</Tint>
            {written && fit(makeLine(detail.responses[place]?.source ?? '', who), who - 2) + '  '}
            {fit(cut(text, room), Math.max(0, room))}
          </Line>
        );
      })}
    </>
  );
}
