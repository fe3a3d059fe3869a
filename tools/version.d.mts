/** A sentence for each place whose version differs from that of package.json, and for a changelog without it. */
export function versionProblems(): string[];
