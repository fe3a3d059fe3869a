import { pairsInWords } from '../../../../src/core/heldOutPairs.js';
import type { EvaluationResult } from '../../../../src/core/rows.js';
import type { RoundState } from '../../../../src/protocol/messages.js';
import { decisionsInWords } from '../../../../src/core/review/decisions.js';
import { type Measure, type Opponent, textOf } from '../measures.js';
import { type SentenceLine, verdictText } from '../select.js';
import * as format from '../../../../src/core/format.js';
import { decodingInWords } from '../../../../src/core/heldOutDecoding.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface NumbersProps {
  readonly round: RoundState;
  readonly evaluation: EvaluationResult;
  readonly opponents: readonly Opponent[];
  readonly measures: readonly Measure[];
  /** Beneath the table. */
  readonly sentences: readonly SentenceLine[];
  readonly columns: number;
}

const nameWidth = 18;
const valueWidth = 10;
const widestDelta = 32;
/** A narrower table has no room for the values before the round beside the differences from them. */
const leastWithBefore = 76;

/** The table of measures under the round's facts and its verdict. */
export function Numbers({ round, evaluation, opponents, measures, sentences, columns }: NumbersProps) {
  const { settings, verdict } = round;
  const withBefore = columns >= leastWithBefore;
  const free = columns - nameWidth - valueWidth * (1 + (withBefore ? opponents.length : 0));
  const deltaWidth = Math.min(widestDelta, Math.floor(free / Math.max(1, opponents.length)));
  const { responses = 1 } = evaluation;
  const each = responses === 1 ? '' : `, ${responses} responses each`;
  return (
    <>
      <Rule
        title={`Round ${round.id} on ${format.of(evaluation.prompts, 'held-out prompt')}${each}`}
        right={
          round.id === 0
            ? 'base policy'
            : `α ${format.alpha(settings.alpha)} · β ${settings.beta} · lr ${format.learningRate(settings.lr)}`
        }
        width={columns}
      />
      <Line tone="muted">{factsOf(round, evaluation)}</Line>
      <Line tone={verdict === 'accepted' ? 'good' : verdict === 'rejected' ? 'bad' : 'plain'}>
        {verdictText(round)}
      </Line>
      <Line tone="title">
        {fit('', nameWidth)}
        {withBefore && opponents.map(({ heading }) => fit(heading, valueWidth, 'right')).join('')}
        {fit(`round ${round.id}`, valueWidth, 'right')}
        {opponents.map(({ heading }) => fit(`Δ ${heading}`, deltaWidth, 'right')).join('')}
      </Line>
      {measures.map(({ name, before, own, delta }) => (
        <Line key={name}>
          {fit(name, nameWidth)}
          {withBefore && before.map((value) => fit(value, valueWidth, 'right')).join('')}
          <Tint tone="title">{fit(own, valueWidth, 'right')}</Tint>
          {delta.map((cell, i) => (
            <Tint key={i} tone={cell.tone}>
              {fit(textOf(cell, deltaWidth), deltaWidth, 'right')}
            </Tint>
          ))}
        </Line>
      ))}
      {sentences.map(({ text, tone }, i) => (
        <Line key={i} tone={tone}>
          {text}
        </Line>
      ))}
    </>
  );
}

/** Decoding (unless it is plain sampling), steps, pairs, times and the note. */
function factsOf(round: RoundState, { decoding }: EvaluationResult): string {
  const { id, steps, stopped_early, seconds, note, decisions } = round;
  const facts: string[] = [];
  if (decoding !== undefined) facts.push(decodingInWords(decoding));
  if (steps !== null) {
    const decided = decisionsInWords(decisions);
    const byHand = decided === null || decided === 'none' ? '' : ` (by hand ${decided})`;
    const early = stopped_early ? ', stopped early' : '';
    facts.push(`${format.of(steps, 'step')} on ${pairsInWords(round)}${byHand}${early}`);
  }
  const times = Object.entries(seconds).map(([stage, time]) => `${stage} ${format.duration(time)}`);
  if (times.length > 0) facts.push(times.join(', '));
  if (note !== '') facts.push(makeLine(note, 200));
  return id === 0 && facts.length === 0 ? 'As provided.' : facts.join(' · ');
}
