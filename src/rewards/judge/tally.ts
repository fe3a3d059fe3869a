/** Counts what a judge answered, decides when to give it up, and puts the counts into sentences. */
import type { JudgeOptions } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import { count, of, percent } from '../../core/format.js';
import { plainText } from '../../core/sanitize.js';
import { signTest } from '../../core/statistics.js';
import type { Answer } from './answer.js';
import type { Question } from './prompts.js';

/** Before this many answers, the limit allows as many unusable ones as of this many. */
const LEAST_ANSWERS = 50;
/** Position bias is reported from this p-value on. */
const SIGNIFICANCE = 0.01;
const EXCERPT = 60;

/** Since the last remarks. */
interface Counts {
  soft: number;
  hard: number;
  /** Answers without log-probabilities. */
  unlisted: number;
  refusals: number;
  unparsable: number;
  cached: number;
  /** Comparisons that the response shown first won, of those that are no ties. */
  firstWins: number;
  decided: number;
  /** Pairs by their two comparisons: one response won both; the one shown first won both; the second; any tie. */
  agreed: number;
  firstTwice: number;
  secondTwice: number;
  tied: number;
  /** Pairs of equal responses, which are not sent. */
  equal: number;
  input: number;
  output: number;
  uncounted: number;
  example: string;
}

const none: Counts = {
  ...{ soft: 0, hard: 0, unlisted: 0, refusals: 0, unparsable: 0, cached: 0, firstWins: 0, decided: 0 },
  ...{ agreed: 0, firstTwice: 0, secondTwice: 0, tied: 0, equal: 0, input: 0, output: 0, uncounted: 0 },
  example: '',
};

export interface TallySource {
  /** The judge in messages: its model. */
  model: string;
  options: JudgeOptions;
  /** Path of the prompt file of a question. */
  promptFile(question: Question): string;
}

export class Tally {
  private counts: Record<Question, Counts> = { compare: { ...none }, grade: { ...none } };
  /** Of the judge's whole life: the limit must not begin anew with every remark. */
  private asked = 0;
  private unusable = 0;
  private cut = 0;
  private example = '';

  constructor(private readonly source: TallySource) {}

  cached(question: Question, soft: boolean): void {
    this.counts[question].cached++;
    this.counts[question][soft ? 'soft' : 'hard']++;
    this.asked++;
  }

  /** @throws UserError if too many answers are unusable */
  answered(question: Question, { judgement, text, usage, cut, listed }: Answer): void {
    const counts = this.counts[question];
    if (!listed) counts.unlisted++;
    if (usage === null) counts.uncounted++;
    counts.input += usage?.input ?? 0;
    counts.output += usage?.output ?? 0;
    this.asked++;
    if (judgement.kind === 'usable') {
      counts[judgement.soft ? 'soft' : 'hard']++;
      return;
    }
    counts[judgement.kind === 'refusal' ? 'refusals' : 'unparsable']++;
    this.unusable++;
    if (cut) this.cut++;
    counts.example ||= excerpt(text);
    this.example = excerpt(text);
    const { max_unusable } = this.source.options;
    if (this.unusable > max_unusable * Math.max(this.asked, LEAST_ANSWERS)) throw this.givenUp(question);
  }

  /** At the end of a call. @throws UserError if the judge has never given a usable answer */
  checkAny(question: Question): void {
    if (this.asked > 0 && this.unusable === this.asked) throw this.givenUp(question);
  }

  /** One pair in both orders. @param first probability that the response shown first wins, in each; null: unusable */
  pair(first: readonly [number | null, number | null]): void {
    const counts = this.counts.compare;
    const wins = first.map((share) => (share === null || share === 0.5 ? null : share > 0.5));
    for (const win of wins) {
      if (win === null) continue;
      counts.decided++;
      if (win) counts.firstWins++;
    }
    const [one, other] = wins;
    if (one === null || other === null) counts.tied++;
    // The first response of one order is the second of the other.
    else if (one !== other) counts.agreed++;
    else counts[one ? 'firstTwice' : 'secondTwice']++;
  }

  equalPair(): void {
    this.counts.compare.equal++;
  }

  /** Sentences about everything since the last call, the most important one first. */
  remarks(): string[] {
    const { compare, grade } = this.counts;
    this.counts = { compare: { ...none }, grade: { ...none } };
    const sentences = [
      ...biasRemarks(compare),
      ...this.unusableRemarks('comparison', compare, 'each counts as ½'),
      ...this.unusableRemarks('grade', grade, 'each counts as 5.5, the middle of the scale'),
      ...this.labelRemarks('comparison', compare),
      ...this.labelRemarks('grade', grade),
      ...pairRemarks(compare),
      ...this.costRemarks(compare, grade),
    ];
    return sentences.map((sentence) => plainText(`judge ${this.source.model}: ${sentence}`));
  }

  private labelRemarks(noun: string, counts: Counts): string[] {
    const { soft, hard, unlisted, cached } = counts;
    const all = answersOf(counts);
    if (all === 0) return [];
    const why = unlisted === 0 ? '' : ', as the server gave no log-probabilities';
    const labels = [
      ...(soft === 0 ? [] : [`${count(soft)} with soft labels (log-probabilities)`]),
      ...(hard === 0 ? [] : [`${count(hard)} with hard labels${why}`]),
    ];
    const kept = cached === 0 ? '' : `; ${count(cached)} from the cache`;
    return [`${[of(all, noun), ...labels].join(', ')}${kept}`];
  }

  private unusableRemarks(noun: string, counts: Counts, instead: string): string[] {
    const { refusals, unparsable, example } = counts;
    if (refusals + unparsable === 0) return [];
    const parts = [
      ...(refusals === 0 ? [] : [of(refusals, 'refusal')]),
      ...(unparsable === 0 ? [] : [of(unparsable, 'unparsable answer')]),
    ];
    return [`${parts.join(' and ')} in ${of(answersOf(counts), noun)}, such as "${example}"; ${instead}`];
  }

  private costRemarks(...all: Counts[]): string[] {
    const total = (key: 'input' | 'output' | 'uncounted') => all.reduce((sum, counts) => sum + counts[key], 0);
    const { price_input: perInput, price_output: perOutput } = this.source.options;
    const [input, output, uncounted] = [total('input'), total('output'), total('uncounted')];
    if (input + output + uncounted === 0) return [];
    const cost = (input * (perInput ?? 0) + output * (perOutput ?? 0)) / 1e6;
    const priced = perInput === null && perOutput === null ? '' : `, which cost ${cost.toPrecision(4)} at your prices`;
    const missing = uncounted === 0 ? '' : `; the server counted no tokens of ${of(uncounted, 'answer')}`;
    return [`${of(input, 'input token')} and ${of(output, 'output token')}${priced}${missing}`];
  }

  private givenUp(question: Question): UserError {
    const { model, options, promptFile } = this.source;
    const wanted = question === 'compare' ? 'one letter, A or B' : 'one number from 1 to 10';
    const reasons =
      this.cut === 0
        ? ''
        : `, or raise rewards.judge.max_tokens (${options.max_tokens}), which cut ${count(this.cut)} of them off`;
    return new UserError(
      `judge ${model}: ${count(this.unusable)} of ${of(this.asked, 'answer')} ${this.unusable === 1 ? 'is a refusal' : 'are refusals'} or unparsable, such as "${this.example}"; expected ${wanted}: reword the prompt in ${promptFile(question)} (rewards.judge.${question}_prompt)${reasons}; rewards.judge.max_unusable is ${options.max_unusable}`,
    );
  }
}

const answersOf = ({ soft, hard, refusals, unparsable }: Counts): number => soft + hard + refusals + unparsable;

function pairRemarks({ agreed, firstTwice, secondTwice, tied, equal }: Counts): string[] {
  const pairs = agreed + firstTwice + secondTwice + tied;
  const unsent = `${of(equal, 'pair')} of equal responses ${equal === 1 ? 'was not sent and counts' : 'were not sent and count'} as ½`;
  return [
    ...(pairs === 0 ? [] : [`${count(agreed)} of ${of(pairs, 'pair')} went to the same response in both orders`]),
    ...(equal === 0 ? [] : [unsent]),
  ];
}

/** Without bias, the pairs whose winner depends on the order split evenly between first and second (McNemar's test). */
function biasRemarks({ firstTwice, secondTwice, firstWins, decided }: Counts): string[] {
  const p = signTest(firstTwice, firstTwice + secondTwice);
  if (p >= SIGNIFICANCE) return [];
  const first = firstTwice > secondTwice;
  const won = percent((100 * (first ? firstWins : decided - firstWins)) / decided, 0);
  return [
    `position bias: the ${first ? 'first' : 'second'} response won ${won} of ${of(decided, 'comparison')}, whichever it was (${of(firstTwice, 'pair')} went to the first response in both orders, ${count(secondTwice)} to the second; p = ${p.toPrecision(1)}); the mean of both orders removes it, and such pairs say little`,
  ];
}

function excerpt(text: string): string {
  const clean = plainText(text).trim();
  return clean.length > EXCERPT ? `${clean.slice(0, EXCERPT)}…` : clean;
}
