import { Box } from 'ink';
import { useMemo } from 'react';
import type { Progress as ProgressNumbers, RoundSettings } from '../../src/engine/protocol.js';
import type { MetricsRow } from '../../src/rows.js';
import * as format from '../../src/ui/format.js';
import { Line } from '../Line.js';
import { Plot, type Series } from '../Plot.js';
import { Progress } from '../Progress.js';

export interface UpdateScreenProps {
  readonly metrics: readonly MetricsRow[];
  readonly progress: ProgressNumbers | null;
  readonly settings: RoundSettings;
  readonly stoppedEarly: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** An update as it runs: where it is and how loss, margins and lengths move. */
export function UpdateScreen({ metrics, progress, settings, stoppedEarly, columns, rows }: UpdateScreenProps) {
  const plots = useMemo(() => plotsOf(metrics), [metrics]);
  const last = metrics.at(-1);
  const across = columns >= 120 ? 3 : 2;
  const down = plots.length / across;
  const height = Math.max(3, Math.floor((rows - 4) / down));
  const width = Math.floor((columns - 2 * (across - 1)) / across);
  return (
    <>
      <Progress title="Update" progress={progress?.stage === 'update' ? progress : null} width={columns} />
      <Line>
        {last === undefined
          ? 'No steps yet: the reference log-probabilities come first.'
          : `step ${last.step} of ${last.total_steps} · epoch ${last.epoch} · learning rate ${format.learningRate(last.learning_rate)} · mean weight ${format.fixed(last['weights/mean'], 3)}${stoppedEarly ? ' · stopped early' : ''}`}
      </Line>
      <Line tone="muted">
        {`α ${format.alpha(settings.alpha)} · β ${settings.beta} · peak learning rate ${format.learningRate(settings.lr)}`}
      </Line>
      {Array.from({ length: down }, (_, row) => (
        <Box key={row} gap={2}>
          {plots.slice(row * across, (row + 1) * across).map(({ title, series }) => (
            <Plot key={title} title={title} series={series} width={width} height={height} />
          ))}
        </Box>
      ))}
    </>
  );
}

function plotsOf(metrics: readonly MetricsRow[]): { title: string; series: Series[] }[] {
  const of = (name: string, key: keyof MetricsRow): Series => ({ name, values: metrics.map((row) => row[key]) });
  return [
    { title: 'loss', series: [of('', 'loss')] },
    { title: 'reward margin', series: [of('', 'rewards/margins')] },
    { title: 'accuracy', series: [of('', 'rewards/accuracies')] },
    { title: 'gradient norm', series: [of('', 'grad_norm')] },
    { title: 'length', series: [of('y_w', 'lengths/chosen'), of('y_l', 'lengths/rejected')] },
    { title: 'logps', series: [of('y_w', 'logps/chosen'), of('y_l', 'logps/rejected')] },
  ];
}
