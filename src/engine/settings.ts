/** Checks what a person sets in review against the ranges of the configuration. */
import { dpoSchema, updateSchema } from '../config/schema.js';
import { UserError } from '../errors.js';
import type { RoundSettings } from '../store/rounds.js';

const ranges = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };

/** @throws UserError that names every value out of its range */
export function checkSettings(changes: Partial<RoundSettings>): void {
  const problems = Object.entries(changes).flatMap(([name, value]) => {
    if (!Object.hasOwn(ranges, name)) return [`unknown setting ${name}; expected alpha, beta or lr`];
    const result = ranges[name as keyof RoundSettings].safeParse(value);
    return result.success ? [] : [`${name} ${String(value)}: ${result.error.issues[0].message}`];
  });
  if (problems.length > 0) throw new UserError(problems.join('; '));
}
