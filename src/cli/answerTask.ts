/** The work of `brevity answer`: computes the answers turn by turn, and writes them in the chosen format. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { RewardOptions, ServerConfig } from '../core/config/schema.js';
import {
  alpacaOutput,
  type AnswerFormat,
  arenaHardAnswer,
  checkQuestions,
  conversation,
  mtBenchAnswer,
  type Question,
} from '../core/publicAnswers.js';
import { sampleSeed } from '../core/seeds.js';
import { UserError } from '../core/errors.js';
import { largest } from '../core/limits.js';
import { readTextFile } from '../io/files.js';
import { jsonLine, printError, ProgressLine } from '../io/print.js';
import type { BeamSettings } from '../model/generate/beam.js';
import type { SamplingSettings } from '../model/generate/sample.js';
import { loadModel } from '../model/folder.js';
import { type PolicyFiles, readPolicyFiles } from '../model/policyFiles.js';
import { encodePrompts } from '../model/prompts.js';
import { Tokenizer } from '../model/tokenizer.js';
import { ServerPool } from '../remote/servers/pool.js';
import { type CacheFile, namedByUser, openReward, type Reward } from '../rewards/index.js';
import {
  type Answer,
  type AnswerHooks,
  type AnswerPrompt,
  Answers,
  beamAnswers,
  type BeamSearcher,
  candidatesTogether,
  localBeams,
  sampleAnswers,
} from '../run/answers.js';
import { localSampler } from '../run/stages/sample.js';
import { serverSampler } from '../run/stages/servers.js';
import { AnswerFile, type Task } from './answerFile.js';
import { printRemarks } from './options.js';
import { RowWriter } from './rows.js';

export interface AnswerTask {
  dir: string;
  /** How public formats name the model. */
  name: string;
  out: string;
  format: AnswerFormat;
  candidates: number;
  keepAll: boolean;
  /** null for single answers. */
  reward: string | null;
  rewardOptions: RewardOptions;
  judgeCache: CacheFile | null;
  beam: BeamSettings | null;
  settings: SamplingSettings;
  server: ServerConfig | null;
  /** Folder of the tokenizer that counts Arena-Hard's answers; null: the policy's. */
  countWith: string | null;
  raw: boolean;
  seed: number;
  useBackend(): Promise<unknown>;
}

/** @throws UserError if a question cannot be answered in this format, or with these settings */
export async function answerQuestions(task: AnswerTask, questions: Question[]): Promise<void> {
  checkQuestions(questions, task.format);
  if (task.format === 'arena-hard') counterOf(task);
  if (task.server === null || task.reward?.includes('hf:')) await task.useBackend();
  const source = task.server === null ? await localSource(task) : await serverSource(task, task.server, questions);
  let reward: Reward | null = null;
  try {
    if (task.reward !== null) reward = await openReward(task.reward, task.rewardOptions, namedByUser, task.judgeCache);
    await writeAnswers(task, questions, source, reward);
  } finally {
    if (reward !== null) printRemarks(reward);
    reward?.dispose();
    source.dispose();
  }
}

async function writeAnswers(task: AnswerTask, questions: Question[], source: Source, reward: Reward | null) {
  const file = new AnswerFile(task.out, identity(task, questions, source));
  // Rows of one line each can leave as soon as they are known; a file is written in the prompts' order at the end.
  const stream = task.out === '-' && task.format === 'jsonl' ? new RowWriter(task.out) : null;
  if (file.leftovers > 0) printError(`continuing with ${file.leftovers} finished responses\n`);
  /** For each question, the answers to its turns. */
  const texts = questions.map((): string[] => []);
  const rows: string[] = [];
  const turns = largest(questions.map((question) => turnsOf(question)));
  for (let turn = 0; turn < turns; turn++) {
    const asked = questions.map((_, q) => q).filter((q) => turn < turnsOf(questions[q]));
    const entries = asked.map((q) => ({
      where: turn === 0 ? questions[q].where : `${questions[q].where} (turn ${turn + 1})`,
      prompt: turn === 0 ? questions[q].prompt : conversation(questions[q], turn, texts[q]),
      prompt_ids: questions[q].prompt_ids,
    }));
    const ids = encodePrompts(source.policy, entries, { raw: task.raw });
    const prompts = entries.map(({ where, prompt }, i): AnswerPrompt => ({ where, prompt, ids: ids[i] }));
    const answers = new Answers(prompts.length, task.candidates, task.keepAll);
    for (const row of file.left(turn, prompts.length, task.candidates)) answers.add(row);
    const known = answers.count;
    const progress = new ProgressLine('answering', 'responses');
    const started = performance.now();
    let tokens = 0;
    await source.answer(prompts, answers, reward, turn, {
      onTokens: (count) => (tokens += count),
      onCandidates(candidates) {
        file.append(turn, candidates);
        const speed = Math.round(tokens / ((performance.now() - started) / 1000));
        progress.update(answers.count - known, prompts.length * task.candidates - known, `${speed} tokens/s`);
        for (const { prompt_index } of candidates) {
          const answer = answers.answer(prompt_index);
          if (stream !== null && answer !== null)
            stream.write(rowOf(prompts[prompt_index], prompt_index, answer, task));
        }
      },
    });
    progress.finish();
    asked.forEach((q, i) => {
      const answer = answers.answer(i);
      if (answer === null) throw file.damaged(`lacks the text of the best candidate of prompt ${i}`);
      texts[q].push(answer.response.text);
      if (task.format === 'jsonl') rows.push(jsonLine(rowOf(prompts[i], i, answer, task)));
    });
  }
  if (stream !== null) return stream.close();
  const text = task.format === 'jsonl' ? rows.join('') : publicText(task, questions, texts);
  if (task.out === '-') writeOut(text);
  else file.finish(text);
}

const turnsOf = ({ turns }: Question): number => turns?.length ?? 1;

/** A row of the format `jsonl`; `score`, `logprobs` and `export` read its response. */
function rowOf({ prompt, ids }: AnswerPrompt, prompt_index: number, answer: Answer, task: AnswerTask): object {
  const { response, index, candidates } = answer;
  const { score } = response;
  return {
    prompt_index,
    ...(prompt === undefined ? {} : { prompt }),
    prompt_ids: ids,
    response: response.text,
    response_ids: response.ids,
    length: response.ids.length,
    logps: response.logps,
    finish_reason: response.finish_reason,
    ...(score === undefined ? {} : { score }),
    ...(task.reward === null
      ? {}
      : {
          reward: candidates[index].reward,
          best_index: index,
          rewards: candidates.map(({ reward }) => reward),
          lengths: candidates.map(({ length }) => length),
        }),
    ...(task.keepAll
      ? {
          candidates: candidates.map((candidate) => ({
            text: candidate.response?.text,
            ids: candidate.response?.ids,
            reward: candidate.reward,
            logps: candidate.response?.logps,
            finish_reason: candidate.finish_reason,
          })),
        }
      : {}),
  };
}

function publicText(task: AnswerTask, questions: Question[], texts: string[][]): string {
  const { name, format } = task;
  const seconds = Date.now() / 1000;
  if (format === 'alpaca-eval') {
    const outputs = questions.map((question, q) => alpacaOutput(question, texts[q][0], name));
    return JSON.stringify(outputs, null, 2) + '\n';
  }
  if (format === 'mt-bench')
    return questions.map((question, q) => jsonLine(mtBenchAnswer(question, texts[q], name, seconds))).join('');
  const { tokenizer, name: counter } = counterOf(task);
  return questions
    .map((question, q) => {
      const [text] = texts[q];
      return jsonLine(arenaHardAnswer(question, text, name, tokenizer.encode(text).length, counter, seconds));
    })
    .join('');
}

/** @throws UserError if there is no tokenizer to count with */
function counterOf({ dir, countWith }: AnswerTask): { tokenizer: Tokenizer; name: string } {
  const folders = countWith === null ? [dir, readPolicyFiles(dir).baseDir] : [countWith];
  for (const folder of folders) {
    const tokenizer = Tokenizer.find(folder);
    if (tokenizer === null) continue;
    const hash = createHash('sha256')
      .update(readTextFile(path.join(folder, 'tokenizer.json')))
      .digest('hex');
    return { tokenizer, name: `tokenizer.json ${hash.slice(0, 12)}` };
  }
  throw new UserError(`${folders[0]} has no tokenizer.json to count the answers' tokens with; pass --count-with DIR`);
}

function writeOut(text: string): void {
  const out = new RowWriter('-');
  out.writeText(text);
  out.close();
}

/** Everything that decides the answers. */
function identity(task: AnswerTask, questions: Question[], source: Source): Task {
  const { settings, beam } = task;
  const asked = questions.map(({ prompt, prompt_ids, turns }) => [prompt, prompt_ids, turns]);
  return {
    model: source.identity,
    prompts: createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 16),
    raw: task.raw,
    'best-of': task.candidates,
    'keep-candidates': task.keepAll,
    reward: task.reward,
    beam: beam?.beams ?? null,
    'length-penalty': beam?.length_penalty ?? null,
    'max-new-tokens': settings.max_new_tokens,
    ...(beam === null
      ? {
          seed: task.seed,
          temperature: settings.temperature,
          'top-p': settings.top_p,
          'top-k': settings.top_k,
          'min-p': settings.min_p,
          'repetition-penalty': settings.repetition_penalty,
        }
      : {}),
  };
}

// Where answers come from: this machine or servers.

interface Source {
  policy: Pick<PolicyFiles, 'dir' | 'config' | 'tokenizer'>;
  /** Changes if the answers may. */
  identity: string;
  answer(
    prompts: AnswerPrompt[],
    answers: Answers,
    reward: Reward | null,
    turn: number,
    hooks: AnswerHooks,
  ): Promise<unknown>;
  dispose(): void;
}

async function localSource({ dir, beam, settings, seed }: AnswerTask): Promise<Source> {
  const model = await loadModel(dir, { task: 'causal-lm', frozen: true });
  return {
    policy: model,
    identity: model.fingerprint,
    answer: (prompts, answers, reward, turn, hooks) =>
      beam === null
        ? sampleAnswers(
            localSampler(model),
            reward,
            prompts,
            answers,
            { settings, together: candidatesTogether.here(settings), seed: seedOf(seed, turn) },
            hooks,
          )
        : beamAnswers(localBeams(model), prompts, answers, beam, hooks),
    dispose: () => model.dispose(),
  };
}

/** The first turn's seeds are those of `brevity sample`. */
const seedOf = (seed: number, turn: number) => (prompt: number, sample: number) =>
  sampleSeed(seed, turn, prompt, sample);

async function serverSource(task: AnswerTask, server: ServerConfig, questions: Question[]): Promise<Source> {
  const { beam } = task;
  const policy = readPolicyFiles(task.dir);
  const pool = await ServerPool.connect({
    server,
    policy,
    permission: namedByUser,
    onViews: () => undefined,
    restartLog: '/dev/null',
  });
  if (beam !== null) pool.expectBeams();
  // Nothing is recorded of the weights, so servers can only be compared with each other.
  const entries = questions.slice(0, server.probes);
  const probes = encodePrompts(policy, entries, { raw: task.raw })
    .filter(({ length }) => length >= 2)
    .map((ids) => ({ prompt_ids: ids.slice(0, 1), response_ids: ids.slice(1, 256) }));
  if (probes.length === 0) throw new UserError('the prompts have one token each, so servers cannot be compared');
  await pool.hold({
    name: 'policy of --model',
    before: null,
    folder: task.dir,
    adapter: null,
    served: true,
    probes,
    recorded: null,
    recordedBy: 'servers',
  });
  const search: BeamSearcher = (...request) => pool.beam(...request);
  if (beam !== null) printError('the servers rank beams by log π over the length of prompt and response together\n');
  printError(`answers come from ${pool.description}; their weights are not compared with those of ${task.dir}\n`);
  return {
    policy,
    identity: `${task.dir} on ${server.endpoints.join(', ')}`,
    answer: (prompts, answers, reward, turn, hooks) =>
      beam === null
        ? sampleAnswers(
            serverSampler(pool),
            reward,
            prompts,
            answers,
            { settings: task.settings, together: candidatesTogether.onServers, seed: seedOf(task.seed, turn) },
            hooks,
          )
        : beamAnswers(search, prompts, answers, beam, hooks),
    dispose: () => pool.close(),
  };
}
