/** Answers to what clients ask; nothing is changed by them, so anyone may ask at any time. */
import { UserError } from '../errors.js';
import { roundFiles } from '../rounds/files.js';
import { promptText } from '../rounds/prompts.js';
import { sampleRowSchema, scoreRowSchema } from '../rows.js';
import { readJsonLines } from '../store/jsonl.js';
import type { Archive } from './archive.js';
import type { Core } from './core.js';
import { planUpdate } from './plan.js';
import type { AnswerTo, HeldOutSeen, Queries, Query, QueryName, TokenSeen } from './protocol.js';
import { RoundView } from './view.js';

/** Tokens at the end of a prompt that are shown. */
const PROMPT_TOKENS = 64;

type Answers = {
  [Q in QueryName]: (
    core: Core,
    archive: Archive,
    ask: Queries[Q]['ask'],
  ) => Promise<Queries[Q]['answer']> | Queries[Q]['answer'];
};

export function isQuery(request: { type: string }): request is Query {
  return Object.hasOwn(answers, request.type);
}

/** @throws UserError where there is no such thing */
export async function answer<Q extends Query>(core: Core, archive: Archive, query: Q): Promise<AnswerTo<Q>> {
  const of = answers[query.type] as (core: Core, archive: Archive, ask: Q) => Promise<AnswerTo<Q>> | AnswerTo<Q>;
  return await of(core, archive, query);
}

const answers: Answers = {
  async 'read-detail'(_core, archive, { round, prompt_index }) {
    const { prompt, prompt_ids, responses } = await archive.sample(round, prompt_index);
    const { rewards } = await archive.score(round, prompt_index);
    return {
      prompt_index,
      prompt: prompt ?? promptText({ prompt_ids }),
      responses: responses.map(({ text, ids, logps, finish_reason }, i) => ({
        text,
        length: ids.length,
        reward: rewards[i],
        logps,
        truncated: finish_reason === 'length',
      })),
    };
  },

  async 'read-tokens'(_core, archive, { round, prompt_index, sample }) {
    const { prompt_ids, responses } = await archive.sample(round, prompt_index);
    if (!Object.hasOwn(responses, sample))
      throw new UserError(
        `prompt ${prompt_index} of round ${round} has no response ${String(sample)}; it has 0 to ${responses.length - 1}`,
      );
    const tokenizer = await archive.findTokenizer();
    const seen = (id: number): TokenSeen => {
      // Models pad their vocabularies with ids that stand for nothing.
      const text = tokenizer?.tokenText(id) ?? '';
      return { id, text: text === '' ? String(id) : text, special: tokenizer?.isSpecial(id) ?? false };
    };
    return {
      prompt_tokens: prompt_ids.length,
      prompt: prompt_ids.slice(-PROMPT_TOKENS).map(seen),
      response: responses[sample].ids.map(seen),
    };
  },

  'read-round'({ run, view }, _archive, { round }) {
    run.round(round);
    return round === run.current ? view.data() : RoundView.read(run, round).data();
  },

  'read-held-out'({ run }, _archive, { round }): HeldOutSeen[] {
    run.round(round);
    const file = (name: string) => run.files.file(round, name);
    const rewards = new Map(
      readJsonLines(file(roundFiles.heldOutScores), scoreRowSchema, { missing: 'empty' }).map((row) => [
        row.prompt_index,
        row.rewards[0],
      ]),
    );
    return readJsonLines(file(roundFiles.heldOutSamples), sampleRowSchema, { missing: 'empty' })
      .flatMap((row) => {
        const reward = rewards.get(row.prompt_index);
        // Not scored yet: an evaluation is under way.
        if (reward === undefined) return [];
        const [{ text, ids, finish_reason }] = row.responses;
        return [
          {
            prompt_index: row.prompt_index,
            prompt: promptText(row),
            text,
            length: ids.length,
            reward,
            truncated: finish_reason === 'length',
          },
        ];
      })
      .sort((a, b) => a.prompt_index - b.prompt_index);
  },

  'read-engine': ({ state }) => state,

  'read-plan': planUpdate,

  'read-hacking'({ run, view }, archive, { round }) {
    run.round(round);
    return archive.hacking.report(round, round === run.current ? view.review : null);
  },
};
