import type { CompareLayout } from '../compareLayout.js';
import { pageNames } from '../reading.js';
import { nameOf } from '../rounds.js';
import { type ComparisonUi, pages } from '../state.js';
import { cut } from '../../../parts/text.js';
import { Changes } from '../../../app/heldOut/ChangedResponses.js';
import { Line, Tint } from '../../../parts/Line.js';
import { PaneRow } from '../../../parts/Pane.js';
import { Plot } from '../../../parts/Plot.js';
import { Rule } from '../../../parts/Rule.js';
import { ComparedNumbers } from './ComparedNumbers.js';

export interface ComparisonProps {
  readonly layout: CompareLayout;
  readonly ui: ComparisonUi;
  readonly columns: number;
}

/** Two rounds held against each other: one page of three. */
export function Comparison({ layout, ui, columns }: ComparisonProps) {
  const { left, right, prompts } = layout;
  const half = Math.floor((columns - 20) / 2);
  return (
    <>
      <Rule title={`${cut(nameOf(left), half)} against ${cut(nameOf(right), half)}`} width={columns} />
      <Line>
        {pages.map((page) => {
          const name = pageNames[page];
          return page === ui.page ? (
            <Tint key={page} tone="accent">{`[${name}] `}</Tint>
          ) : (
            <Tint key={page} tone="plain">{` ${name}  `}</Tint>
          );
        })}
      </Line>
      {ui.page === 'numbers' && <ComparedNumbers layout={layout} top={ui.numbersTop} columns={columns} />}
      {ui.page === 'curves' && <ComparedCurves layout={layout} top={ui.curvesTop} columns={columns} />}
      {ui.page === 'responses' && (
        <Changes
          left={left.id}
          right={right.id}
          about={`${right.id} less ${left.id}`}
          prompts={prompts}
          order={ui.order}
          selected={ui.selected}
          top={ui.top}
          textTop={ui.textTop}
          columns={columns}
        />
      )}
    </>
  );
}

interface ComparedCurvesProps {
  readonly layout: CompareLayout;
  /** First visible row of plots. */
  readonly top: number;
  readonly columns: number;
}

/** Both updates over their steps; the right round is dotted. */
function ComparedCurves({ layout, top, columns }: ComparedCurvesProps) {
  const { curves, across, down, plotHeight } = layout;
  if (curves === null) return <Line tone="muted">Reading the metrics …</Line>;
  if (curves.length === 0) return <Line tone="muted">Neither round has been updated yet.</Line>;
  const width = Math.floor((columns - 2 * (across - 1)) / across);
  return Array.from({ length: down }, (_, row) => (
    <PaneRow key={row} gap={2}>
      {curves.slice((top + row) * across, (top + row + 1) * across).map((curve) => (
        <Plot key={curve.title} {...curve} width={width} height={plotHeight} />
      ))}
    </PaneRow>
  ));
}
