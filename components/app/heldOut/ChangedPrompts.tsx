import type { HeldOutResponse } from '../../../src/protocol/messages.js';
import { type Change, type Order, type PromptsLayout, orderNames } from './prompts.js';
import * as format from '../../../src/core/format.js';
import { heldOutKey } from '../../../src/core/rows.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { cut, fit } from '../../parts/text.js';
import { Line, Tint } from '../../parts/Line.js';
import { Marked } from '../../parts/Marked.js';
import { Rule } from '../../parts/Rule.js';

export interface ChangedPromptsProps {
  /** Rounds of the left and the right response; differences are right minus left. */
  readonly left: number;
  readonly right: number;
  /** What is compared, at the right end of the list's rule. */
  readonly about: string;
  readonly prompts: PromptsLayout;
  readonly order: Order;
  readonly columns: number;
}

/** The held-out prompts that changed most, with both responses to the selected one side by side. */
export function ChangedPrompts({ left, right, about, prompts, order, columns }: ChangedPromptsProps) {
  const { changes, change, selected, top, textTop, listRows, textRows, width } = prompts;
  if (changes === null) return <Line tone="muted">Reading the held-out responses …</Line>;
  if (change === null) return <Line tone="muted">No held-out prompt has a response from both rounds.</Line>;
  const lines = Array.from({ length: textRows }, (_, i) => textTop + i);
  const more = Math.max(prompts.before.length, prompts.after.length) - textTop - textRows;
  return (
    <>
      <Rule
        title={`Prompts, ${orderNames[order]}`}
        right={`${about} · ${format.count(selected + 1)} of ${format.count(changes.length)}`}
        width={columns}
      />
      <Line tone="muted">
        {`${fit('', 2)}${columnsIn(columns)
          .map(({ heading: head }) => fit(head, cellWidth, 'right'))
          .join('')}  ${textsOf(columns, 'prompt', `round ${left}`, `round ${right}`)}`}
      </Line>
      {changes.slice(top, top + listRows).map((one, i) => (
        <Row key={heldOutKey(one)} change={one} isSelected={top + i === selected} columns={columns} />
      ))}
      <Line tone="accent">{cut(makeLine(change.prompt, columns), columns)}</Line>
      <Line tone="title">
        {fit(heading(`round ${left}`, change.before), width)} │ {fit(heading(`round ${right}`, change.now), width - 6)}
        {more > 0 && <Tint tone="muted">{fit(` ↓${more}`, 6, 'right')}</Tint>}
      </Line>
      {lines.map((line) => (
        <Line key={line}>
          <Marked line={prompts.before[line]} tone="warn" width={width} />
          <Tint tone="muted">{' │ '}</Tint>
          <Marked line={prompts.after[line]} tone="accent" />
        </Line>
      ))}
    </>
  );
}

interface Column {
  heading: string;
  /** Left out on terminals narrower than this. */
  from: number;
  cell(change: Change): string;
}

const cells: readonly Column[] = [
  { heading: 'before', from: 110, cell: ({ before }) => format.fixed(before.reward, 2) },
  { heading: 'reward', from: 0, cell: ({ now }) => format.fixed(now.reward, 2) },
  { heading: 'Δ', from: 0, cell: ({ reward }) => format.signed(reward, 2) },
  { heading: 'before', from: 110, cell: ({ before }) => format.count(before.length) },
  { heading: 'length', from: 0, cell: ({ now }) => format.count(now.length) },
  { heading: 'Δ', from: 0, cell: ({ length }) => format.signed(length, 0) },
];

/** From this width on the list shows how both responses begin. */
const showsResponses = 150;
const cellWidth = 9;

const columnsIn = (columns: number): readonly Column[] => cells.filter(({ from }) => columns >= from);

interface RowProps {
  readonly change: Change;
  readonly isSelected: boolean;
  readonly columns: number;
}

function Row({ change, isSelected, columns }: RowProps) {
  const { sample, before, now } = change;
  const prompt = sample === 0 ? change.prompt : `(response ${sample + 1}) ${change.prompt}`;
  return (
    <Line inverse={isSelected}>
      {isSelected ? '› ' : '  '}
      {columnsIn(columns)
        .map(({ cell }) => fit(cell(change), cellWidth, 'right'))
        .join('')}
      {`  ${textsOf(columns, prompt, before.text, now.text)}`}
    </Line>
  );
}

/** The prompt, and on a wide terminal how both responses begin. */
function textsOf(columns: number, prompt: string, before: string, now: string): string {
  const room = columns - 2 - cellWidth * columnsIn(columns).length - 2;
  if (columns < showsResponses) return fit(makeLine(prompt, room), room);
  const ofPrompt = Math.max(40, Math.floor((room - 4) / 3));
  const ofResponse = Math.floor((room - 4 - ofPrompt) / 2);
  const shown = (text: string, width: number): string => fit(cut(makeLine(text, width), width), width);
  return [shown(prompt, ofPrompt), shown(before, ofResponse), shown(now, ofResponse)].join('  ');
}

function heading(name: string, { reward, length, truncated }: HeldOutResponse): string {
  return `${name}: reward ${format.fixed(reward, 2)}, ${format.of(length, 'token')}${truncated ? ', truncated' : ''}`;
}
