/** A round as stored in run.json. */
import type { DecisionCounts } from './review/rows.js';
import type { LossSettings } from './objectives/index.js';
import type { DroppedPairs, EvaluationResult } from './rows.js';

/** The stages of a round, in order. `review` waits for a person (or `auto`); `done` is final. */
export const stages = ['sample', 'score', 'review', 'update', 'evaluate', 'done'] as const;
export type Stage = (typeof stages)[number];

/** Settings that a person may change before launching the update. */
export interface RoundSettings {
  alpha: number;
  beta: number;
  lr: number;
}

/**
 * Settings of a branch that differ from the run's configuration, under its names: `{"sampling": {"samples_per_prompt":
 * 8}}`. They apply to the round and, unless changed again, to its descendants.
 */
export interface RoundOverrides {
  reward?: string;
  sampling?: Record<string, unknown>;
  pairs?: Record<string, unknown>;
  dpo?: Record<string, unknown>;
  update?: Record<string, unknown>;
  evaluation?: Record<string, unknown>;
}

/** How much of a round's prompts was sampled. */
export interface SampledPrompts {
  /** Prompts with responses. */
  prompts: number;
  /** Prompts that the round was to sample. */
  planned: number;
  /** A person ended sampling before every prompt had all its responses. */
  stopped_early: boolean;
}

/** A round as stored in run.json. Round 0 is the base policy: it has only an evaluation. */
export interface RoundState {
  id: number;
  /** The round whose policy this one starts from; null for round 0. */
  parent: number | null;
  stage: Stage;
  settings: RoundSettings;
  /** null before sampling has ended, and in rounds sampled by earlier versions. */
  sampled: SampledPrompts | null;
  /**
   * Pairs of the update after human decisions, those that it holds out included; null before they exist. Like
   * `held_out_pairs`, `dropped` and `decisions` it
   * is derived from the round's review rows and journal (countReview), which are authoritative after a crash.
   */
  pairs: number | null;
  /** How many of them are held out; null before they exist, and in rounds of earlier versions. */
  held_out_pairs: number | null;
  /**
   * Prompts without a pair because of the rewards. Those excluded or marked as ties by hand are counted in `decisions`.
   */
  dropped: DroppedPairs | null;
  /** Seconds spent in each stage. */
  seconds: Partial<Record<Stage, number>>;
  /** Steps that the update took, and whether a person stopped it early. */
  steps: number | null;
  stopped_early: boolean;
  evaluation: EvaluationResult | null;
  started_at: string;
  overrides: RoundOverrides;
  /**
   * The round whose samples and scores this one reuses, to be updated with other settings; null: it sampled its own.
   */
  redo_of: number | null;
  /**
   * The round whose samples, scores and seeds this one shares: the first of a chain of redone rounds. Pairs drawn at random
   * and the order of training pairs follow from that round's id, so that rounds of one chain differ in settings alone;
   * null: its own, as in redone rounds of earlier versions.
   */
  data_of: number | null;
  /** A person's verdict on the finished round. The round after a rejected one starts from that one's parent policy. */
  verdict: 'accepted' | 'rejected' | null;
  /** Counts of the current human decisions on its pairs; null before review. */
  decisions: DecisionCounts | null;
  /** Identifies the pairs that the update trains on, after human decisions; null if unknown. */
  pairs_digest: string | null;
  /** Given by a person; else empty. */
  name: string;
  note: string;
  /** Which part of it in run.json is unreadable. Such a round can be viewed and deleted, but nothing builds on it. */
  damaged?: string;
}

/** A round that has just begun. Round 0 is the base policy, which only needs an evaluation. */
export function newRound(id: number, parent: number | null, settings: RoundSettings): RoundState {
  return {
    id,
    parent,
    stage: id === 0 ? 'evaluate' : 'sample',
    settings,
    sampled: null,
    pairs: null,
    held_out_pairs: null,
    dropped: null,
    seconds: {},
    steps: null,
    stopped_early: false,
    evaluation: null,
    started_at: new Date().toISOString(),
    overrides: {},
    redo_of: null,
    data_of: null,
    verdict: null,
    decisions: null,
    pairs_digest: null,
    name: '',
    note: '',
  };
}

/** The id from which the seeds of a round's pairs and update follow. */
export const seedRound = ({ id, data_of }: Pick<RoundState, 'id' | 'data_of'>): number => data_of ?? id;

// The tree of rounds for drawing: order, connecting lines, branches.

export interface TreeRow {
  round: RoundState;
  /** Lines before the round's own mark: `│ ├─`. */
  graph: string;
  /** Index of its branch in branchesOf. */
  branch: number;
}

/** Rounds that each start from the previous one. */
export interface Branch {
  /** The round of another branch that the first one starts from; null without one. */
  from: RoundState | null;
  rounds: RoundState[];
}

/**
 * Parents before their children. The first child continues its parent's branch; the others begin branches of their own,
 * which are drawn between the two, one step to the right.
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

/** A round's settings under the configuration's dotted names, including α, β and learning rate, as they apply to it. */
export function settingOf(
  config: object,
  { overrides, settings }: Pick<RoundState, 'overrides' | 'settings'>,
  key: string,
): unknown {
  const own = { 'dpo.alpha': settings.alpha, 'dpo.beta': settings.beta, 'update.lr': settings.lr }[key];
  return own ?? at(overrides, key) ?? at(config, key);
}

/** The loss of a round's update. @param settings α and β where they are not the round's */
export function lossOf(
  config: object,
  round: Pick<RoundState, 'overrides' | 'settings'>,
  { alpha, beta }: Pick<RoundSettings, 'alpha' | 'beta'> = round.settings,
): LossSettings {
  const names = ['objective', 'gamma_ratio', 'ld_scale', 'label_smoothing', 'nll_weight'] as const;
  const set = Object.fromEntries(names.map((name) => [name, settingOf(config, round, `dpo.${name}`)]));
  return { ...(set as Omit<LossSettings, 'alpha' | 'beta'>), alpha, beta };
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
