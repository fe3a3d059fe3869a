/**
 * Frames in ASCII, for terminals and fonts without more. Each of our signs has a stand-in of the same width, so that the
 * layout holds. What is not ours (a model's text) is spelt out earlier, by core/sanitize.ts.
 */
import { standIn } from '../../src/core/ascii.js';

const beyond = /[^\x00-\x7f]/gu;

/** A frame, escape sequences and all, in ASCII. */
export function toAscii(frame: string): string {
  return frame.replace(beyond, (sign) => standIn(sign) ?? '?');
}
