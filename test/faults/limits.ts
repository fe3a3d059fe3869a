/** How much is tried: seconds in `npm test`; `npm run test:faults` sets BREVITY_FAULTS=long. */

const long = process.env.BREVITY_FAULTS === 'long';

/** @returns the second number in `npm run test:faults` */
export const few = (short: number, many: number): number => (long ? many : short);

/** The seed of what is chosen at random; printed where a test fails, and given to repeat it. */
export const seed = Number(process.env.BREVITY_FAULTS_SEED ?? (long ? Date.now() % 2 ** 31 : 1));

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs tasks two at a time: a run waits for its engine most of the time that it takes to start. */
export async function inPairs<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await task(item);
  };
  await Promise.all([worker(), worker()]);
}
