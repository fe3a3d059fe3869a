/** The line that redoes a round with other settings: how it is opened, read while it is typed, and carried out. */
import { MAX_ALPHA, dpoSchema, updateSchema } from '../../../src/core/config/schema.js';
import type { EvaluationState } from './state.js';
import type { RoundSettings } from '../../../src/protocol/messages.js';
import { alpha, learningRate } from '../../../src/core/format.js';
import { type Step, noEffects, send } from '../../app/state.js';
import { shownRound } from '../../app/selectors.js';

const names: Record<string, keyof RoundSettings> = {
  α: 'alpha',
  a: 'alpha',
  alpha: 'alpha',
  β: 'beta',
  b: 'beta',
  beta: 'beta',
  lr: 'lr',
  l: 'lr',
};
const schemas = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };
const ranges: Record<keyof RoundSettings, string> = {
  alpha: `α must be a number from 0 to ${MAX_ALPHA}, such as 0.05`,
  beta: 'β must be a number above 0 and at most 100, such as β=0.1',
  lr: 'the learning rate must be a number above 0 and at most 1, such as lr=5e-7',
};

/** @param text α alone, or settings by name: `0.05 β=0.2 lr=1e-6`. @returns the settings, or what is wrong */
export function parseSettings(text: string): Partial<RoundSettings> | string {
  const settings: Partial<RoundSettings> = {};
  for (const part of text.trim().split(/[\s;]+/)) {
    if (part === '') continue;
    const [, name = 'α', number = ''] = /^(?:([^=]*)=)?(.*)$/u.exec(part) ?? [];
    if (!Object.hasOwn(names, name)) return `unknown setting ${name}; type α alone, or α=, β= and lr=`;
    const key = names[name];
    const value = number === '' ? NaN : Number(number.replace(',', '.'));
    if (!schemas[key].safeParse(value).success) return ranges[key];
    settings[key] = value;
  }
  return settings;
}

export function typeRedo(state: EvaluationState): Step<EvaluationState> {
  const round = shownRound(state);
  if (round === null) return noEffects(state);
  return noEffects({
    ...state,
    modal: {
      kind: 'edit',
      owner: 'evaluation',
      field: 'redo',
      label: `redo round ${round.id} with α`,
      hint: hintOf(round.settings),
      text: '',
      error: null,
    },
  });
}

/** While it is typed: the settings that the new round would have. */
export function redoHint(state: EvaluationState, text: string): { hint: string; error: string | null } {
  const round = shownRound(state);
  const settings = parseSettings(text);
  if (typeof settings === 'string') return { hint: '', error: settings };
  if (round === null) return { hint: '', error: null };
  const hint = text.trim() === '' ? hintOf(round.settings) : describe({ ...round.settings, ...settings });
  return { hint, error: null };
}

export function typedRedo(state: EvaluationState, text: string): Step<EvaluationState> | string {
  const round = shownRound(state);
  const settings = parseSettings(text);
  if (typeof settings === 'string') return settings;
  if (round === null || Object.keys(settings).length === 0) return noEffects(state);
  const notice = `Round ${round.id}'s pairs wait in review again; enter launches their update.`;
  const there = { ...state, past: null, follows: true, notice };
  return send(there, { type: 'redo-round', round: round.id, settings });
}

const hintOf = (settings: RoundSettings): string => `now ${describe(settings)}; also β=, lr=`;

function describe(settings: RoundSettings): string {
  return `α ${alpha(settings.alpha)} · β ${settings.beta} · lr ${learningRate(settings.lr)}`;
}
