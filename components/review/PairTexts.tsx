import type { PairRow } from '../../src/rows.js';
import * as format from '../../src/ui/format.js';
import { pairTexts } from '../../src/ui/review/pairs.js';
import { fit } from '../../src/ui/text.js';
import { Line, Tint } from '../Line.js';
import { Rule } from '../Rule.js';

export interface PairTextsProps {
  readonly pair: PairRow;
  /** From 0. */
  readonly index: number;
  readonly pairs: number;
  readonly columns: number;
  readonly promptRows: number;
  readonly textRows: number;
  readonly beside: boolean;
  /** First visible line of the texts. */
  readonly top: number;
}

/** The prompt and both responses of a pair: side by side where wide enough, else one above the other. */
export function PairTexts(props: PairTextsProps) {
  const { pair, index, pairs, columns, promptRows, textRows, beside, top } = props;
  const { prompt, chosen, rejected } = pairTexts(pair, columns, beside);
  const width = beside ? Math.floor((columns - 3) / 2) : columns;
  const stacked = beside ? [] : [...chosen, rejectedHead(pair), ...rejected];
  const lines = beside ? Math.max(chosen.length, rejected.length) : stacked.length;
  const end = Math.min(lines, top + textRows);
  const rows = Array.from({ length: textRows }, (_, i) => top + i);
  return (
    <>
      <Rule
        title={`Pair ${format.count(index + 1)} of ${format.count(pairs)}`}
        right={lines > textRows ? `lines ${top + 1}–${end} of ${lines}` : ''}
        width={columns}
      />
      {prompt.slice(0, promptRows).map((line, i) => (
        <Line key={i} tone="accent">
          {i === promptRows - 1 && prompt.length > promptRows ? fit(line, columns - 2) + ' …' : line}
        </Line>
      ))}
      <Line tone="title">
        {beside ? `${fit(chosenHead(pair), width)} │ ${fit(rejectedHead(pair), width)}` : chosenHead(pair)}
      </Line>
      {rows.map((row) =>
        beside ? (
          <Line key={row}>
            {fit(chosen[row] ?? '', width)}
            <Tint tone="muted"> │ </Tint>
            {rejected[row] ?? ''}
          </Line>
        ) : (
          <Line key={row} tone={row === chosen.length ? 'title' : 'plain'}>
            {stacked[row] ?? ''}
          </Line>
        ),
      )}
    </>
  );
}

function chosenHead({ chosen_reward, chosen_ids, chosen_truncated }: PairRow): string {
  return head('chosen y_w', chosen_reward, chosen_ids.length, chosen_truncated);
}

function rejectedHead({ rejected_reward, rejected_ids, rejected_truncated }: PairRow): string {
  return head('rejected y_l', rejected_reward, rejected_ids.length, rejected_truncated);
}

function head(name: string, reward: number | undefined, length: number, truncated: boolean | undefined): string {
  return `${name}  r ${format.fixed(reward ?? NaN, 2)}  ${format.of(length, 'token')}${truncated === true ? '  truncated' : ''}`;
}
