/** What a round changed in the answers to the held-out prompts, prompt by prompt. */
import type { HeldOutSeen } from '../../../src/protocol/messages.js';

export const orders = ['reward', 'fell', 'length', 'grew'] as const;
export type Order = (typeof orders)[number];

export const orderNames: Record<Order, string> = {
  reward: 'reward changed most',
  fell: 'reward fell most',
  length: 'length changed most',
  grew: 'grew longest',
};

export interface Change {
  prompt_index: number;
  prompt: string;
  before: HeldOutSeen;
  now: HeldOutSeen;
  /** Now less before. */
  reward: number;
  /** In tokens. */
  length: number;
}

/** The prompts that both have answered, the first of the order first; ties in the order of the prompts. */
export function changesOf(now: readonly HeldOutSeen[], before: readonly HeldOutSeen[], order: Order): Change[] {
  const known = new Map(before.map((answer) => [answer.prompt_index, answer]));
  const changes = now.flatMap((answer): Change[] => {
    const other = known.get(answer.prompt_index);
    if (other === undefined) return [];
    const { prompt_index, prompt } = answer;
    return [
      {
        ...{ prompt_index, prompt, before: other, now: answer },
        ...{ reward: answer.reward - other.reward, length: answer.length - other.length },
      },
    ];
  });
  return changes.sort((a, b) => rank[order](b) - rank[order](a) || a.prompt_index - b.prompt_index);
}

const rank: Record<Order, (change: Change) => number> = {
  reward: ({ reward }) => Math.abs(reward),
  fell: ({ reward }) => -reward,
  length: ({ length }) => Math.abs(length),
  grew: ({ length }) => length,
};
