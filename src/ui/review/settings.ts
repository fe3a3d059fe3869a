/** α, β and the learning rate of the round in review: moved by steps, or typed. */
import { dpoSchema, updateSchema } from '../../config/schema.js';
import type { RoundSettings } from '../../engine/protocol.js';
import { alpha, learningRate } from '../format.js';
import { type State, type Step, only, send, settingsOf } from '../state.js';

type Field = keyof RoundSettings;

const schemas = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };
const labels: Record<Field, string> = { alpha: 'α', beta: 'β', lr: 'learning rate' };
const ranges: Record<Field, string> = {
  alpha: 'α must be a number from 0 to 100, such as 0.02',
  beta: 'β must be a number above 0 and at most 100, such as 0.1',
  lr: 'the learning rate must be a number above 0 and at most 1, such as 5e-7',
};

/** α moves on whole multiples of the fine step, so that 0.02 - 0.001 + 0.001 is 0.02 again. */
export function moveAlpha(state: State, by: number): Step {
  const moved = Number((settingsOf(state).alpha + by).toFixed(6));
  return setSetting(state, 'alpha', Math.min(100, Math.max(0, moved)));
}

export function setSetting(state: State, field: Field, value: number): Step {
  if (settingsOf(state)[field] === value) return only(state);
  return send({ ...state, draft: { ...state.draft, [field]: value } }, { type: 'set', settings: { [field]: value } });
}

/** Opens the line in which a value is typed. */
export function typeSetting(state: State, field: Field): Step {
  const now = settingsOf(state);
  const shown = { alpha: alpha(now.alpha), beta: String(now.beta), lr: learningRate(now.lr) }[field];
  const hint = `now ${shown}`;
  return only({
    ...state,
    modal: { kind: 'edit', owner: 'review', field, label: labels[field], hint, text: '', error: null },
  });
}

/** @returns a sentence where the value is no good */
export function typedSetting(state: State, field: Field, typed: string): Step | string {
  const text = typed.trim().replace(',', '.');
  if (text === '') return only(state);
  const value = Number(text);
  return schemas[field].safeParse(value).success ? setSetting(state, field, value) : ranges[field];
}

export function isSetting(field: string): field is Field {
  return field in labels;
}
