import type { ResponseSeen } from '../src/engine/protocol.js';
import * as format from '../src/ui/format.js';
import { makeLine } from '../src/ui/sanitize.js';
import { cut, fit } from '../src/ui/text.js';
import { Line, Tint } from './Line.js';
import { Rule } from './Rule.js';

export interface ResponsesProps {
  readonly responses: readonly ResponseSeen[];
  readonly columns: number;
  readonly rows: number;
}

/** The newest responses, the newest first: prompt and length, then the start of the text. */
export function Responses({ responses, columns, rows }: ResponsesProps) {
  const shown = responses.slice(-Math.max(1, Math.floor((rows - 1) / 2))).reverse();
  return (
    <>
      <Rule title="Newest responses" width={columns} />
      {shown.length === 0 && <Line tone="muted">None yet.</Line>}
      {shown.map((response) => (
        <Response key={`${response.prompt_index} ${response.sample}`} response={response} columns={columns} />
      ))}
    </>
  );
}

function Response({ response, columns }: { readonly response: ResponseSeen; readonly columns: number }) {
  const { prompt, text, length, truncated } = response;
  const room = columns - 24;
  return (
    <>
      <Line>
        <Tint tone="muted">{fit(makeLine(prompt, room), room)}</Tint>
        {truncated ? <Tint tone="warn"> truncated </Tint> : ' '.repeat(11)}
        {fit(format.of(length, 'token'), 13, 'right')}
      </Line>
      <Line>{`  ${cut(makeLine(text, columns), columns - 2)}`}</Line>
    </>
  );
}
