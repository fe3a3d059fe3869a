/** Compares our figures with the peer's and with the targets. */

/** Figures printed by measure.ts and the peer; the peer omits some. */
export interface Figures {
  pairs_per_s?: number;
  sample_tokens_per_s?: number;
  update_tflop_per_s?: number;
  update_peak_mem_mb?: number;
  peak_mem_mb?: number;
}

export interface Comparison {
  shape: string;
  figure: string;
  ours: number;
  /** The peer's figure, or the card's measured rate. */
  against: number;
  ratio: number;
  target: string;
  reached: boolean;
}

interface Target {
  figure: keyof Figures;
  /** Least ratio; for memory the largest. */
  ratio: number;
}

const memory: Target = { figure: 'update_peak_mem_mb', ratio: 1 };
export const targets: Record<string, Target[]> = {
  '0.5b': [{ figure: 'pairs_per_s', ratio: 1.5 }, { figure: 'sample_tokens_per_s', ratio: 5 }, memory],
  '1b': [{ figure: 'pairs_per_s', ratio: 1.5 }, memory],
  '7b': [{ figure: 'pairs_per_s', ratio: 1.2 }, memory],
};

/** Share of the card's measured matrix rate that an update of all weights should reach. */
const MATRIX_SHARE = 0.45;

/**
 * @param ours by shape, like the peer's
 * @param matrixRate the card's measured rate in TFLOP/s; null if it was not measured
 */
export function comparisons(
  ours: Record<string, Figures>,
  peer: Record<string, Figures>,
  matrixRate: number | null,
): Comparison[] {
  const rows: Comparison[] = [];
  const add = (shape: string, figure: string, a: number | undefined, b: number | null | undefined, target: Target) => {
    if (a === undefined || b === undefined || b === null) return;
    const most = target.figure.includes('mem');
    const ratio = a / b;
    const reached = most ? ratio <= target.ratio : ratio >= target.ratio;
    rows.push({ shape, figure, ours: a, against: b, ratio, target: `${most ? '≤' : '≥'} ${target.ratio}`, reached });
  };
  for (const [shape, wanted] of Object.entries(targets)) {
    for (const target of wanted)
      add(shape, target.figure, ours[shape]?.[target.figure], peer[shape]?.[target.figure], target);
    if (shape === '7b') continue;
    const share: Target = { figure: 'update_tflop_per_s', ratio: MATRIX_SHARE };
    add(shape, 'share of the matrix rate', ours[shape]?.update_tflop_per_s, matrixRate, share);
  }
  return rows;
}
