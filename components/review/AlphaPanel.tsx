import type { RoundSettings, RoundState } from '../../src/engine/protocol.js';
import type { MarginSummary } from '../../src/dpo/margins.js';
import * as format from '../../src/ui/format.js';
import { makeLine } from '../../src/ui/sanitize.js';
import { Line, Tint } from '../Line.js';

export interface AlphaPanelProps {
  readonly settings: RoundSettings;
  readonly summary: MarginSummary;
  readonly dropped: RoundState['dropped'];
  /** `round`, `base` or a folder. */
  readonly reference: string;
  readonly columns: number;
}

/** α and what it does to the pairs as a whole. Four lines. */
export function AlphaPanel({ settings, summary, dropped, reference, columns }: AlphaPanelProps) {
  const { alpha, beta, lr } = settings;
  const rest = `   β ${beta}   learning rate ${format.learningRate(lr)}`;
  const value = `α ${format.alpha(alpha)}`;
  const lost = dropped === null ? 0 : dropped.ties + dropped.identical + dropped.below_gap + dropped.too_few;
  const against = reference === 'round' ? 'round start' : makeLine(reference, 30);
  return (
    <>
      <Line>
        <Tint tone="accent">{value}</Tint> {slider(alpha, Math.max(12, columns - value.length - rest.length - 2))}
        {rest}
      </Line>
      <Line>
        {'flipped      '}
        <Tint tone={summary.flipped > 0 ? 'warn' : 'plain'}>
          {`${format.count(summary.flipped)} of ${format.of(summary.pairs, 'pair')} (${format.share(summary.flipped, summary.pairs)})`}
        </Tint>
        <Tint tone="muted">{lost > 0 && dropped !== null ? `   dropped ${droppedText(dropped)}` : ''}</Tint>
      </Line>
      <Line>
        {'mean weight  '}
        <Tint tone="first">{`longer winners ${format.fixed(summary.mean_weight_longer, 3)}`}</Tint> (
        {format.count(summary.longer)}){'   '}
        <Tint tone="second">{`shorter ${format.fixed(summary.mean_weight_shorter, 3)}`}</Tint> (
        {format.count(summary.shorter)})
      </Line>
      <Line>
        {`mean         reward margin ${format.signed(summary.mean_reward_margin, 2)}   Δ|y| ${format.signed(summary.mean_length_difference, 1)} tokens`}
        <Tint tone="muted">{`   reference ${against}`}</Tint>
      </Line>
    </>
  );
}

/** A scale that grows in tens, so that fine steps stay visible. */
function slider(alpha: number, width: number): string {
  const end = [0.1, 1, 10, 100].find((limit) => alpha <= limit) ?? 100;
  const label = String(end);
  const cells = Math.max(3, width - label.length - 4);
  const at = Math.round((cells - 1) * (alpha / end));
  return `0 ${'─'.repeat(at)}●${'─'.repeat(cells - 1 - at)} ${label}`;
}

function droppedText({ ties, identical, below_gap, too_few }: NonNullable<RoundState['dropped']>): string {
  const causes: [number, string][] = [
    [ties, 'ties'],
    [identical, 'identical'],
    [below_gap, 'below gap'],
    [too_few, 'too few responses'],
  ];
  return causes.flatMap(([n, cause]) => (n > 0 ? [`${format.count(n)} ${cause}`] : [])).join(', ');
}
