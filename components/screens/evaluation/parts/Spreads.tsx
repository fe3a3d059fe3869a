import { useMemo } from 'react';
import * as format from '../../../../src/core/format.js';
import { largest } from '../../../../src/core/limits.js';
import type { RoundState } from '../../../../src/protocol/messages.js';
import { columns as bars, histogram } from '../../../parts/charts.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Pane, PaneRow } from '../../../parts/Pane.js';
import { fit, spread } from '../../../parts/text.js';
import type { EvaluationLayout } from '../select.js';

const nameWidth = 7;
const tones = ['first', 'second'] as const;

export interface SpreadsProps {
  readonly round: RoundState;
  readonly layout: EvaluationLayout;
  readonly columns: number;
}

/** Histograms of lengths and rewards, before and after. */
export function Spreads({ round, layout, columns }: SpreadsProps) {
  const { now, before, opponent, spreadRows } = layout;
  const against = opponent?.against ?? null;
  const series = useMemo(() => {
    const sides = [
      { name: 'now', responses: now ?? [] },
      ...(against === null ? [] : [{ name: against, responses: before ?? [] }]),
    ];
    const valuesOf = (key: 'length' | 'reward') =>
      sides.map(({ name, responses }) => ({ name, values: responses.map((response) => response[key]) }));
    return { lengths: valuesOf('length'), rewards: valuesOf('reward') };
  }, [now, before, against]);
  if (now === null || (opponent !== null && before === null))
    return <Line tone="muted">Reading the held-out responses …</Line>;
  const width = Math.floor((columns - 3) / 2);
  return (
    <PaneRow gap={3}>
      <Spread title="length, tokens" series={series.lengths} width={width} height={spreadRows} digits={0} />
      <Spread
        title={`reward, round ${round.id}`}
        series={series.rewards}
        width={width}
        height={spreadRows}
        digits={2}
      />
    </PaneRow>
  );
}

interface SpreadSeries {
  readonly name: string;
  readonly values: readonly number[];
}

interface SpreadProps {
  readonly title: string;
  /** One or two, drawn one above the other over the same bins and to the same scale. */
  readonly series: readonly SpreadSeries[];
  readonly width: number;
  /** Rows, title and axis included. */
  readonly height: number;
  readonly digits: number;
}

function Spread({ title, series, width, height, digits }: SpreadProps) {
  const each = Math.floor((height - 2) / series.length);
  const { charts, axis, means } = useMemo(() => {
    const room = width - nameWidth;
    const all = series.flatMap(({ values }) => values);
    const bins = Math.min(room, Math.max(8, Math.ceil(2 * Math.sqrt(all.length / series.length))));
    const counted = series.map(({ values }) => histogram(values, bins, all));
    const highest = largest([0, ...counted.flatMap(({ counts }) => counts)]);
    const { min, max } = histogram(all, bins);
    return {
      charts: counted.map(({ counts }) => bars(counts, room, each, highest)),
      axis: spread(format.fixed(min, digits), format.fixed(max, digits), room),
      means: series.map(({ values }) => values.reduce((a, b) => a + b, 0) / values.length),
    };
  }, [series, width, each, digits]);
  const meanText = means.map((mean) => format.fixed(mean, digits === 0 ? 1 : digits)).join(' ← ');
  return (
    <Pane columns={width} rows={height}>
      <Line tone="title">{spread(title, `mean ${meanText}`, width)}</Line>
      {charts.map((rows, i) =>
        rows.map((row, r) => (
          <Line key={`${i} ${r}`}>
            <Tint tone="muted">{fit(r === rows.length - 1 ? series[i].name : '', nameWidth)}</Tint>
            <Tint tone={tones[i]}>{row}</Tint>
          </Line>
        )),
      )}
      <Line tone="muted">{' '.repeat(nameWidth) + axis}</Line>
    </Pane>
  );
}
