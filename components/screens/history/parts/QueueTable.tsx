import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { of } from '../../../../src/core/format.js';
import { cut, spread } from '../../../parts/text.js';
import { type QueueLayout, attemptLine } from '../queue.js';

export interface QueueTableProps {
  readonly layout: QueueLayout;
  readonly columns: number;
}

/** What is being made, and the attempts that wait, in their order. */
export function QueueTable({ layout, columns }: QueueTableProps) {
  const { queue, selected, top, rows, running, next } = layout;
  const { waiting } = queue;
  const more = waiting.length - top - rows;
  const right = [next, more > 0 ? `↓${more}` : ''].filter((part) => part !== '').join(' · ');
  return (
    <>
      <Rule title={`Queue: ${of(waiting.length, 'attempt')} waiting`} right={right} width={columns} />
      <Line tone={running === null ? 'muted' : 'plain'}>
        {running === null ? 'No attempt is being made.' : cut(`now  ${makeLine(running, columns)}`, columns)}
      </Line>
      {waiting.length === 0 && (
        <Line tone="muted">a queues attempts: a round again, from the same samples, with other settings.</Line>
      )}
      {waiting.slice(top, top + rows).map((attempt, i) => {
        const place = String(top + i + 1).padStart(3);
        return (
          <Line key={attempt.id} inverse={top + i === selected}>
            <Tint tone="muted">{place}</Tint>
            {spread(`  ${cut(makeLine(attemptLine(attempt), columns), columns - 6)}`, '', columns - place.length)}
          </Line>
        );
      })}
    </>
  );
}
