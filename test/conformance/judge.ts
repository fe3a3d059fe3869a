/** Whether a run of tfjs-core's tests is good: every spec but those in exclusions.ts passed, and as many as ever. */
import { exclusions, unregistered } from './exclusions.js';
import type { Outcome } from './jasmine.js';

/** Specs that passed when this was last changed. Fewer means that some did not run. */
const expectedSpecs = 3315;

/** What is wrong with it, a sentence each; none where it is good. */
export function problemsOf(outcome: Outcome): string[] {
  const problems = outcome.failed.map(({ name, messages }) => `${name}: ${messages.join('; ')}`);
  if (outcome.status.includes('incomplete')) problems.push(`Jasmine gave up: ${outcome.status}`);
  for (const [kernel, specs] of Object.entries(outcome.unregistered)) {
    if (!(kernel in unregistered)) problems.push(`no kernel ${kernel}, which ${specs.length} specs need`);
  }
  const excluded = new Set(outcome.excluded);
  for (const name of Object.keys(exclusions)) if (!excluded.has(name)) problems.push(`no spec is called ${name}`);
  for (const name of excluded) if (!(name in exclusions)) problems.push(`left out, and not by us: ${name}`);
  if (outcome.passed < expectedSpecs) problems.push(`${outcome.passed} specs passed; expected ${expectedSpecs}`);
  return problems;
}
