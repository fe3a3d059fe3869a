import type { CostLine } from '../cost.js';
import type { Row } from '../rows.js';
import { fit } from '../../../parts/text.js';
import type { Tone } from '../../../parts/theme.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface SetupScreenProps {
  readonly rows: readonly Row[];
  /** What is said of the selected line, `textRows` of it are shown. */
  readonly title: string;
  /** Lines of fields below those that are shown. */
  readonly more: number;
  readonly text: readonly { readonly text: string; readonly tone: Tone }[];
  readonly textRows: number;
  readonly cost: readonly CostLine[];
  /** A rule stands above the estimate. */
  readonly ruled: boolean;
  /** Where the round is computed, beside that rule. */
  readonly where: string;
  readonly command: readonly string[];
  readonly columns: number;
}

/** The fields with what is known of each; below what the selected one is, what a round will cost, and the command. */
export function SetupScreen({
  rows,
  title,
  more,
  text,
  textRows,
  cost,
  ruled,
  where,
  command,
  columns,
}: SetupScreenProps) {
  return (
    <>
      {rows.map((row) => (
        <FieldRow key={row.id} {...row} columns={columns} />
      ))}
      <Rule title={title} right={more > 0 ? `↓${more}` : ''} width={columns} />
      {Array.from({ length: textRows }, (_, i) => (
        <Line key={i} tone={text.at(i)?.tone}>
          {text.at(i)?.text}
        </Line>
      ))}
      {ruled && <Rule title="One round" right={where} width={columns} />}
      {cost.map((line, i) => (
        <Line key={i} tone={line.tone}>
          {line.text}
        </Line>
      ))}
      {command.map((line, i) => (
        <Line key={i} tone="muted">
          {line}
        </Line>
      ))}
    </>
  );
}

function FieldRow({
  label,
  value,
  status,
  tone,
  selected,
  typing,
  heading,
  columns,
}: Row & { readonly columns: number }) {
  if (heading === true) return <Line tone="title">{label}</Line>;
  const room = columns - label.length - value.length;
  return (
    <Line inverse={selected && !typing}>
      <Tint tone={selected ? 'accent' : 'plain'}>{label}</Tint>
      {typing ? <Tint tone="accent">{value}█</Tint> : value}
      {!typing && <Tint tone={tone}>{fit(status, room)}</Tint>}
    </Line>
  );
}
