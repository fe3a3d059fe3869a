import { useMemo } from 'react';
import type { MetricsRow } from '../../../../src/core/rows.js';
import { curvesOf } from '../../../parts/curves.js';
import { PaneRow } from '../../../parts/Pane.js';
import { Plot } from '../../../parts/Plot.js';

export interface PlotsProps {
  readonly metrics: readonly MetricsRow[];
  readonly beta: number;
  /** The reference is the policy that the round started from. */
  readonly fromStart: boolean;
  readonly across: number;
  readonly down: number;
  readonly height: number;
  readonly page: number;
  readonly columns: number;
}

/** A page of the update's curves. */
export function Plots({ metrics, beta, fromStart, across, down, height, page, columns }: PlotsProps) {
  const curves = useMemo(() => curvesOf(metrics, beta, fromStart), [metrics, beta, fromStart]);
  const width = Math.floor((columns - 2 * (across - 1)) / across);
  const first = page * across * down;
  return Array.from({ length: down }, (_, row) => (
    <PaneRow key={row} gap={2}>
      {curves.slice(first + row * across, Math.min(first + across * down, first + (row + 1) * across)).map((curve) => (
        <Plot key={curve.title} {...curve} width={width} height={height} />
      ))}
    </PaneRow>
  ));
}
