/** The filter over the table: which rows pass, kept for the last filter that was applied. */
import { pairMargins } from '../../../src/core/margins.js';
import {
  type FilterFlag,
  type FilterNumber,
  type FilterPart,
  type FilterNode,
  type Filterable,
  comparedNumbers,
  parseFilter,
} from '../../../src/core/review/filter.js';
import { marksOf } from './columns.js';
import { type ReviewTable, marginInput } from './data.js';

export interface Hits {
  /** Mask of matching rows; null when unfiltered. */
  hits: Uint8Array | null;
  count: number;
  /** Why the filter cannot be parsed, and where; all rows pass then. */
  error: { text: string; at: number } | null;
  /** Why fewer rows match than the person may expect; empty: nothing to say. */
  remark: string;
}

const kept = new WeakMap<ReviewTable, { text: string; alpha: number | null; result: Hits }>();

export function hitsOf(table: ReviewTable, text: string, alpha: number): Hits {
  const all = { hits: null, count: table.rows.length, error: null, remark: '' };
  if (text.trim() === '') return all;
  const found = kept.get(table);
  if (found?.text === text && (found.alpha === null || found.alpha === alpha)) return found.result;
  const filter = parseFilter(text);
  if (!filter.ok) return { ...all, error: { text: filter.error, at: filter.at } };
  const reader = new RowReader(table, alpha);
  const hits = new Uint8Array(table.rows.length);
  let count = 0;
  for (reader.row = 0; reader.row < hits.length; reader.row++) {
    if (!filter.test(reader)) continue;
    hits[reader.row] = 1;
    count++;
  }
  const result = { hits, count, error: null, remark: remarkOn(reader, filter.node, filter.resembles) };
  kept.set(table, { text, alpha: filter.usesAlpha ? alpha : null, result });
  return result;
}

/** A misspelt mark is searched for as text, and a number that no row has satisfies no comparison: both say so. */
function remarkOn(
  reader: RowReader,
  node: FilterNode | null,
  resembles: readonly { word: string; name: string }[],
): string {
  const misspelt = resembles.find(({ word }) => !reader.some((row) => row.has(word.toLowerCase(), null)));
  if (misspelt !== undefined) return `no text has “${misspelt.word}”; did you mean ${misspelt.name}?`;
  const compared = node === null ? [] : comparedNumbers(node);
  const missing = compared.find((field) => !reader.some((row) => !Number.isNaN(row.number(field))));
  return missing === undefined ? '' : `no prompt has a value for ${missing}`;
}

/** One object for all rows, since every key applies the filter to each of them. */
class RowReader implements Filterable {
  row = 0;

  constructor(
    private readonly table: ReviewTable,
    private readonly alpha: number,
  ) {}

  some(holds: (row: Filterable) => boolean): boolean {
    for (this.row = 0; this.row < this.table.rows.length; this.row++) if (holds(this)) return true;
    return false;
  }

  number(field: FilterNumber): number {
    const { table, row } = this;
    switch (field) {
      case 'r':
        return table.rewardW[row] - table.rewardL[row];
      case 'rw':
        return table.rewardW[row];
      case 'rl':
        return table.rewardL[row];
      case 'dlen':
        return table.lengthW[row] - table.lengthL[row];
      case 'wlen':
        return table.lengthW[row];
      case 'llen':
        return table.lengthL[row];
      case 'lmargin':
        return pairMargins(marginInput(table, row), this.alpha).length_margin;
      case 'pen':
        return pairMargins(marginInput(table, row), this.alpha).length_penalized_margin;
      case 'weight':
        return pairMargins(marginInput(table, row), this.alpha).weight;
      case 'k':
        return table.rows[row].rewards.length;
      case 'prompt':
        return table.rows[row].prompt_index + 1;
    }
  }

  flag(flag: FilterFlag): boolean {
    const { table, row } = this;
    const standing = table.standings[row];
    const difference = table.lengthW[row] - table.lengthL[row];
    switch (flag) {
      case 'flipped':
        return marksOf(table, row, this.alpha).flipped;
      case 'truncated':
        return marksOf(table, row, this.alpha).truncated !== '';
      case 'near':
        return marksOf(table, row, this.alpha).nearTie;
      case 'decided':
        return (table.decisions[row]?.ruling ?? null) !== null;
      case 'swapped':
        return table.decisions[row]?.ruling?.kind === 'pair' && table.rewardW[row] < table.rewardL[row];
      case 'excluded':
        return standing === 'excluded';
      case 'tie':
        return standing === 'tie' || standing === 'ties';
      case 'noted':
        return (table.decisions[row]?.note ?? '') !== '';
      case 'dropped':
        return standing !== 'pair';
      case 'pair':
        return standing === 'pair';
      case 'longer':
        return difference > 0;
      case 'shorter':
        return difference < 0;
    }
  }

  has(text: string, part: FilterPart | null): boolean {
    const { prompt, chosen_text, rejected_text } = this.table.rows[this.row];
    const note = this.table.decisions[this.row]?.note ?? '';
    const of = { w: [chosen_text], l: [rejected_text], p: [prompt] };
    const searched = part === null ? [prompt, chosen_text, rejected_text, note] : of[part];
    return searched.some((one) => one.toLowerCase().includes(text));
  }
}
