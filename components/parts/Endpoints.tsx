import type { EndpointView } from '../../src/protocol/messages.js';
import { type PieceLine, readiness } from './endpointLines.js';
import { Line, Tint } from './Line.js';
import { Rule } from './Rule.js';

export interface EndpointsProps {
  readonly servers: readonly EndpointView[];
  readonly lines: readonly PieceLine[];
  /** What the rule says beside how many are ready. */
  readonly right?: string;
  readonly columns: number;
}

/** The sampling servers: how many are ready, and the lines that the layout has room for. */
export function Endpoints({ servers, lines, right = '', columns }: EndpointsProps) {
  return (
    <>
      <Rule
        title="Sampling servers"
        right={[readiness(servers), right].filter((part) => part !== '').join(' · ')}
        width={columns}
      />
      {lines.map((line, i) => (
        <Line key={i}>
          {line.map(({ text, tone }, at) => (
            <Tint key={at} tone={tone}>
              {text}
            </Tint>
          ))}
        </Line>
      ))}
    </>
  );
}
