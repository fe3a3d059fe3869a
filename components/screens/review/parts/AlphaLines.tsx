import type { RoundSettings } from '../../../../src/protocol/messages.js';
import * as format from '../../../../src/core/format.js';
import type { PanelNumbers } from '../numbers.js';
import { firstLines, fit, wrap } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';

export interface AlphaLinesProps {
  readonly settings: RoundSettings;
  readonly numbers: PanelNumbers;
  /** End of the scale that α is shown on. */
  readonly end: number;
  /** Why α is what it is, what was dropped and decided; empty: nothing to say. */
  readonly remark: string;
  /** `tokens` or `characters`. */
  readonly unit: string;
  /** β and the learning rate matter: an update follows. */
  readonly updates: boolean;
  /** Weights depend on β. */
  readonly usesBeta: boolean;
  readonly columns: number;
}

/** α and what it does to the pairs as a whole. Three lines. */
export function AlphaLines({ settings, numbers, end, remark, unit, updates, usesBeta, columns }: AlphaLinesProps) {
  const { beta, lr } = settings;
  const rest = updates ? `  β ${beta}  lr ${format.learningRate(lr)}` : usesBeta ? `  β ${beta}` : '';
  const value = `α ${format.alpha(settings.alpha)}`;
  return (
    <>
      <Line>
        <Tint tone="accent">{value}</Tint> {slider(settings.alpha, end, columns - value.length - rest.length - 1)}
        {rest}
      </Line>
      <Line>
        <Flipped numbers={numbers} brief={columns < 100} share={columns >= 70} />
        {columns < 70 ? '  ' : '  weight '}
        <Weights numbers={numbers} brief={columns < 100} />
        {`  pull ${format.signed(numbers.length_pull, 1)}${columns < 100 ? '' : ` ${unit}`}`}
      </Line>
      <Line tone="muted">{fit(remark, columns)}</Line>
    </>
  );
}

/** The same in a column of its own, with room for each. Seven lines. */
export function AlphaColumn({ settings, numbers, end, remark, unit, updates, usesBeta, columns }: AlphaLinesProps) {
  const { alpha, beta, lr } = settings;
  const value = `α ${format.alpha(alpha)}`;
  return (
    <>
      <Line>
        <Tint tone="accent">{value}</Tint> {slider(alpha, end, columns - value.length - 1)}
      </Line>
      <Line>
        {updates
          ? `β ${beta}   learning rate ${format.learningRate(lr)}`
          : `${usesBeta ? `β ${beta}   ` : ''}mean reward margin ${format.signed(numbers.mean_reward_margin, 2)}`}
      </Line>
      <Line>
        <Flipped numbers={numbers} brief={false} share />
      </Line>
      <Line>
        {'weight  '}
        <Weights numbers={numbers} brief={columns < 46} />
      </Line>
      <Line>
        {`length pull ${format.signed(numbers.length_pull, 1)}${columns < 46 ? '' : ` ${unit}`}  mean Δ|y| ${format.signed(numbers.mean_length_difference, 1)}`}
      </Line>
      {[0, 1].map((line) => (
        <Line key={line} tone="muted">
          {firstLines(wrap(remark, columns), 2, columns)[line] ?? ''}
        </Line>
      ))}
    </>
  );
}

interface PartProps {
  readonly numbers: PanelNumbers;
  /** Where there is little room. */
  readonly brief: boolean;
}

function Flipped({ numbers: { flipped, pairs }, brief, share }: PartProps & { readonly share: boolean }) {
  const of = brief ? `/${format.count(pairs)}` : ` of ${format.of(pairs, 'pair')}`;
  return (
    <>
      {'flipped '}
      <Tint tone={flipped > 0 ? 'warn' : 'plain'}>
        {`${format.count(flipped)}${of}${share ? ` (${format.share(flipped, pairs)})` : ''}`}
      </Tint>
    </>
  );
}

function Weights({ numbers, brief }: PartProps) {
  const { longer, shorter, mean_weight_longer, mean_weight_shorter } = numbers;
  const counted = (n: number): string => (brief ? '' : ` (${format.count(n)})`);
  return (
    <>
      <Tint tone="first">{`longer ${format.fixed(mean_weight_longer, 3)}`}</Tint>
      {`${counted(longer)} `}
      <Tint tone="second">{`shorter ${format.fixed(mean_weight_shorter, 3)}`}</Tint>
      {counted(shorter)}
    </>
  );
}

/** α on its scale from 0. */
function slider(alpha: number, end: number, width: number): string {
  const label = String(end);
  const cells = Math.max(3, width - label.length - 3);
  const at = Math.max(0, Math.min(cells - 1, Math.round((cells - 1) * (alpha / end))));
  return `0 ${'─'.repeat(at)}●${'─'.repeat(cells - 1 - at)} ${label}`;
}
