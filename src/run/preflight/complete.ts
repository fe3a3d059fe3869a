/** Completes a path that is being typed, like a shell's tab completion. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type PathContext, absolute } from '../../core/form/draft.js';

export interface Completion {
  /** The text extended by what all candidates share. */
  text: string;
  /** Possible next names, folders with a slash; empty without any. */
  candidates: string[];
}

/** @param inReward the path follows the last `hf:` or `module:`; without one of them nothing is completed */
export function completePath(text: string, place: PathContext, inReward = false): Completion {
  const start = inReward ? rewardPathStart(text) : 0;
  if (start === null) return { text, candidates: [] };
  const typed = text.slice(start);
  const slash = typed.lastIndexOf('/') + 1;
  const [folder, name] = [typed.slice(0, slash), typed.slice(slash)];
  const candidates = namesIn(absolute(folder === '' ? '.' : folder, place)).filter(
    (each) => each.startsWith(name) && (name.startsWith('.') || !each.startsWith('.')),
  );
  if (candidates.length === 0) return { text, candidates };
  return { text: text.slice(0, start) + folder + sharedStart(candidates), candidates };
}

function rewardPathStart(text: string): number | null {
  const matches = [...text.matchAll(/(?:hf|module):/gi)];
  const last = matches.at(-1);
  return last === undefined ? null : last.index + last[0].length;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => (isFolder(path.join(folder, name)) ? `${name}/` : name))
      .sort();
  } catch {
    return [];
  }
}

function isFolder(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch {
    // A dangling link.
    return false;
  }
}

function sharedStart(names: string[]): string {
  let shared = names[0];
  for (const name of names) while (!name.startsWith(shared)) shared = shared.slice(0, -1);
  return shared;
}
