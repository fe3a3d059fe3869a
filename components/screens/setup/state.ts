/** The slice of the state that the form of a new run owns. */
import type { CheckName, FactsOf } from '../../app/home.js';
import type { HomeSlice } from '../../app/state.js';
import { type Base, type Draft, type PathContext, draftOf } from '../../../src/core/form/draft.js';
import type { Measurement } from '../../../src/core/form/facts.js';
import type { FieldId } from '../../../src/core/form/fields.js';

/** The selected line: a field, or the one that starts the run. */
export type Focus = 'start' | FieldId;

/**
 * `key` identifies what was asked: the outcome of a check with another key is ignored. `held`: not asked, since it would
 * run code that the user has not named.
 */
export type Check<Facts> = { key: string } & (
  { status: 'asked' } | { status: 'held' } | { status: 'ok'; facts: Facts } | { status: 'bad'; problem: string }
);
export type Checks = { readonly [N in CheckName]: Check<FactsOf[N]> | null };

export const noChecks: Checks = {
  directory: null,
  model: null,
  prompts: null,
  held_out: null,
  reward: null,
  preferences: null,
  endpoints: null,
  updates_on: null,
};

export interface Measuring {
  /** Identifies the settings that are measured. */
  key: string;
  known: Measurement | null;
  /** The current measurement in words; empty when all are over. */
  doing: string;
  problem: string | null;
}

export interface SetupUi {
  draft: Draft;
  /** The run directory that was suggested. */
  directory: string;
  focus: Focus;
  /** First visible line, as scrolled to; select.ts clamps it for drawing. */
  top: number;
  checks: Checks;
  measuring: Measuring | null;
  /** The reward that the user typed or asked to try, with absolute paths; others that run code are not tried. */
  namedReward: string | null;
  /** Why the run could not be created. */
  refusal: string | null;
}

export function setupUi(base: Base, directory: string, place: PathContext, namedReward: string | null = null): SetupUi {
  const draft = draftOf(base, directory, place);
  return { draft, directory, focus: 'start', top: 0, checks: noChecks, measuring: null, namedReward, refusal: null };
}

export type SetupState = HomeSlice<SetupUi>;

/** The form with the paths that it is shown and read against. */
export interface Form {
  setup: SetupUi;
  place: PathContext;
  example: string;
}

export const formOf = ({ ui, home }: SetupState): Form => ({ setup: ui, ...home });

/** Until the form's first settings are read. */
export const emptyForm: SetupUi = setupUi({ config: {}, file: null, name: '' }, '', { cwd: '/', home: '/' });
