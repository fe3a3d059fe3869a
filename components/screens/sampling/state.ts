/** The sampling screen's slice of the state. */
import type { Slice } from '../../app/state.js';
import type { ResponseSeen } from '../../../src/protocol/messages.js';

export interface SamplingUi {
  /** The round that the rest is about: another round starts at its newest response (`uiOf` in select.ts). */
  round: number | null;
  /** The selected response; null follows the newest. */
  selected: ResponseSeen | null;
  /** First visible place in the list, as scrolled to; select.ts clamps this and the other two for drawing. */
  top: number;
  /** The text of the selected response fills the screen. */
  reading: boolean;
  /** First visible line of that text. */
  textTop: number;
  /** First visible line of the sampling servers, which fill the screen; null: they do not. */
  serversTop: number | null;
}

export const samplingUi: SamplingUi = {
  round: null,
  selected: null,
  top: 0,
  reading: false,
  textTop: 0,
  serversTop: null,
};

export type SamplingState = Slice<SamplingUi>;
