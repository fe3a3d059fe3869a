import type { ReviewState } from '../state.js';
import { marksOf } from '../columns.js';
import { reviewLayout, sideLines } from '../layout.js';
import { type Looking, comparedIn, detailOf, ranked } from '../looking.js';
import { listTop } from '../pointed.js';
import { marksInWords, misfitInWords } from '../reading.js';
import { unitOf } from '../remark.js';
import { wrapped } from '../texts.js';
import { makeLine } from '../../../../src/core/sanitize.js';

import { fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { Responses } from './Responses.js';
import { placeText } from './ReviewTable.js';
import { PromptLines, Texts } from './Texts.js';

export interface DetailPaneProps {
  readonly state: ReviewState;
  readonly looking: Looking;
}

/** A prompt with all its responses, and any two of them held against each other. */
export function DetailPane({ state, looking }: DetailPaneProps) {
  const { table, order, row, settings } = looking;
  if (row === null) return <Line tone="muted">No prompt fits the filter.</Line>;
  const { columns } = state.size;
  const layout = reviewLayout(state);
  const compared = comparedIn(state, looking, row);
  const { ui: review } = state;
  const words = [...marksInWords(marksOf(table, row, settings.alpha)), ...misfitInWords(state, looking, row)];
  const note = table.decisions[row]?.note ?? '';
  const said = note === '' ? '' : `note: ${makeLine(note, columns)}`;
  const paired = table.standings[row] === 'pair';
  return (
    <>
      <Rule
        title={`Prompt ${table.rows[row].prompt_index + 1}`}
        right={placeText(order, review.at, table.rows.length, review.filter, false)}
        width={columns}
      />
      <PromptLines lines={wrapped(compared.prompt, columns)} rows={layout.prompt} columns={columns} />
      <Responses
        row={table.rows[row]}
        detail={detailOf(state, looking, row)}
        order={ranked(table.rows[row])}
        chosen={paired ? table.chosen[row] : -1}
        rejected={paired ? table.rejected[row] : -1}
        cursor={compared.cursor}
        against={review.against}
        top={listTop(state, layout.list)}
        rows={layout.list}
        columns={columns}
      />
      <Line>
        <Tint tone="warn">
          {fit(words.join(' · '), said === '' ? columns : Math.min(columns, words.join(' · ').length + 2))}
        </Tint>
        <Tint tone="muted">{said}</Tint>
      </Line>
      <Texts
        sides={compared.sides}
        lines={sideLines(state, compared, layout.beside)}
        unit={unitOf(state)}
        columns={columns}
        rows={layout.text}
        beside={layout.beside}
        top={review.textTop}
      />
    </>
  );
}
