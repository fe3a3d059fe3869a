/** The tree of rounds as people see it: in which order, with which lines at its side, and which rounds make a branch. */
import type { RoundState } from '../store/rounds.js';

export interface TreeRow {
  round: RoundState;
  /** What stands before the round's own mark: `│ ├─`. */
  graph: string;
  /** Place of its branch in branchesOf. */
  branch: number;
}

/** Rounds of which each starts from the one before it. */
export interface Branch {
  /** The round that the first one starts from, of another branch; null where it has none. */
  from: RoundState | null;
  rounds: RoundState[];
}

/**
 * A parent before its children. The first child goes on in its parent's branch; the others begin branches of their own,
 * which stand between the two, one step to the right.
 */
export function treeOf(rounds: readonly RoundState[]): TreeRow[] {
  return growTree(rounds).rows;
}

/** The branch of the base policy first, the others in the order in which they began. */
export function branchesOf(rounds: readonly RoundState[]): Branch[] {
  return growTree(rounds).branches;
}

function growTree(rounds: readonly RoundState[]): { rows: TreeRow[]; branches: Branch[] } {
  const sorted = [...rounds].sort((a, b) => a.id - b.id);
  const known = new Set(sorted.map(({ id }) => id));
  const childrenOf = (id: number) => sorted.filter(({ parent }) => parent === id);
  const rows: TreeRow[] = [];
  const begun: Branch[] = [];
  const walk = (from: RoundState | null, first: RoundState, joint: string, stem: string): void => {
    const branch = begun.push({ from, rounds: [] }) - 1;
    let before = joint;
    for (let round: RoundState | undefined = first; round !== undefined; before = stem) {
      rows.push({ round, graph: before, branch });
      begun[branch].rounds.push(round);
      const parent: RoundState = round;
      const [main, ...others]: RoundState[] = childrenOf(parent.id);
      for (const other of others) walk(parent, other, `${stem}├─`, `${stem}│ `);
      round = main as RoundState | undefined;
    }
  };
  for (const root of sorted.filter(({ parent }) => parent === null || !known.has(parent))) walk(null, root, '', '');
  const branches = [...begun].sort((a, b) => a.rounds[0].id - b.rounds[0].id);
  return { rows: rows.map((row) => ({ ...row, branch: branches.indexOf(begun[row.branch]) })), branches };
}

/** "rounds 0, 1, 2" or "rounds 3, 5, from round 1". */
export function branchTitle({ from, rounds }: Branch): string {
  const ids = rounds.map(({ id }) => id).join(', ');
  const title = `round${rounds.length === 1 ? '' : 's'} ${ids}`;
  return from === null ? title : `${title}, from round ${from.id}`;
}

/** Round's settings by the configuration's dotted names, α, β and learning rate among them, as they hold for it. */
export function settingOf(
  config: object,
  { overrides, settings }: Pick<RoundState, 'overrides' | 'settings'>,
  key: string,
): unknown {
  const own = { 'dpo.alpha': settings.alpha, 'dpo.beta': settings.beta, 'update.lr': settings.lr }[key];
  return own ?? at(overrides, key) ?? at(config, key);
}

/** Dotted names of what a round's branch has changed, α, β and learning rate left out. */
export function overriddenKeys({ overrides }: Pick<RoundState, 'overrides'>): string[] {
  const keysIn = (value: unknown, path: string): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => keysIn(inner, path === '' ? key : `${path}.${key}`))
      : [path];
  return Object.keys(overrides).length === 0 ? [] : keysIn(overrides, '');
}

function at(config: unknown, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (inner, part) =>
        typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[part] : undefined,
      config,
    );
}
