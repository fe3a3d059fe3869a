/** What a folder holds that a new run could use. Reads little of each file: there may be many, on a slow file system. */
import { closeSync, openSync, readSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { FolderFacts } from '../../core/form/machine.js';

/** Folders looked into, and bytes read of a file. */
const [mostFolders, mostBytes] = [500, 65_536];

/** Looks at the folder, its subfolders, and theirs in folders that hold no model themselves. Nothing is reported twice. */
export function surveyFolder(folder: string): FolderFacts {
  const found: FolderFacts = { models: [], rewards: [], prompts: [], held_out: [] };
  let left = mostFolders;
  const look = (at: string, depth: number): void => {
    if (left-- <= 0) return;
    const kind = modelKind(path.join(folder, at));
    if (kind !== null) return void found[kind].push(at === '' ? '.' : at);
    for (const entry of entriesOf(path.join(folder, at))) {
      const inside = path.join(at, entry.name);
      // Links count as what their names say; the depth bounds those that lead back.
      const linked = entry.isSymbolicLink();
      if (entry.name.endsWith('.jsonl')) {
        if ((entry.isFile() || linked) && holdsPrompts(path.join(folder, inside)))
          found[/held.?out|test|valid|eval/i.test(entry.name) ? 'held_out' : 'prompts'].push(inside);
      } else if ((entry.isDirectory() || linked) && depth > 0 && !/^(\.|node_modules$|runs$)/.test(entry.name))
        look(inside, depth - 1);
    }
  };
  look('', 2);
  return found;
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    // Not ours to read.
    return [];
  }
}

/** Whether a folder is a language model's (or an adapter's), or a sequence classifier's; null: no model. */
function modelKind(folder: string): 'models' | 'rewards' | null {
  if (beginning(path.join(folder, 'adapter_config.json')) !== null) return 'models';
  const config = beginning(path.join(folder, 'config.json'));
  if (config === null) return null;
  const architecture = /"architectures"\s*:\s*\[\s*"([^"]*)"/.exec(config)?.[1] ?? '';
  if (/ForSequenceClassification$/.test(architecture)) return 'rewards';
  return /(ForCausalLM|LMHeadModel)$/.test(architecture) ? 'models' : null;
}

/** Prompts alone: rows of samples and pairs have a prompt too. */
function holdsPrompts(file: string): boolean {
  const [first] = (beginning(file) ?? '').split('\n');
  try {
    const row: unknown = JSON.parse(first);
    if (typeof row !== 'object' || row === null) return false;
    const has = (key: string): boolean => Object.hasOwn(row, key);
    return (has('prompt') || has('prompt_ids')) && !['response', 'responses', 'chosen', 'chosen_ids'].some(has);
  } catch {
    return false;
  }
}

/** The start of a file as text; null if it cannot be read. */
function beginning(file: string): string | null {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const bytes = Buffer.alloc(mostBytes);
    return bytes.toString('utf8', 0, readSync(handle, bytes, 0, mostBytes, 0));
  } catch {
    return null;
  } finally {
    closeSync(handle);
  }
}
