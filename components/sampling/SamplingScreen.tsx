import { Box } from 'ink';
import type { RoundData } from '../../src/engine/protocol.js';
import * as format from '../../src/ui/format.js';
import { Histogram } from '../Histogram.js';
import { Progress } from '../Progress.js';
import { Responses } from '../Responses.js';

export interface SamplingScreenProps {
  readonly data: RoundData;
  readonly columns: number;
  readonly rows: number;
}

/** Responses and their rewards as they arrive: progress, how lengths and rewards are spread, the newest texts. */
export function SamplingScreen({ data, columns, rows }: SamplingScreenProps) {
  const { progress, lengths, rewards, responses } = data;
  const shown = progress?.stage === 'sample' || progress?.stage === 'score' ? progress : null;
  const charts = Math.max(5, Math.min(12, Math.floor(rows / 3)));
  const half = Math.floor((columns - 3) / 2);
  return (
    <>
      <Progress title={titleOf(data)} progress={shown} width={columns} />
      <Box gap={3}>
        <Histogram
          title={`length, tokens (${format.count(lengths.length)})`}
          values={lengths}
          width={half}
          height={charts}
          digits={0}
        />
        <Histogram
          title={`reward (${format.count(rewards.length)})`}
          values={rewards}
          width={half}
          height={charts}
          digits={2}
        />
      </Box>
      <Responses responses={responses} columns={columns} rows={rows - 2 - charts} />
    </>
  );
}

function titleOf({ progress }: RoundData): string {
  return progress?.stage === 'score' ? 'Scoring' : 'Sampling';
}
