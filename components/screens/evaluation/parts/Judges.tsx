import { publishedReward } from '../../../../src/core/config/rewardSpec.js';
import { agreementInWords, findings } from '../../../../src/core/findings.js';
import type { EvaluationResult } from '../../../../src/core/rows.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Paragraph } from '../../../parts/Paragraph.js';
import { Rule } from '../../../parts/Rule.js';
import { fit } from '../../../parts/text.js';
import { type Opponent, textOf } from '../measures.js';
import { judgesRows } from '../opinions.js';

export interface JudgesProps {
  readonly evaluation: EvaluationResult;
  readonly opponent: Opponent;
  readonly columns: number;
}

const nameWidth = 18;
const widest = 32;

/** The training reward and the second judge side by side, and how far they agree. */
export function Judges({ evaluation, opponent, columns }: JudgesProps) {
  const { comparison, name } = opponent;
  const width = Math.min(widest, Math.floor((columns - nameWidth) / 2));
  const spec = makeLine(publishedReward(evaluation.judge?.spec ?? ''), columns);
  const warning = findings(comparison).find(({ verdict }) => verdict === 'warning');
  return (
    <>
      <Rule title={`Second judge ${spec}`} right={name} width={columns} />
      <Line tone="title">
        {fit('', nameWidth)}
        {fit('training reward', width, 'right')}
        {fit('second judge', width, 'right')}
      </Line>
      {judgesRows(comparison).map((row) => (
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
      {agreementInWords(comparison).map((sentence) => (
        <Paragraph key={sentence} columns={columns} tone="plain">
          {sentence}
        </Paragraph>
      ))}
      {warning !== undefined && (
        <Paragraph columns={columns} tone="warn">
          {`${warning.text.charAt(0).toUpperCase()}${warning.text.slice(1)}.`}
        </Paragraph>
      )}
      {(evaluation.judge?.remarks ?? []).map((remark) => (
        <Paragraph key={remark} columns={columns}>
          {makeLine(remark, 400)}
        </Paragraph>
      ))}
    </>
  );
}
