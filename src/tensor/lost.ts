/** A device that takes no more work in this process: a GPU after an illegal address, a hang, or a fallen bus. */
import { UserError } from '../errors.js';

/** Its message says what failed, in which op, and what to do. Nothing more can be computed until a new process begins. */
export class DeviceLostError extends UserError {}

let lost = false;

/** Notes the loss for `isDeviceLost`: whoever catches the error on the way may wrap it. */
export function deviceLost(message: string, cause: unknown): DeviceLostError {
  lost = true;
  return new DeviceLostError(message, { cause });
}

/** Whether this thread's device is lost. */
export function isDeviceLost(): boolean {
  return lost;
}
