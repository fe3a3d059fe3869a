import type { ViewProps } from '../../app/state.js';
import * as format from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { bar, columns as bars } from '../../parts/charts.js';
import { Line, Tint } from '../../parts/Line.js';
import { Rule } from '../../parts/Rule.js';
import { fit } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import { type LogRow, type MachineBlock, engineLayout, followsLog, markColumns } from './select.js';
import type { EngineState } from './state.js';

/** The machines of the engine and of its job, and a log. */
export function EngineView({ state, columns }: ViewProps<EngineState>) {
  const layout = engineLayout(state);
  const { machines, rows, top, visible } = layout;
  return (
    <>
      {machines.map((block) => (
        <Machine key={block.title} block={block} columns={columns} />
      ))}
      {visible > 0 && <Rule title={layout.logTitle} right={rightOf(state)} width={columns} />}
      {visible > 0 && rows === null && <Line tone="muted">Reading …</Line>}
      {visible > 0 && rows?.length === 0 && <Line tone="muted">The log is empty so far.</Line>}
      {rows?.slice(top, top + visible).map((row, i) => (
        <Row key={i} row={row} search={state.ui.search} isFound={row.line >= 0 && row.line === state.ui.found} />
      ))}
    </>
  );
}

const [labelWidth, barWidth, recentWidth] = [8, 12, 30];

function Machine({ block, columns }: { readonly block: MachineBlock; readonly columns: number }) {
  const { title, right, lines } = block;
  return (
    <>
      <Rule title={makeVisible(title)} right={right} width={columns} />
      {lines.map(({ label, share, text, recent }) => {
        const beside = recent.length === 0 ? 0 : recentWidth + 2;
        return (
          <Line key={label}>
            <Tint tone="title">{fit(label, labelWidth)}</Tint>
            {share !== null && <Tint tone="first">{bar(share, barWidth)}</Tint>}
            {share === null ? '' : ' '}
            {fit(makeVisible(text), columns - labelWidth - (share === null ? 0 : barWidth + 1) - beside)}
            {beside > 0 && <Tint tone="muted">{`  ${spark(recent)}`}</Tint>}
          </Line>
        );
      })}
    </>
  );
}

/** The newest at the right. */
function spark(shares: readonly (number | null)[]): string {
  const newest = shares.slice(-recentWidth).map((share) => Math.round(100 * (share ?? 0)));
  return bars(newest, newest.length, 1, 100)[0].padStart(recentWidth);
}

function rightOf(state: EngineState): string {
  const layout = engineLayout(state);
  const { rows, top, visible, matches } = layout;
  const below = (rows?.length ?? 0) - top - visible;
  const place = state.ui.found === null ? -1 : matches.indexOf(state.ui.found);
  const parts = [
    ...(state.ui.search === '' ? [] : [`${place < 0 ? '' : `${place + 1} of `}${matches.length} found`]),
    ...(below > 0 ? [`↓${format.count(below)} lines`, 'G follows it'] : followsLog(state, layout) ? ['followed'] : []),
  ];
  return parts.join(' · ');
}

const signs = { error: '✘ ', warning: '▲ ' } as const;

function Row({ row, search, isFound }: { readonly row: LogRow; readonly search: string; readonly isFound: boolean }) {
  const { text, mark, isFirst } = row;
  const tone: Tone = mark === 'error' ? 'bad' : mark === 'warning' ? 'warn' : 'plain';
  const sign = isFirst && mark !== null ? signs[mark] : isFirst && isFound ? '› ' : ' '.repeat(markColumns);
  const at = search === '' ? -1 : text.toLowerCase().indexOf(search.toLowerCase());
  return (
    <Line inverse={isFound}>
      <Tint tone={tone}>{sign}</Tint>
      {at < 0 ? (
        <Tint tone={tone}>{text}</Tint>
      ) : (
        <>
          <Tint tone={tone}>{text.slice(0, at)}</Tint>
          <Tint tone="accent">{text.slice(at, at + search.length)}</Tint>
          <Tint tone={tone}>{text.slice(at + search.length)}</Tint>
        </>
      )}
    </Line>
  );
}
