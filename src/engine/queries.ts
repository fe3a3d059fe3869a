/** Answers to what clients ask; nothing is changed by them, so anyone may ask at any time. */
import { UserError } from '../errors.js';
import { readJobLog } from '../remote/jobs/view.js';
import { readHeldOut } from '../rounds/answers.js';
import { roundFiles } from '../rounds/files.js';
import { metricsSchema } from '../rounds/metrics.js';
import { promptText } from '../rounds/prompts.js';
import { readJsonLines } from '../store/jsonl.js';
import { folderBytes } from '../store/size.js';
import type { Archive } from './archive.js';
import type { Core } from './core.js';
import { planUpdate } from './plan.js';
import type { AnswerTo, Queries, Query, QueryName, TokenSeen } from './protocol.js';
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
    if (round === run.current) return view.data();
    const other = RoundView.read(run, round);
    if (other.problem !== null) throw new UserError(other.problem);
    return other.data();
  },

  'read-held-out'({ run }, _archive, { round }) {
    run.round(round);
    return readHeldOut(run.files, round);
  },

  'read-metrics'({ run, view }, _archive, { round }) {
    run.round(round);
    if (round === run.current) return view.metrics;
    return readJsonLines(run.files.file(round, roundFiles.metrics), metricsSchema, { missing: 'empty' });
  },

  async 'read-deletion'({ run }, _archive, { round }) {
    const rounds = run.descendants(round).map(({ id }) => id);
    const bytes = await Promise.all(rounds.map((id) => folderBytes(run.files.roundDir(id))));
    return { rounds: rounds.sort((a, b) => a - b), bytes: bytes.reduce((a, b) => a + b, 0) };
  },

  'read-engine': ({ state }) => state,

  'read-job-log': ({ run }, _archive, { round }) => {
    run.round(round);
    return { lines: readJobLog(run.files, round) };
  },

  'read-plan': planUpdate,

  'read-hacking'({ run, view }, archive, { round }) {
    run.round(round);
    return archive.hacking.report(round, round === run.current ? view.review : null);
  },
};
