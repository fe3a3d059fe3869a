import { fieldOf, thisMachine } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { ViewProps } from '../../app/state.js';
import { Line, Tint } from '../../parts/Line.js';
import { Rule } from '../../parts/Rule.js';
import { TextField } from '../../parts/TextField.js';
import { cut, fit, wrap } from '../../parts/text.js';
import { costLines } from './cost.js';
import { type Row, headlessOf, setupLayout, setupRows, setupText } from './select.js';
import { type SetupState, formOf } from './state.js';

/** The fields with their status; below them the selected one explained, the cost of a round, and the command. */
export function SetupView({ state, columns }: ViewProps<SetupState>) {
  const form = formOf(state);
  const { focus, draft } = state.ui;
  const { samples_on, updates_on } = draft.values;
  const { text: textRows, cost, command: commandRows, lines: fields, top, list } = setupLayout(state);
  const more = fields.length - top - list;
  const text = setupText(form, state.modal, columns, textRows);
  const headless = headlessOf(form);
  const command = wrap(makeLine('command' in headless ? `$ ${headless.command}` : headless.none, columns * 4), columns);
  const shownCommand =
    command.length <= commandRows
      ? command
      : [...command.slice(0, commandRows - 1), cut(`${command[commandRows - 1]} …`, columns)];
  return (
    <>
      {setupRows(state).map((row) => (
        <FieldRow key={row.id} {...row} columns={columns} />
      ))}
      <Rule
        title={focus === 'start' ? 'Start' : fieldOf(focus).label}
        right={more > 0 ? `↓${more}` : ''}
        width={columns}
      />
      {Array.from({ length: textRows }, (_, i) => (
        <Line key={i} tone={text.at(i)?.tone}>
          {text.at(i)?.text}
        </Line>
      ))}
      {cost > 1 && (
        <Rule
          title="One round"
          right={samples_on === thisMachine && updates_on === thisMachine ? 'on this machine' : ''}
          width={columns}
        />
      )}
      {costLines(state.ui, form.place, cost).map((line, i) => (
        <Line key={i} tone={line.tone}>
          {line.text}
        </Line>
      ))}
      {shownCommand.map((line, i) => (
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
    <Line inverse={selected && typing === null}>
      <Tint tone={selected ? 'accent' : 'plain'}>{label}</Tint>
      {typing === null ? value : <TextField line={typing} columns={columns - label.length - 2} tone="accent" />}
      {typing === null && <Tint tone={tone}>{fit(status, room)}</Tint>}
    </Line>
  );
}
