/** What this terminal alone knows of the sampling screen. */
import type { Slice } from '../../app/state.js';
import type { ResponseSeen } from '../../../src/protocol/messages.js';

export interface SamplingUi {
  /** What is selected among the newest responses; null is the newest, whichever comes. */
  selected: ResponseSeen | null;
  /** First visible place in the list. */
  top: number;
  /** The whole text of what is selected fills the screen. */
  reading: boolean;
  /** First visible line of that text. */
  textTop: number;
  /** Every sampling server in full fills the screen, from this line on; null: it does not. */
  serversTop: number | null;
}

export const samplingUi: SamplingUi = { selected: null, top: 0, reading: false, textTop: 0, serversTop: null };

export type SamplingState = Slice<SamplingUi>;
