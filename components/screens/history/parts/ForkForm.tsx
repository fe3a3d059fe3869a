import { type ForkField, forkFields } from '../forkFields.js';
import type { ForkLayout } from '../layout.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface ForkFormProps {
  /** "round 2 steady". */
  readonly parent: string;
  /** What a setting is now, and what it would be; null: the same. */
  readonly valueOf: (field: ForkField) => { present: string; changed: string | null };
  readonly layout: ForkLayout;
  readonly selected: number;
  /** First visible setting. */
  readonly top: number;
  readonly columns: number;
}

/** Settings of a new branch beside those that it would inherit. */
export function ForkForm({ parent, valueOf, layout, selected, top, columns }: ForkFormProps) {
  const { list, help } = layout;
  const label = 24;
  const value = Math.min(40, Math.floor((columns - label - 4) / 2));
  const changed = forkFields.filter((field) => valueOf(field).changed !== null).length;
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
        const { present, changed: next } = valueOf(field);
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
