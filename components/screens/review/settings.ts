/** α, β and the learning rate of the round in review: moved by steps, typed, or found for a purpose. */
import type { ReviewState } from './state.js';
import { MAX_ALPHA, dpoSchema, updateSchema } from '../../../src/core/config/schema.js';
import type { RoundSettings } from '../../../src/protocol/messages.js';
import { alpha, learningRate } from '../../../src/core/format.js';
import { type Step, only, send } from '../../app/state.js';
import { settingsOf, shown } from '../../app/selectors.js';
import { lookingAt } from './looking.js';
import { flipAlpha, neutralAlpha } from './numbers.js';
import { weightsReason } from './remark.js';

type Field = keyof RoundSettings;

const schemas = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };
const labels: Record<Field, string> = { alpha: 'α', beta: 'β', lr: 'learning rate' };
const ranges: Record<Field, string> = {
  alpha: `α must be a number from 0 to ${MAX_ALPHA}, such as 0.02`,
  beta: 'β must be a number above 0 and at most 100, such as 0.1',
  lr: 'the learning rate must be a number above 0 and at most 1, such as 5e-7',
};

/** α moves on whole multiples of the fine step, so that 0.02 - 0.001 + 0.001 is 0.02 again. */
export function moveAlpha(state: ReviewState, by: number): Step<ReviewState> {
  const moved = Number((settingsOf(state).alpha + by).toFixed(6));
  return setSetting(state, 'alpha', Math.min(MAX_ALPHA, Math.max(0, moved)));
}

function setSetting(state: ReviewState, field: Field, value: number): Step<ReviewState> {
  if (settingsOf(state)[field] === value) return only(state);
  return send({ ...state, draft: { ...state.draft, [field]: value } }, { type: 'set', settings: { [field]: value } });
}

/** The α at which the pairs pull lengths neither way, cut to what the screen shows of it. */
export function setNeutralAlpha(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking === null) return only(state);
  const found = neutralAlpha(looking.table, weightsReason(state) ?? '');
  return typeof found === 'string' ? only({ ...state, notice: found }) : setFound(state, found);
}

function setFound(state: ReviewState, { alpha: value, text }: { alpha: number; text: string }): Step<ReviewState> {
  const decisions = shown(state)?.decisions.decisions ?? [];
  const reason = { alpha: value, beta: settingsOf(state).beta, text, decisions };
  return setSetting({ ...state, ui: { ...state.ui, reason } }, 'alpha', value);
}

/** Opens the line in which a value is typed. */
export function typeSetting(state: ReviewState, field: Field): Step<ReviewState> {
  const now = settingsOf(state);
  const shown = { alpha: alpha(now.alpha), beta: String(now.beta), lr: learningRate(now.lr) }[field];
  const hint = `now ${shown}`;
  return only({
    ...state,
    modal: { kind: 'edit', owner: 'review', field, label: labels[field], hint, text: '', error: null },
  });
}

/** @returns a sentence where the value is no good */
export function typedSetting(state: ReviewState, field: Field, typed: string): Step<ReviewState> | string {
  const text = typed.trim().replace(',', '.');
  if (text === '') return only(state);
  const value = Number(text);
  return schemas[field].safeParse(value).success ? setSetting(state, field, value) : ranges[field];
}

/** Opens the line in which a number of flipped pairs is typed. */
export function typeFlips(state: ReviewState): Step<ReviewState> {
  const hint = 'pairs flipped at most: the largest such α is set';
  return only({
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'flips', label: 'flip', hint, text: '', error: null },
  });
}

export function typedFlips(state: ReviewState, typed: string): Step<ReviewState> | string {
  const looking = lookingAt(state);
  if (typed.trim() === '' || looking === null) return only(state);
  const most = Number(typed);
  if (!Number.isInteger(most) || most < 0) return 'the number of pairs must be a whole number, such as 10';
  return setFound(state, flipAlpha(looking.table, most));
}

export function isSetting(field: string): field is Field {
  return field in labels;
}
