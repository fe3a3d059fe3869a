/** Whether two versions of Brevity compute the same updates. */

/**
 * By the rule of Semantic Versioning: the same major version, and before 1.0 the same minor version too. A version that
 * cannot be read matches itself only.
 */
export function sameRelease(a: string, b: string): boolean {
  const [first, second] = [releaseOf(a), releaseOf(b)];
  return first === null || second === null ? a === b : first === second;
}

function releaseOf(version: string): string | null {
  const match = /^(\d+)\.(\d+)\./.exec(version);
  if (match === null) return null;
  const [, major, minor] = match;
  return major === '0' ? `0.${minor}` : major;
}
