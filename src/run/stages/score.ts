/** Scores sampled responses into a file, one row per prompt; rows already in the file are not scored again. */
import { publishedReward } from '../../core/config/rewardSpec.js';
import { pauseOnly } from '../../core/control.js';
import { z } from 'zod';
import { checkLine, checkWarnings } from '../../core/rewardCheck/words.js';
import { scoreRowSchema, type RewardCheckSummary, type SampleRow, type ScoreRow } from '../../core/rows.js';
import { roundFiles } from '../../core/runFiles.js';
import { writeFileAtomic } from '../../io/durable.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { checkedReward, readLabelledRows } from '../rewardCheck.js';
import { ProgressMeter, type WorkContext } from './context.js';
import { keepRemarks } from './remarks.js';

/** Prompts scored before their rows are written. */
const PROMPTS_AT_ONCE = 16;

/** A second judge's rows name it: a file may hold those of several. */
const judgedRowSchema = scoreRowSchema.extend({ judge: z.string().optional() });

export interface ScoringOptions {
  /** Rewards of different calls will be compared: see RewardHooks. */
  absolute?: boolean;
  /** Clients are not told the rewards: they are not of the round's own responses. */
  quiet?: boolean;
  /** The specification of a second judge, which scores instead of the reward. Clients are not told its scores. */
  judge?: string;
}

/** @returns one row per sample row, by prompt_index */
export async function scoreInto(
  file: string,
  samples: SampleRow[],
  context: WorkContext,
  { absolute = false, quiet = false, judge }: ScoringOptions = {},
): Promise<ScoreRow[]> {
  const read = () => readJsonLines(file, judgedRowSchema, { missing: 'empty' }).filter((row) => row.judge === judge);
  const known = read();
  const report: WorkContext['report'] = (event) => {
    if (judge === undefined && !quiet) context.report(event);
  };
  report({
    type: 'rewards',
    rewards: known.flatMap(({ prompt_index, rewards }) =>
      rewards.map((reward, sample) => ({ prompt_index, sample, reward })),
    ),
  });
  const done = new Set(known.map(({ prompt_index }) => prompt_index));
  const missing = samples.filter(({ prompt_index }) => !done.has(prompt_index));
  // Pairs that are made again need no reward model.
  if (missing.length === 0) return known.sort((a, b) => a.prompt_index - b.prompt_index);
  const count = (rows: SampleRow[]) => rows.reduce((sum, { responses }) => sum + responses.length, 0);
  const meter = new ProgressMeter(context, 'responses', count(samples), count(samples) - count(missing));
  const reward = await context.models.reward({ ...context.config, ...(judge !== undefined && { reward: judge }) });
  // Partial rewards are useless: stopping waits for the end.
  const control = pauseOnly(context.control);
  try {
    for (let start = 0; start < missing.length; start += PROMPTS_AT_ONCE) {
      const rows = missing.slice(start, start + PROMPTS_AT_ONCE);
      const flat = rows.flatMap((row, at) => row.responses.map((response, sample) => ({ row, at, response, sample })));
      const rewards = rows.map(({ responses }) => new Array<number>(responses.length));
      // A single part with a weight says nothing that its sum does not.
      const isMixed = (reward.parts?.length ?? 0) > 1;
      const parts = rows.map(({ responses }) => new Array<number[]>(responses.length));
      const inputs = flat.map(({ row, response }) => ({
        prompt: row.prompt,
        response: response.text,
        ids: [...row.prompt_ids, ...response.ids],
        prompt_tokens: row.prompt_ids.length,
      }));
      const left = rows.map(({ responses }) => responses.length);
      await reward.score(inputs, {
        control,
        absolute,
        onReward(index, value, values) {
          const { at, sample, row } = flat[index];
          rewards[at][sample] = value;
          if (isMixed && values !== undefined) parts[at][sample] = [...values];
          left[at]--;
          const { prompt_index } = row;
          if (left[at] === 0) {
            const scored: ScoreRow = { prompt_index, rewards: rewards[at], ...(isMixed && { parts: parts[at] }) };
            appendJsonLines(file, [judge === undefined ? scored : { ...scored, judge }]);
          }
          meter.add(1);
          report({ type: 'rewards', rewards: [{ prompt_index, sample, reward: value }] });
        },
      });
    }
  } catch (error) {
    context.models.closeReward();
    throw error;
  } finally {
    // A second judge's remarks go into the evaluation: opinions.ts.
    if (judge === undefined) keepRemarks(context, absolute ? 'evaluate' : 'score', reward);
  }
  return read().sort((a, b) => a.prompt_index - b.prompt_index);
}

/**
 * Checks the run's reward against its preference rows, before round 1 trains on it.
 *
 * @returns null for a later round, and without preference rows
 */
export async function checkRunReward(context: WorkContext): Promise<RewardCheckSummary | null> {
  const { config, files, round } = context;
  if (round.id !== 0 || config.preferences === null) return null;
  const rows = readLabelledRows(config.preferences);
  const meter = new ProgressMeter(context, 'preference rows', rows.length);
  try {
    const check = await checkedReward(rows, () => context.models.reward(config), {
      spec: config.reward,
      file: files.file(round.id, roundFiles.rewardCheckScores),
      place: 'run',
      control: pauseOnly(context.control),
      onRows: (done, total) => meter.expect(total, done),
    });
    const reward = publishedReward(config.reward);
    const warnings = checkWarnings(check);
    const text = JSON.stringify({ reward, ...check, warnings }, null, 1) + '\n';
    writeFileAtomic(files.file(round.id, roundFiles.rewardCheck), text);
    return { reward, summary: checkLine(check), warnings };
  } catch (error) {
    context.models.closeReward();
    throw error;
  }
}
