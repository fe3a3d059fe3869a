import * as format from '../../../../src/core/format.js';
import { choiceInWords, flippedIn, type PairPreview } from '../../../../src/core/pairPreview.js';
import { Line } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { fit } from '../../../parts/text.js';
import { pairingLayout, pairingOf } from '../pairing.js';
import { type ReviewedRound, unitOf } from '../select.js';
import type { ReviewState } from '../state.js';

export interface PairingPaneProps {
  readonly state: ReviewState;
  readonly reviewed: ReviewedRound;
}

/** Every pairing strategy with the lengths and margins that it gives, one in each row. */
export function PairingPane({ state, reviewed: { settings } }: PairingPaneProps) {
  const pairing = pairingOf(state);
  if (pairing === null) return null;
  const { columns } = state.size;
  const { config, previews, present, selected } = pairing;
  const { list, top, notes } = pairingLayout(state, pairing);
  const about = `${config.per_prompt} per prompt · minimum gap ${config.min_gap} · α ${format.alpha(settings.alpha)}`;
  return (
    <>
      <Rule title={`Pairing, mean lengths in ${unitOf(state)}`} right={about} width={columns} />
      <Line tone="title">{row(columns, ' ', headings)}</Line>
      {previews.slice(top, top + list).map((preview, i) => {
        const here = top + i === selected;
        return (
          <Line key={i} inverse={here}>
            {here ? '›' : ' '}
            {row(columns, top + i === present ? '●' : ' ', cells(preview, settings.alpha)).slice(1)}
          </Line>
        );
      })}
      <Line> </Line>
      {notes.map((note, i) => (
        <Line key={i} tone="muted">
          {note}
        </Line>
      ))}
    </>
  );
}

const headings = ['strategy', 'pairs', '|y_w|', '|y_l|', 'Δ|y|', 'r_w-r_l', 'flipped'];

function cells(preview: PairPreview, alpha: number): string[] {
  return [
    choiceInWords(preview),
    format.count(preview.pairs),
    format.fixed(preview.chosen_length, 1),
    format.fixed(preview.rejected_length, 1),
    format.signed(preview.length_difference, 1),
    format.signed(preview.reward_margin, 2),
    format.count(flippedIn(preview, alpha)),
  ];
}

/** Columns of the strategy's name, as long as the longest. */
const nameWidth = 26;

/** A narrower terminal has no room for margins and flips. */
const allFrom = 78;

function row(columns: number, mark: string, [name, ...all]: readonly string[]): string {
  const numbers = columns >= allFrom ? all : all.slice(0, 4);
  const width = Math.max(7, Math.min(12, Math.floor((columns - nameWidth - 3) / numbers.length)));
  return ` ${mark} ${fit(name, nameWidth)}${numbers.map((text) => fit(text, width, 'right')).join('')}`;
}
