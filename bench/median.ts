/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
}

/** The median; the upper of the two middle values if their number is even. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
