/** The filter over the table: which rows it lets through, kept for the last one that was asked for. */
import { pairMargins } from '../../dpo/margins.js';
import {
  type FilterFlag,
  type FilterNumber,
  type FilterPart,
  type Filterable,
  parseFilter,
} from '../../review/filter.js';
import { marksOf } from './columns.js';
import { type ReviewTable, marginInput } from './data.js';

export interface Hits {
  /** 1 for each row that is let through; null: all. */
  hits: Uint8Array | null;
  count: number;
  /** A sentence where the filter cannot be read, and where; everything is let through then. */
  error: { text: string; at: number } | null;
}

const kept = new WeakMap<ReviewTable, { text: string; alpha: number | null; result: Hits }>();

export function hitsOf(table: ReviewTable, text: string, alpha: number): Hits {
  const all = { hits: null, count: table.rows.length, error: null };
  if (text.trim() === '') return all;
  const found = kept.get(table);
  if (found?.text === text && (found.alpha === null || found.alpha === alpha)) return found.result;
  const filter = parseFilter(text);
  if (!filter.ok) return { ...all, error: { text: filter.error, at: filter.at } };
  const asked = new Asked(table, alpha);
  const hits = new Uint8Array(table.rows.length);
  let count = 0;
  for (asked.row = 0; asked.row < hits.length; asked.row++)
    if (filter.test(asked)) [hits[asked.row], count] = [1, count + 1];
  const result = { hits, count, error: null };
  kept.set(table, { text, alpha: filter.usesAlpha ? alpha : null, result });
  return result;
}

/** One object for all rows: a filter is tried on each of them at every key. */
class Asked implements Filterable {
  row = 0;

  constructor(
    private readonly table: ReviewTable,
    private readonly alpha: number,
  ) {}

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
