/** The interface of rewards, and checks that they share. */
import { inspect } from 'node:util';
import { UserError } from '../core/errors.js';
import { MAX_REWARD } from '../core/limits.js';
import type { Control } from '../core/control.js';
import type { Prompt } from '../core/rows.js';
import { plainText } from '../core/sanitize.js';

export interface RewardInput {
  prompt?: Prompt;
  response?: string;
  /** Token ids of prompt and response, for reward models that read ids. */
  ids?: number[];
  /** How many of `ids` belong to the prompt; responses to one prompt share its computation. */
  prompt_tokens?: number;
}

export interface RewardHooks {
  /**
   * Called once for each input, in any order, as soon as its reward is known.
   *
   * @param parts of a weighted sum: the unweighted reward of each part, in the order of `Reward.parts`
   */
  onReward(index: number, reward: number, parts?: readonly number[]): void;
  control?: Control;
  /**
   * Rewards of different calls are compared with each other (evaluation): a judge that ranks the responses to a prompt
   * among themselves scores each alone instead.
   */
  absolute?: boolean;
}

/** Two responses to one prompt. */
export interface ComparisonInput {
  prompt?: Prompt;
  responses: readonly [string, string];
}

export interface ComparisonHooks {
  /** Called once for each input: the probability that its first response is the better one, 0…1; a tie is ½. */
  onPreference(index: number, preference: number): void;
  control?: Control;
}

export interface Reward {
  /** The specification as the user wrote it. */
  readonly spec: string;
  /** The parts of a weighted sum; absent for a single reward of weight 1. */
  readonly parts?: readonly { spec: string; weight: number }[];
  /**
   * Scores all inputs.
   *
   * @throws UserError that names the prompt if a reward is missing or not finite; rewards reported before remain valid
   */
  score(inputs: RewardInput[], hooks: RewardHooks): Promise<void>;
  /** Judges: compares pairs, each in both orders. Rewards without it are compared by their scores. */
  compare?(inputs: ComparisonInput[], hooks: ComparisonHooks): Promise<void>;
  /** Sentences that a user should see beside the results: refusals, unparsable answers, position bias, cost. */
  remarks?(): string[];
  dispose(): void;
}

/** A prompt in one line, for errors. */
export function promptExcerpt(prompt: Prompt | undefined): string {
  const text = typeof prompt === 'string' ? prompt : (prompt?.at(-1)?.content ?? '');
  const clean = plainText(text).trim();
  return clean.length > 60 ? `"${clean.slice(0, 60)}…"` : `"${clean}"`;
}

/** @throws UserError unless the value is a usable reward: a finite number of magnitude at most MAX_REWARD */
export function finiteReward(value: unknown, source: string, input: RewardInput): number {
  if (typeof value === 'number' && Math.abs(value) <= MAX_REWARD) return value;
  const got = typeof value === 'number' ? String(value) : `${shown(value).slice(0, 80)} (${typeof value})`;
  throw new UserError(
    `reward ${source} gave ${got} for the response to ${promptExcerpt(input.prompt)}; expected a finite number of at most ${MAX_REWARD} either way`,
  );
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  // Not JSON.stringify, which throws on a BigInt or a cyclic object.
  return plainText(
    typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : inspect(value, { breakLength: Infinity }),
  );
}
