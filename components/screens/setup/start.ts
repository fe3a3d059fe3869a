/** From the form to a run: what stands against it is said at its field. */
import { type SetupState, formOf } from './state.js';
import { absolute, fieldProblem, namedKeys, settledConfig } from '../../../src/core/form/draft.js';
import { type FieldId, fieldOf } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type Step, only } from '../../app/state.js';
import { changed, focusOn, task } from './change.js';
import { standingOf, statusOf } from './status.js';

/** Checks under way do not hold it up: the engine looks again, and says the same. */
export function startRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const { bad, hidden } = standingOf(setup, place);
  const first = bad.find((id) => !mayCome.includes(id) || fieldProblem(id, setup.draft.values) !== null);
  if (first !== undefined) {
    const { text } = statusOf(first, setup, place);
    return only({ ...focusOn(state, first), notice: `Not started: ${fieldOf(first).label}: ${text}` });
  }
  if (hidden.length > 0) {
    const { base } = setup.draft;
    return only(focusOn(changed(state, { refusal: [`${base.name} cannot be used:`, ...hidden].join('\n') }), 'start'));
  }
  if (bad.length === 0) return createRun(state);
  const [missing] = bad;
  const lines = [questions[missing] ?? '', statusOf(missing, setup, place).text];
  return only({
    ...focusOn(state, missing),
    modal: { kind: 'confirm', owner: 'setup', what: 'start', lines: lines.map((line) => makeLine(line, 400)) },
  });
}

/** A server or a scheduler that is not up yet may be by the time it is needed. */
const questions: Partial<Record<FieldId, string>> = {
  reward: 'The reward could not be tried. Start anyway?',
  endpoints: 'Not every sampling server answers. Start anyway?',
  updates_on: 'Updates would fail here as things are. Start anyway?',
};
const mayCome = Object.keys(questions) as FieldId[];

export function createRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const config = settledConfig(setup.draft, place);
  if (config === null) return only(state);
  const directory = absolute(setup.draft.values.directory.trim(), place);
  const named = namedKeys(setup.draft, setup.directory, place);
  const all = setup.namedReward === config.reward ? [...named, 'reward'] : named.filter((key) => key !== 'reward');
  return task(state, { task: 'create', directory, config, named: all });
}
