import * as format from '../../../../src/core/format.js';
import type { SamplingLayout } from '../layout.js';
import type { ResponseSeen } from '../../../../src/protocol/messages.js';
import { Line } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface ResponseTextProps {
  readonly response: ResponseSeen;
  readonly text: SamplingLayout['text'];
  /** First visible line. */
  readonly top: number;
}

/** A prompt and the whole of one response to it. */
export function ResponseText({ response, text, top }: ResponseTextProps) {
  const { lines, columns, rows } = text;
  const { prompt_index, sample, held_out, length, reward, truncated } = response;
  const more = lines.length - top - rows;
  const facts = [
    format.of(length, 'token'),
    ...(reward === null ? [] : [`reward ${format.signed(reward, 2)}`]),
    ...(truncated ? ['truncated'] : []),
    ...(more > 0 ? [`↓${more}`] : []),
  ];
  return (
    <>
      <Rule
        title={held_out ? `Held-out ${prompt_index}` : `Prompt ${prompt_index}, sample ${sample + 1}`}
        right={facts.join(' · ')}
        width={columns}
      />
      {lines.slice(top, top + rows).map(({ text: line, ofPrompt }, i) => (
        <Line key={i} tone={ofPrompt ? 'accent' : 'plain'}>
          {line}
        </Line>
      ))}
    </>
  );
}
