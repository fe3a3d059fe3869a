import * as format from '../../../../src/core/format.js';
import { comparedLines } from '../../../parts/markedText.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { cut, fit } from '../../../parts/text.js';
import { responseWidth, probeHead, type ProbeShown } from '../select.js';
import type { ProbeSeen } from '../../../../src/protocol/messages.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Marked } from '../../../parts/Marked.js';
import { Rule } from '../../../parts/Rule.js';

export interface ProbeProps {
  readonly probe: ProbeShown;
  readonly columns: number;
  readonly rows: number;
  /** First visible line of the responses. */
  readonly top: number;
}

/** The policy's response to a probe prompt after some steps, beside its response at the round's start. */
export function Probe({ probe, columns, rows, top }: ProbeProps) {
  const { start, response, steps, look } = probe;
  const width = responseWidth(columns);
  const beside = width < columns;
  const [before, now] = comparedLines(start.text, response.text, width, true);
  const lines = beside ? Math.max(before.length, now.length) : now.length;
  const visible = Array.from({ length: Math.max(0, rows - probeHead) }, (_, i) => top + i);
  const more = lines > top + visible.length ? ` · ↓${lines - top - visible.length} lines` : '';
  return (
    <>
      <Rule
        title={`Probe ${probe.index + 1} of ${probe.of}`}
        right={`after step ${stepsText(steps, look)}${more}`}
        width={columns}
      />
      <Line tone="muted">{cut(makeLine(probe.prompt, columns), columns)}</Line>
      {beside ? (
        <Line tone="title">
          {fit(heading(start), width)} │ {look === 0 ? '' : heading(response)}
        </Line>
      ) : (
        <Line tone="title">
          {heading(response)}
          <Tint tone="muted">
            {look === 0 ? '' : ` · start ${format.count(start.length)}; new words are highlighted`}
          </Tint>
        </Line>
      )}
      {visible.map((line) =>
        beside ? (
          <Line key={line}>
            <Marked line={before[line]} tone="warn" width={width} />
            <Tint tone="muted">{' │ '}</Tint>
            {look > 0 && <Marked line={now[line]} tone="accent" />}
          </Line>
        ) : (
          <Line key={line}>
            <Marked line={now[line]} tone="accent" />
          </Line>
        ),
      )}
    </>
  );
}

function heading({ step, length, truncated }: ProbeSeen): string {
  return `${step === 0 ? 'start' : `step ${step}`}: ${format.of(length, 'token')}${truncated ? ', truncated' : ''}`;
}

/** The steps around the one that is shown, that one in brackets. */
function stepsText(steps: readonly number[], look: number): string {
  const from = Math.max(0, Math.min(look - 2, steps.length - 5));
  const near = steps.slice(from, from + 5).map((step, i) => (from + i === look ? `[${step}]` : String(step)));
  return [...(from > 0 ? ['…'] : []), ...near, ...(from + 5 < steps.length ? ['…'] : [])].join(' ');
}
