/**
 * A language model as the judge, behind any OpenAI-compatible chat endpoint (vLLM, SGLang, llama.cpp, `transformers
 * serve`, hosted services). It compares two responses, each pair in both orders (Zheng et al., "Judging LLM-as-a-Judge",
 * arXiv 2306.05685, section 3.4), or grades one from 1 to 10.
 *
 * As a reward it ranks the responses to a prompt among themselves (`tournament`) or grades each alone (`pointwise`).
 * Win probabilities of different tournaments cannot be compared; grades can.
 */
import type { Control } from '../../core/control.js';
import type { RewardOptions } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import type { Prompt } from '../../core/rows.js';
import { plainText } from '../../core/sanitize.js';
import { type Match, tournamentMatches, winProbabilities } from '../../core/tournament.js';
import type { Permission } from '../../core/trust.js';
import { concurrently } from '../concurrently.js';
import {
  type ComparisonHooks,
  type ComparisonInput,
  promptExcerpt,
  type Reward,
  type RewardHooks,
  type RewardInput,
} from '../types.js';
import { type Answer, readAnswer } from './answer.js';
import { type CacheFile, cacheKey, JudgeCache } from './cache.js';
import { JudgeEndpoint } from './endpoint.js';
import { conversationText, type Question, Template } from './prompts.js';
import { Tally } from './tally.js';

/** Changes when answers are read or asked for in another way: old cached ones are then of no use. */
const VERSION = 1;
/** What an unusable answer counts as. */
const neutral = { compare: 0.5, grade: 5.5 } as const;

interface Pair {
  prompt: Prompt | undefined;
  responses: readonly [string, string];
}

/** @param cache file of earlier answers; null: only this process's own */
export function openJudge(
  url: URL,
  model: string,
  options: RewardOptions,
  permission: Permission,
  cache: CacheFile | null,
): Reward {
  const { compare_prompt, grade_prompt } = options.judge;
  const templates = {
    compare: Template.open('compare', compare_prompt),
    grade: Template.open('grade', grade_prompt),
  };
  return new Judge(new JudgeEndpoint(url, model, options, permission), templates, new JudgeCache(cache), options);
}

class Judge implements Reward {
  readonly spec: string;
  private readonly tally: Tally;
  /** Questions under way, by cache key. */
  private readonly pending = new Map<string, Promise<unknown>>();

  constructor(
    private readonly endpoint: JudgeEndpoint,
    private readonly templates: Record<Question, Template>,
    private readonly cache: JudgeCache,
    private readonly options: RewardOptions,
  ) {
    this.spec = `judge:${endpoint.url}#${endpoint.model}`;
    this.tally = new Tally({
      model: endpoint.model,
      options: options.judge,
      promptFile: (question) => templates[question].file,
    });
  }

  async score(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    if (hooks.absolute === true || this.options.judge.mode === 'pointwise') await this.gradeEach(inputs, hooks);
    else await this.holdTournaments(inputs, hooks);
  }

  async compare(inputs: ComparisonInput[], hooks: ComparisonHooks): Promise<void> {
    await this.comparePairs(
      inputs.map(({ prompt, responses }) => ({ prompt, responses })),
      hooks.control,
      (i, p) => hooks.onPreference(i, p),
    );
  }

  remarks(): string[] {
    return this.tally.remarks();
  }

  dispose(): void {}

  private async gradeEach(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const rows = inputs.map((input) => this.textsOf(input));
    await concurrently(rows.length, this.options.concurrency, hooks.control, async (i) => {
      const { prompt, response } = rows[i];
      const values = { prompt: conversationText(prompt), response };
      hooks.onReward(i, (await this.ask('grade', values, prompt)) ?? neutral.grade);
    });
    this.tally.checkAny('grade');
  }

  /** The responses to one prompt within this call meet each other. */
  private async holdTournaments(inputs: RewardInput[], hooks: RewardHooks): Promise<void> {
    const tournaments = this.tournamentsOf(inputs);
    if (inputs.length > 0 && tournaments.every(({ members }) => members.length === 1))
      throw new UserError(
        `reward ${this.spec} compares the responses to a prompt with each other, and every prompt here has one; set rewards.judge.mode to pointwise (--judge-mode pointwise), which grades each alone`,
      );
    const pairs = tournaments.flatMap(({ prompt, members, matches }, t) =>
      matches.map(([a, b], m) => ({
        ...{ t, m, prompt },
        responses: [inputs[members[a]].response as string, inputs[members[b]].response as string] as const,
      })),
    );
    const results = tournaments.map(({ matches }) => ({
      preferences: new Float64Array(matches.length),
      left: matches.length,
    }));
    const finish = (t: number) => {
      const { members, matches } = tournaments[t];
      winProbabilities(members.length, matches, results[t].preferences).forEach((reward, i) =>
        hooks.onReward(members[i], reward),
      );
    };
    // A single response has no opponent.
    results.forEach(({ left }, t) => {
      if (left === 0) finish(t);
    });
    await this.comparePairs(pairs, hooks.control, (i, preference) => {
      const { t, m } = pairs[i];
      results[t].preferences[m] = preference;
      if (--results[t].left === 0) finish(t);
    });
  }

  /** @throws UserError if the limit on comparisons leaves a response without one */
  private tournamentsOf(inputs: RewardInput[]): { prompt: Prompt; members: number[]; matches: Match[] }[] {
    const byPrompt = new Map<string, { prompt: Prompt; members: number[] }>();
    inputs.forEach((input, i) => {
      const { prompt } = this.textsOf(input);
      const key = JSON.stringify(prompt);
      const known = byPrompt.get(key);
      if (known === undefined) byPrompt.set(key, { prompt, members: [i] });
      else known.members.push(i);
    });
    const { max_comparisons: most } = this.options.judge;
    return [...byPrompt.values()].map(({ prompt, members }) => {
      const needed = Math.ceil(members.length / 2);
      if (members.length > 1 && most < needed)
        throw new UserError(
          `rewards.judge.max_comparisons is ${most} and ${promptExcerpt(prompt)} has ${members.length} responses; expected at least ${needed}, so that each is compared`,
        );
      return { prompt, members, matches: tournamentMatches(members.length, most) };
    });
  }

  /** Each pair in both orders; the preference is the mean. Equal responses are not sent. */
  private async comparePairs(
    pairs: readonly Pair[],
    control: Control | undefined,
    onPreference: (index: number, preference: number) => void,
  ): Promise<void> {
    const shares = pairs.map((): (number | null)[] => []);
    const asked: number[] = [];
    pairs.forEach(({ responses: [first, second] }, i) => {
      if (first !== second) return asked.push(i, i);
      this.tally.equalPair();
      onPreference(i, neutral.compare);
    });
    await concurrently(asked.length, this.options.concurrency, control, async (n) => {
      const i = asked[n];
      const order = n % 2;
      const { prompt, responses } = pairs[i];
      const values = {
        prompt: prompt === undefined ? '' : conversationText(prompt),
        first: responses[order],
        second: responses[1 - order],
      };
      shares[i][order] = await this.ask('compare', values, prompt);
      // Both orders are known: neither index is empty.
      if (!(0 in shares[i] && 1 in shares[i])) return;
      const [ahead, behind] = shares[i];
      this.tally.pair([ahead, behind]);
      onPreference(i, ((ahead ?? neutral.compare) + 1 - (behind ?? neutral.compare)) / 2);
    });
    if (asked.length > 0) this.tally.checkAny('compare');
  }

  /** @returns probability that the response shown first is better, or a grade; null if the answer is unusable */
  private async ask(
    question: Question,
    values: Parameters<Template['fill']>[0],
    prompt: Prompt | undefined,
  ): Promise<number | null> {
    const { temperature, max_tokens } = this.options.judge;
    const { url, model } = this.endpoint;
    const content = this.templates[question].fill(values);
    const key = cacheKey([VERSION, url, model, question, temperature, max_tokens, content]);
    // The same question asked twice at once is sent once.
    for (let other = this.pending.get(key); other !== undefined; other = this.pending.get(key))
      await other.catch(() => {});
    const known = this.cache.get(key);
    if (known !== undefined) {
      this.tally.cached(question, known.soft);
      return known.value;
    }
    const about = `${question === 'compare' ? 'comparing responses' : 'grading a response'} to ${promptExcerpt(prompt)}`;
    const asking = this.endpoint.complete(content, about);
    this.pending.set(key, asking);
    let answer: Answer;
    try {
      answer = this.read(question, await asking, about);
    } finally {
      this.pending.delete(key);
    }
    const { judgement } = answer;
    if (judgement.kind === 'usable') this.cache.add(key, { value: judgement.value, soft: judgement.soft });
    this.tally.answered(question, answer);
    return judgement.kind === 'usable' ? judgement.value : null;
  }

  private read(question: Question, completion: unknown, about: string): Answer {
    try {
      return readAnswer(question, completion);
    } catch (cause) {
      throw new UserError(
        `judge ${this.endpoint.url} gave an answer of another form while ${about}: ${plainText(JSON.stringify(completion)).slice(0, 200)}; expected a chat completion`,
        { cause },
      );
    }
  }

  private textsOf({ prompt, response }: RewardInput): { prompt: Prompt; response: string } {
    if (prompt === undefined || response === undefined)
      throw new UserError(`reward ${this.spec} needs rows with "prompt" and "response" as text`);
    return { prompt, response };
  }
}
