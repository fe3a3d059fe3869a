import { type ForkField, type ForkLayout, forkFields } from '../fork.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface ForkFormProps {
  /** "round 2 steady". */
  readonly parent: string;
  /** The parent's value, and the branch's; null: the same. */
  readonly valueOf: (field: ForkField) => { present: string; next: string | null };
  readonly layout: ForkLayout;
  readonly selected: number;
  readonly columns: number;
}

/** The settings of a new branch beside those of its parent. */
export function ForkForm({ parent, valueOf, layout, selected, columns }: ForkFormProps) {
  const { list, top, help } = layout;
  const label = 24;
  const value = Math.min(40, Math.floor((columns - label - 4) / 2));
  const changed = forkFields.filter((field) => valueOf(field).next !== null).length;
  return (
    <>
      <Rule
        title={`A branch from ${parent}`}
        right={`${changed === 0 ? 'nothing' : changed} changed · ${selected + 1} of ${forkFields.length}`}
        width={columns}
      />
      <Line tone="title">
        {fit('', label + 2)}
        {fit('now', value, 'right')}
        {fit('new branch', value, 'right')}
      </Line>
      {forkFields.slice(top, top + list).map((field, i) => {
        const { present, next } = valueOf(field);
        const isSelected = top + i === selected;
        return (
          <Line key={field.key} inverse={isSelected}>
            {isSelected ? '› ' : '  '}
            {fit(field.label, label)}
            {fit(makeLine(present, value), value, 'right')}
            <Tint tone={next === null ? 'muted' : 'accent'}>
              {fit(next === null ? 'the same' : `≠ ${makeLine(next, value)}`, value, 'right')}
            </Tint>
          </Line>
        );
      })}
      <Rule title={forkFields[selected].label} right={forkFields[selected].key} width={columns} />
      {help.map((line, i) => (
        <Line key={i} tone="muted">
          {line}
        </Line>
      ))}
    </>
  );
}
