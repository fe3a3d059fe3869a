/** What the form of a new run remembers. */
import type { HomeSlice } from '../../app/state.js';
import { type Base, type Draft, type Place, draftOf } from '../../../src/core/form/draft.js';
import type { Measurement } from '../../../src/core/form/facts.js';
import type { FieldId } from '../../../src/core/form/fields.js';
import { type Checks, noChecks } from './checks.js';

/** What is selected: a field, or the line that starts the run. */
export type Focus = 'start' | FieldId;

export interface Measuring {
  /** Of the settings that it is a measurement of. */
  key: string;
  known: Measurement | null;
  /** What is being measured; empty once it is over. */
  doing: string;
  problem: string | null;
}

export interface SetupUi {
  draft: Draft;
  /** The run directory that was proposed. */
  directory: string;
  focus: Focus;
  top: number;
  checks: Checks;
  measuring: Measuring | null;
  /** The reward that the user wrote or asked to try, paths absolute; others that run code are not tried. */
  namedReward: string | null;
  /** Why the run could not be made. */
  refusal: string | null;
}

export function setupUi(base: Base, directory: string, place: Place, namedReward: string | null = null): SetupUi {
  const draft = draftOf(base, directory, place);
  return { draft, directory, focus: 'start', top: 0, checks: noChecks, measuring: null, namedReward, refusal: null };
}

export type SetupState = HomeSlice<SetupUi>;

/** The form with where the person is. */
export interface Form {
  setup: SetupUi;
  place: Place;
  example: string;
}

export const formOf = ({ ui, home }: SetupState): Form => ({ setup: ui, ...home });

/** Before the form's first settings are known. */
export const emptyForm: SetupUi = setupUi({ config: {}, file: null, name: '' }, '', { cwd: '/', home: '/' });
