import { formOf, type SetupState } from './state.js';
import { fieldOf, thisMachine } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { headlessOf, setupLayout, setupRows, setupText, type Row } from './select.js';
import { costLines, type CostLine } from './cost.js';
import { cut, fit, wrap } from '../../parts/text.js';
import type { ViewProps } from '../../app/state.js';
import type { Tone } from '../../parts/theme.js';
import { Line, Tint } from '../../parts/Line.js';
import { Rule } from '../../parts/Rule.js';

export function SetupView({ state, columns }: ViewProps<SetupState>) {
  const { modal } = state;
  const home = formOf(state);
  const { focus, draft } = home.setup;
  const { samples_on, updates_on } = draft.values;
  const { text, cost, command, lines: fields, top, list } = setupLayout(state);
  const headless = headlessOf(home);
  const said = 'command' in headless ? `$ ${headless.command}` : headless.none;
  const lines = wrap(makeLine(said, columns * 4), columns);
  return (
    <SetupScreen
      rows={setupRows(state)}
      title={focus === 'start' ? 'Start' : fieldOf(focus).label}
      more={fields.length - top - list}
      text={setupText(home, modal, columns, text)}
      textRows={text}
      cost={costLines(home.setup, home.place, cost)}
      ruled={cost > 1}
      where={samples_on === thisMachine && updates_on === thisMachine ? 'on this machine' : ''}
      command={
        lines.length <= command ? lines : [...lines.slice(0, command - 1), cut(`${lines[command - 1]} …`, columns)]
      }
      columns={columns}
    />
  );
}

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
