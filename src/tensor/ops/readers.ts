/** What a result is made for, where the op that makes it can gain from knowing. */

export interface Readers {
  /**
   * Nothing but matrix products will read it. Where the device rounds their operands it is rounded once, when it is
   * written, and takes half of the memory; what comes out of the products is the same.
   */
  onlyMultiplied?: boolean;
}
