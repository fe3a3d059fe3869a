/** Specs of tfjs-core that do not run, by full name, each with the reason. */
export const exclusions: Record<string, string> = {};
