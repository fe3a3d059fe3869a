/**
 * Win rate with the style of the responses held equal: Arena-Hard v2's style control (`show_result.py --control-features
 * length markdown` and `utils/add_markdown_info.py` of lmarena/arena-hard-auto, June 2025; "Does style matter?",
 * LMSYS 2024). Pure.
 *
 * p = σ(θ0 + Σ θk·z_k), z the z-score over all rows (sample standard deviation) of
 * - length: (a - b)/(a + b) in tokens, a of the model's response, b of the baseline's;
 * - headers, list items, bold: (A - B)/(A + B + 1) with the densities A = count/(tokens + 1).
 *
 * Two win rates follow. Arena-Hard prints σ(θ0), which is at the *mean* style difference of its rows: over a whole
 * leaderboard that is near zero, but with one model it keeps almost all that the model gains by style. At *equal* style,
 * where every feature is 0 (as d = 0 in the length-controlled win rate), nothing is left of it.
 *
 * Differs from Arena-Hard: one fit on all rows by Newton's method where theirs takes the median over 100 bootstrap
 * samples, each fitted by 50 steps of L-BFGS, and a feature that does not vary, which stops theirs, is left out.
 */
import { UserError } from './errors.js';
import { sigmoid } from './objectives/lrDpo.js';
import { fitLogistic, mean, sampleDeviation } from './winRate.js';

export interface StyleFeatures {
  /** Tokens of the whole response, code included. */
  length: number;
  /** Of levels 1 to 6. */
  headers: number;
  /** Items, ordered and unordered. */
  lists: number;
  /** Spans, written with ** and with __. */
  bold: number;
}

/** Counts of Markdown elements as Arena-Hard's answer files hold them. */
export interface MarkdownCounts {
  header_count: Record<'h1' | 'h2' | 'h3' | 'h4' | 'h5' | 'h6', number>;
  list_count: Record<'ordered' | 'unordered', number>;
  bold_count: Record<'**' | '__', number>;
}

// Python's `^`, `\s` and `\d`, which Arena-Hard counts with: only \n ends a line, and \s and \d cover other characters
// than in JavaScript. Each expression is tried on one line with its \n: over a whole text, `^\s*` would be tried at
// every line of a run of blank lines, in quadratic time, to find the same elements.
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const lineElements = {
  ...{ h1: line('#'), h2: line('##'), h3: line('###'), h4: line('####'), h5: line('#####'), h6: line('######') },
  ordered: line(`${SPACE}*\\p{Nd}+\\.`),
  unordered: line(`${SPACE}*[-*+]`),
};

function line(begin: string): RegExp {
  return new RegExp(`^${begin}${SPACE}`, 'u');
}

/**
 * Removes code between ``` fences, as Arena-Hard does. Hazard, and theirs: the fences stay, and each block's content is
 * removed wherever else it occurs in the text.
 */
function withoutCode(text: string): string {
  for (const [, block] of [...text.matchAll(/```([^`]*)```/g)]) if (block !== '') text = text.replaceAll(block, '');
  return text;
}

export function markdownCounts(response: string): MarkdownCounts {
  const text = withoutCode(response);
  const lines = text.split('\n').map((part, i, { length }) => (i < length - 1 ? `${part}\n` : part));
  const elements = (name: keyof typeof lineElements): number =>
    lines.filter((part) => lineElements[name].test(part)).length;
  const spans = (expression: RegExp): number => text.match(expression)?.length ?? 0;
  return {
    header_count: {
      h1: elements('h1'),
      h2: elements('h2'),
      h3: elements('h3'),
      h4: elements('h4'),
      h5: elements('h5'),
      h6: elements('h6'),
    },
    list_count: { ordered: elements('ordered'), unordered: elements('unordered') },
    bold_count: { '**': spans(/\*\*[^*\n]+\*\*/g), __: spans(/__[^_\n]+__/g) },
  };
}

const total = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** @param tokens length of the response in tokens, counted by the same tokenizer for both sides of a comparison */
export function styleOf(text: string, tokens: number): StyleFeatures {
  return styleOfCounts(markdownCounts(text), tokens);
}

export function styleOfCounts(counts: MarkdownCounts, tokens: number): StyleFeatures {
  return {
    length: tokens,
    headers: total(counts.header_count),
    lists: total(counts.list_count),
    bold: total(counts.bold_count),
  };
}

export interface StyleRow {
  /** Probability that the model is preferred, 0…1; a tie is ½. */
  preference: number;
  model: StyleFeatures;
  baseline: StyleFeatures;
}

export interface StyleControlled {
  /** In percent, at equal style. */
  win_rate: number;
  /** In percent, at the mean style difference: Arena-Hard's figure if its folder holds only this model. */
  win_rate_at_mean_style: number;
  /** θ of the z-scored features: above zero, more of it wins. 0 for a feature that does not vary. */
  coefficients: StyleFeatures;
  /** Features that do not vary over the rows: what they contribute stays in both win rates. */
  constant_features: (keyof StyleFeatures)[];
  /** θ0 and the θk, in the order of `styleNames`. */
  theta: number[];
}

export const styleNames = ['length', 'headers', 'lists', 'bold'] as const;

/**
 * @param start `theta` of an earlier fit to begin with: see fitLogistic
 * @throws UserError without rows
 */
export function styleControlledWinRate(rows: readonly StyleRow[], start?: readonly number[]): StyleControlled {
  if (rows.length === 0) throw new UserError('there are no rows to compute a style-controlled win rate from');
  const differences = rows.map(({ model, baseline }) => styleNames.map((name) => difference(name, model, baseline)));
  const scales = styleNames.map((_, k) => {
    const values = differences.map((row) => row[k]);
    const deviation = sampleDeviation(values);
    // Rounding alone makes the deviation of equal values positive.
    return { centre: mean(values), deviation: deviation > 1e-12 ? deviation : 0 };
  });
  const z = (value: number, k: number): number =>
    scales[k].deviation > 0 ? (value - scales[k].centre) / scales[k].deviation : 0;
  const [constant, ...theta] = fitLogistic(
    differences.map((row) => [1, ...row.map(z)]),
    rows.map(({ preference }) => preference),
    { start },
  );
  const atEqualStyle = theta.reduce((sum, coefficient, k) => sum + coefficient * z(0, k), constant);
  const [length, headers, lists, bold] = theta.map((value, k) => (scales[k].deviation > 0 ? value : 0));
  return {
    win_rate: 100 * sigmoid(atEqualStyle),
    win_rate_at_mean_style: 100 * sigmoid(constant),
    coefficients: { length, headers, lists, bold },
    constant_features: styleNames.filter((_, k) => scales[k].deviation === 0),
    theta: [constant, ...theta],
  };
}

function difference(name: keyof StyleFeatures, model: StyleFeatures, baseline: StyleFeatures): number {
  // Two empty responses do not differ.
  if (name === 'length') return (model.length - baseline.length) / (model.length + baseline.length || 1);
  const a = model[name] / (model.length + 1);
  const b = baseline[name] / (baseline.length + 1);
  return (a - b) / (a + b + 1);
}
