import type { Progress as ProgressNumbers } from '../../src/protocol/messages.js';
import * as format from '../../src/core/format.js';
import { bar } from './charts.js';
import { Line, Tint } from './Line.js';

export interface ProgressProps {
  readonly title: string;
  readonly progress: ProgressNumbers | null;
  /** What is said where nothing is under way: how it ended, or what comes first. */
  readonly rest?: string;
  readonly width: number;
}

/** A bar and the numbers behind it. Two lines. */
export function Progress({ title, progress, rest = '', width }: ProgressProps) {
  if (progress === null) {
    return (
      <>
        <Line tone="title">{title}</Line>
        <Line tone="muted">{rest}</Line>
      </>
    );
  }
  const { done, total, unit, tokens, tokens_per_second, seconds_left } = progress;
  const share = `${String(Math.floor((100 * done) / Math.max(1, total))).padStart(4)} %`;
  const numbers = [
    `${format.count(done)} of ${format.count(total)} ${unit}`,
    ...(tokens > 0 ? [`${format.count(tokens)} tokens`] : []),
    ...(tokens_per_second > 0 ? [`${format.count(tokens_per_second)} tokens/s`] : []),
    ...(done < total && seconds_left !== null ? [`${format.duration(seconds_left)} left`] : []),
  ];
  return (
    <>
      <Line>
        <Tint tone="title">{title.padEnd(12)}</Tint>
        <Tint tone="first">{bar(done / Math.max(1, total), Math.max(10, width - 12 - share.length))}</Tint>
        {share}
      </Line>
      <Line tone="muted">{`${' '.repeat(12)}${numbers.join(' · ')}`}</Line>
    </>
  );
}
