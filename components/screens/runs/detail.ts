/** What is said of the selected run below the list. */
import type { PartialConfig } from '../../../src/core/config/partial.js';
import { type Place, shorten } from '../../../src/core/form/draft.js';
import { alpha, learningRate, of } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { firstLines, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { RunEntry } from '../../../src/core/runs.js';

/** At most `rows` lines. */
export function detailLines(
  entry: RunEntry,
  place: Place,
  columns: number,
  rows: number,
): { text: string; tone: Tone }[] {
  const problem = entry.problem ?? (entry.engine.state === 'problem' ? entry.engine.problem : null);
  const said = problem === null ? [] : wrap(makeLine(problem, columns * rows), columns - 2);
  const lines = said.map((text, i): { text: string; tone: Tone } => ({
    text: `${i === 0 ? '✘' : ' '} ${text}`,
    tone: 'bad',
  }));
  if (entry.seen !== null) lines.push(...settingLines(entry.seen.config, place, columns));
  const texts = firstLines(
    lines.map(({ text }) => text),
    rows,
    columns,
  );
  return texts.map((text, i) => ({ ...lines[i], text }));
}

function settingLines(config: PartialConfig, place: Place, columns: number): { text: string; tone: Tone }[] {
  const named = (name: string, value: unknown): { text: string; tone: Tone } => ({
    text: makeLine(`${name.padEnd(10)}${shorten(String(value), place)}`, columns),
    tone: 'plain',
  });
  const group = (name: string): PartialConfig => config[name] as PartialConfig;
  const [dpo, update, sampling] = [group('dpo'), group('update'), group('sampling')];
  const lora = update.lora as { rank: number } | null;
  const settings = [
    `α ${alpha(Number(dpo.alpha))}`,
    `β ${String(dpo.beta)}`,
    `lr ${learningRate(Number(update.lr))}`,
    of(Number(sampling.samples_per_prompt), 'sample') + ' per prompt',
    `${String(sampling.max_new_tokens)} tokens at most`,
    lora === null ? 'all weights' : `LoRA rank ${lora.rank}`,
  ];
  return [
    named('model', config.model),
    named('reward', config.reward),
    named('prompts', config.prompts),
    named('held-out', config.held_out),
    named('settings', settings.join(' · ')),
  ];
}
