/**
 * The exports of `vitest` that suites import, taken from vitest's own packages, because a bundle of them needs no
 * node_modules.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  type ExpectStatic,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  getState,
  setState,
} from '@vitest/expect';
import { spyOn } from '@vitest/spy';
import { getCurrentTest } from '@vitest/runner';
import * as chai from 'chai';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, onTestFinished, test } from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

type Globals = Record<symbol, object>;

/** Additions of the packages to chai that their types leave out. */
interface Extended {
  withTest(test: object): unknown;
}
const extend = chai.expect as unknown as { extend(expect: ExpectStatic, matchers: object): void };

export const expect = ((value: unknown, message?: string) => {
  setState({ assertionCalls: getState(expect).assertionCalls + 1 }, expect);
  const assertion = chai.expect(value, message);
  const test = getCurrentTest();
  return test === undefined ? assertion : (assertion as unknown as Extended).withTest(test);
}) as ExpectStatic;
Object.assign(expect, chai.expect, (globalThis as unknown as Globals)[ASYMMETRIC_MATCHERS_OBJECT]);
expect.getState = () => getState(expect);
expect.setState = (state) => setState(state as never, expect);
expect.extend = (matchers) => extend.extend(expect, matchers);
(globalThis as unknown as Globals)[GLOBAL_EXPECT] = expect;
expect.setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null });

export const vi = { spyOn };
