/** Tries a reward on one prompt, in a separate process: it may be slow, hang, or throw outside any handler. */
import { UserError } from '../../core/errors.js';
import { Tokenizer } from '../../model/tokenizer.js';
import { readPrompts } from '../../io/prompts.js';
import { namedByUser, openReward, parseRewardSpec } from '../../rewards/index.js';
import { checkModel } from './checks.js';
import type { PreferenceAsk, PreferenceFacts, RewardAsk, RewardFacts } from '../../core/form/facts.js';
import { namedParts } from '../../core/config/rewardSpec.js';
import { type CheckedRow, checkReward } from '../../core/rewardCheck/check.js';
import { checkLine, checkWarnings } from '../../core/rewardCheck/words.js';
import { readLabelledRows, scoreLabelled } from '../rewardCheck.js';
import { type Sensitive, trustName } from '../../core/trust.js';
import { promptText } from '../../core/prompts.js';

/** The response to every prompt: the reward may score it low, but must give a number. */
const answer = 'Yes.';
const anyPrompt = 'Is the sky blue?';

/** @throws UserError with the reward's own error */
export async function tryReward({ spec, options, prompts, model, backend, named }: RewardAsk): Promise<RewardFacts> {
  const folders = parseRewardSpec(spec).flatMap((part) => (part.kind === 'hf' ? [part.dir] : []));
  const parameters = folders.reduce((sum, dir) => sum + checkModel(dir, 'reward').parameters, 0);
  if (folders.length > 0) await (await import('../../tensor/backend.js')).useBackend(backend);
  const input = inputFrom(prompts, model);
  // No retries: a person waits, and sees the error at once.
  const reward = await openReward(spec, { ...options, retries: 0 }, named ? namedByUser : refused);
  try {
    const started = performance.now();
    let value = NaN;
    await reward.score([input], { onReward: (_index, given) => (value = given) });
    const seconds = (performance.now() - started) / 1000;
    return { reward: value, prompt: promptText(input), response: answer, seconds, parameters };
  } finally {
    reward.dispose();
  }
}

/** Rows that the form scores, spread over the file: a person waits. The Ties subset needs all of its rows. */
const FORM_ROWS = 48;
/** Seconds after which the form makes do with the rows scored so far. */
const FORM_SECONDS = 60;

/** Checks the reward on some of the preference rows. @throws UserError if the rows or the reward cannot be used */
export async function tryPreferences({ file, spec, options, backend, named }: PreferenceAsk): Promise<PreferenceFacts> {
  const rows = readLabelledRows(file);
  const single = rows.filter(({ ties }) => ties === null);
  if (single.length === 0)
    throw new UserError(`${file} has only rows of the Ties subset; \`check-reward\` scores them, the form does not`);
  const step = Math.max(1, single.length / FORM_ROWS);
  const some = Array.from({ length: Math.min(FORM_ROWS, single.length) }, (_, i) => single[Math.floor(i * step)]);
  if (parseRewardSpec(spec).some(({ kind }) => kind === 'hf'))
    await (await import('../../tensor/backend.js')).useBackend(backend);
  const reward = await openReward(spec, { ...options, retries: 0 }, named ? namedByUser : refused);
  const checked: CheckedRow[] = [];
  try {
    const started = performance.now();
    for (let at = 0; at < some.length && performance.now() - started < 1000 * FORM_SECONDS; at += 4)
      checked.push(
        ...(await scoreLabelled(some.slice(at, at + 4), () => Promise.resolve(reward), { spec, file: null })),
      );
  } finally {
    reward.dispose();
  }
  const check = checkReward(checked, namedParts(spec));
  return { rows: rows.length, scored: checked.length, summary: checkLine(check), warnings: checkWarnings(check) };
}

function refused(use: Sensitive): never {
  throw new UserError(
    `${trustName(use)} was not tried: it comes from a file, and a trial would run its code or send it your key`,
  );
}

/** The first prompt, or one of ours if the file cannot be read: its own field reports that. */
function inputFrom(file: string, model: string) {
  const first = firstPrompt(file);
  const tokenizer = tokenizerOf(model);
  if (first.prompt_ids !== undefined)
    return {
      ...first,
      response: answer,
      ids: [...first.prompt_ids, ...(tokenizer?.encode(answer) ?? first.prompt_ids.slice(0, 1))],
    };
  const ids =
    tokenizer === null
      ? undefined
      : [...tokenizer.promptIds(first.prompt ?? '', { raw: false }), ...tokenizer.encode(answer)];
  return { ...first, response: answer, ids };
}

function firstPrompt(file: string) {
  try {
    const [{ prompt, prompt_ids }] = readPrompts(file);
    return { prompt, prompt_ids };
  } catch {
    return { prompt: anyPrompt };
  }
}

function tokenizerOf(model: string): Tokenizer | null {
  try {
    return Tokenizer.find(model);
  } catch {
    return null;
  }
}
