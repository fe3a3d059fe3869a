import * as format from '../../../../src/core/format.js';
import type { ReviewDetail, ReviewRow } from '../../../../src/core/review/rows.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { cut, fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';

export interface ResponsesProps {
  readonly row: ReviewRow;
  /** null while the engine is asked. */
  readonly detail: ReviewDetail | null;
  /** Places of the responses, the best first. */
  readonly order: readonly number[];
  /** Places: winner and loser (-1: none), the one under the cursor, the one the others are held against. */
  readonly chosen: number;
  readonly rejected: number;
  readonly cursor: number;
  readonly against: number | null;
  readonly top: number;
  /** Rows without the heading. */
  readonly rows: number;
  readonly columns: number;
}

/** All responses to a prompt by reward: W the winner, L the loser, p what the others are held against. */
export function Responses(props: ResponsesProps) {
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
