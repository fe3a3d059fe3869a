import type { ResponseSeen } from '../../src/protocol/messages.js';
import * as format from '../../src/core/format.js';
import { makeLine } from '../../src/core/sanitize.js';
import { cut, fit } from './text.js';
import { Line, Tint } from './Line.js';

export interface ResponsesProps {
  /** The newest first. */
  readonly responses: readonly ResponseSeen[];
  /** Place of the selected one; null where none is selected. */
  readonly selected: number | null;
  /** First visible place. */
  readonly top: number;
  readonly columns: number;
  /** How many are shown, two lines each. */
  readonly items: number;
}

/** Responses as they come: prompt, length and reward, then the start of the text. */
export function Responses({ responses, selected, top, columns, items }: ResponsesProps) {
  return responses
    .slice(top, top + items)
    .map((response, i) => (
      <Response
        key={`${response.held_out} ${response.prompt_index} ${response.sample}`}
        response={response}
        isSelected={top + i === selected}
        columns={columns}
      />
    ));
}

interface ResponseProps {
  readonly response: ResponseSeen;
  readonly isSelected: boolean;
  readonly columns: number;
}

function Response({ response, isSelected, columns }: ResponseProps) {
  const { prompt, text, length, truncated, reward } = response;
  const numbers = `${fit(reward === null ? '' : `reward ${format.signed(reward, 2)}`, 13, 'right')}${fit(format.of(length, 'token'), 13, 'right')}`;
  const mark = truncated ? ' truncated' : '';
  const room = columns - 2 - numbers.length - mark.length;
  return (
    <>
      <Line>
        <Tint tone="accent">{isSelected ? '› ' : '  '}</Tint>
        <Tint tone="muted">{fit(makeLine(prompt, room), room)}</Tint>
        <Tint tone="warn">{mark}</Tint>
        {numbers}
      </Line>
      <Line>{`    ${cut(makeLine(text, columns), columns - 4)}`}</Line>
    </>
  );
}
