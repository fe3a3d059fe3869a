import { publishedReward } from '../../../../src/core/config/rewardSpec.js';
import { agreementInWords, findings } from '../../../../src/core/findings.js';
import type { EvaluationResult } from '../../../../src/core/rows.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { Line, Tint } from '../../../parts/Line.js';
import { wrapped } from '../../../parts/markedText.js';
import { Rule } from '../../../parts/Rule.js';
import { fit } from '../../../parts/text.js';
import type { Tone } from '../../../parts/theme.js';
import { type Opponent, textOf } from '../measures.js';
import { judgesRows } from '../opinions.js';
import { type SentenceLine, visibleLines } from '../select.js';

export interface JudgesProps {
  readonly evaluation: EvaluationResult;
  readonly opponent: Opponent;
  readonly columns: number;
  readonly rows: number;
}

const nameWidth = 18;
const widest = 32;

/** The training reward and the second judge side by side, and how far they agree. */
export function Judges({ evaluation, opponent, columns, rows }: JudgesProps) {
  const { comparison, name } = opponent;
  const width = Math.min(widest, Math.floor((columns - nameWidth) / 2));
  const spec = makeLine(publishedReward(evaluation.judge?.spec ?? ''), columns);
  const warning = findings(comparison).find(({ verdict }) => verdict === 'warning');
  const table = judgesRows(comparison);
  // Two rules and the heading.
  const head = 3 + table.length;
  const linesOf = (text: string, tone: Tone): SentenceLine[] =>
    wrapped(text, columns).map((line) => ({ text: line, tone }));
  const lines = [
    ...(warning === undefined
      ? []
      : linesOf(`${warning.text.charAt(0).toUpperCase()}${warning.text.slice(1)}.`, 'warn')),
    ...agreementInWords(comparison).flatMap((sentence) => linesOf(sentence, 'plain')),
    ...(evaluation.judge?.remarks ?? []).flatMap((remark) => linesOf(makeLine(remark, 400), 'muted')),
  ];
  return (
    <>
      <Rule title={`Second judge ${spec}`} right={name} width={columns} />
      <Line tone="title">
        {fit('', nameWidth)}
        {fit('training reward', width, 'right')}
        {fit('second judge', width, 'right')}
      </Line>
      {table.map((row) => (
        <Line key={row.name}>
          {fit(row.name, nameWidth)}
          {[row.training, row.second].map((cell, i) => (
            <Tint key={i} tone={cell.tone}>
              {fit(textOf(cell, width), width, 'right')}
            </Tint>
          ))}
        </Line>
      ))}
      <Rule title="Agreement" width={columns} />
      {visibleLines(lines, rows - head).map(({ text, tone }, i) => (
        <Line key={i} tone={tone}>
          {text}
        </Line>
      ))}
    </>
  );
}
