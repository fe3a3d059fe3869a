/** What a Linux library or program needs from the system, read by binutils' readelf, which reads other processors' too. */
import { execFileSync } from 'node:child_process';

export interface Needs {
  /** Shared libraries, such as `libc.so.6`. */
  libraries: string[];
  /** The newest version of glibc whose symbols it uses, such as `2.28`. */
  glibc: string;
  /** Other versioned symbols, newest of each kind, such as `GLIBCXX_3.4.30`. */
  others: string[];
}

/** @throws Error if readelf is not installed */
export function needsOf(file: string): Needs {
  const text = execFileSync('readelf', ['--wide', '--dynamic', '--version-info', file], { encoding: 'utf8' });
  const libraries = [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
  const newest = new Map<string, string>();
  for (const [, kind, version] of text.matchAll(/Name: ([A-Z]+)_([0-9.]+)/g)) {
    const known = newest.get(kind);
    if (known === undefined || compareVersions(version, known) > 0) newest.set(kind, version);
  }
  const glibc = newest.get('GLIBC') ?? '0';
  newest.delete('GLIBC');
  return { libraries, glibc, others: [...newest].map(([kind, version]) => `${kind}_${version}`) };
}

/** Orders versions such as `2.9` and `2.28` by their numbers. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
