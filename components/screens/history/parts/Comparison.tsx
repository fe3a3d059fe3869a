import { makeLine } from '../../../../src/core/sanitize.js';
import { type ChartUi, readings } from '../../../app/charts.js';
import { ChangedPrompts } from '../../../app/heldOut/ChangedPrompts.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Charts, LargeChart } from '../../../parts/Charts.js';
import { Rule } from '../../../parts/Rule.js';
import { cut, fit } from '../../../parts/text.js';
import { type CompareLayout, pageNames } from '../compare.js';
import { nameOf } from '../select.js';
import { type ComparisonUi, pages } from '../state.js';

export interface ComparisonProps {
  readonly layout: CompareLayout;
  readonly ui: ComparisonUi;
  readonly charts: ChartUi;
  readonly columns: number;
}

/** Two rounds compared, one page of three at a time. */
export function Comparison({ layout, ui, charts, columns }: ComparisonProps) {
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
      {ui.page === 'numbers' && <ComparedNumbers layout={layout} columns={columns} />}
      {ui.page === 'curves' && <ComparedCurves layout={layout} charts={charts} columns={columns} />}
      {ui.page === 'responses' && (
        <ChangedPrompts
          left={left.id}
          right={right.id}
          about={`${right.id} minus ${left.id}`}
          prompts={prompts}
          order={ui.order}
          columns={columns}
        />
      )}
    </>
  );
}

interface PageProps {
  readonly layout: CompareLayout;
  readonly columns: number;
}

/** Settings, update and evaluation of both rounds; settings that differ are marked. */
function ComparedNumbers({ layout, columns }: PageProps) {
  const { left, right, numbers, numbersRows, numbersTop: top } = layout;
  const mark = 2;
  const difference = 12;
  const name = Math.min(30, Math.floor((columns - mark - difference) * 0.38));
  const cell = Math.min(34, Math.floor((columns - mark - difference - name) / 2));
  const more = numbers.length - top - numbersRows;
  return (
    <>
      <Line tone="title">
        {fit('', mark + name)}
        {fit(`round ${left.id}`, cell, 'right')}
        {fit(`round ${right.id}`, cell, 'right')}
        {fit(more > 0 ? `↓${more}` : 'difference', difference, 'right')}
      </Line>
      {numbers.slice(top, top + numbersRows).map(({ title, row }, i) =>
        row === null ? (
          <Line key={i} tone="accent">
            {title}
          </Line>
        ) : (
          <Line key={i}>
            <Tint tone={row.differs ? 'warn' : 'plain'}>
              {row.differs ? '≠ ' : '  '}
              {fit(row.name, name)}
              {fit(cut(makeLine(row.left, cell), cell - 1), cell, 'right')}
              {fit(cut(makeLine(row.right, cell), cell - 1), cell, 'right')}
            </Tint>
            <Tint tone="muted">{fit(row.difference, difference, 'right')}</Tint>
          </Line>
        ),
      )}
    </>
  );
}

/** The curves of both updates over their steps, the right round's dotted; or one chart enlarged. */
function ComparedCurves({ layout, charts, columns }: PageProps & { readonly charts: ChartUi }) {
  const { curves, enlarged, chartLook, curvesTop: top, across, down, plotHeight, pageRows } = layout;
  const { smoothing, log } = charts;
  if (curves === null) return <Line tone="muted">Reading the metrics …</Line>;
  if (curves.length === 0) return <Line tone="muted">Neither round has been updated yet.</Line>;
  return (
    <>
      {chartLook !== '' && <Line tone="muted">{chartLook}</Line>}
      {enlarged === null ? (
        <Charts
          curves={curves.slice(top * across, (top + down) * across)}
          {...{ across, down, columns, smoothing, log }}
          height={plotHeight}
        />
      ) : (
        <LargeChart
          {...enlarged}
          readings={readings(enlarged, smoothing)}
          {...{ columns, smoothing, log }}
          rows={pageRows - (chartLook === '' ? 0 : 1)}
        />
      )}
    </>
  );
}
