/** `brevity merge-decisions` as a user runs it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Run } from '../../src/run/run.js';
import { quickConfig } from '../engine/runs.js';
import { temporaryDirectories } from '../temporary.js';
import { brevity } from './cli.js';

const fresh = temporaryDirectories();

function journal(folder: string, name: string, kinds: string, more: object = { samples: 'k' }): string {
  const file = path.join(folder, `${name}.jsonl`);
  const rows = [...kinds].map((kind, prompt_index) => ({
    ...{ at: '', action: 'decide' },
    decision: { prompt_index, ruling: { kind: kind === 't' ? 'tie' : 'exclude' }, note: '', reviewer: name, ...more },
  }));
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

describe('brevity merge-decisions', () => {
  it('prints agreement and conflicts, and writes a journal that can be merged again', () => {
    const folder = fresh();
    const [ann, bob] = [journal(folder, 'ann', 'ttx'), journal(folder, 'bob', 'txx')];
    const out = path.join(folder, 'merged.jsonl');
    const merged = brevity(['merge-decisions', ann, bob, '--out', out]);
    // They agree on 2 of 3; ties 2/3 and 1/3, exclusions 1/3 and 2/3: p_e = 4/9, κ = (2/3 - 4/9) / (5/9) = 0.4.
    expect(merged.rows()).toEqual([
      { compared: 3, agreed: 2, share: 2 / 3, kappa: expect.closeTo(0.4, 12) as number, measure: 'cohen' },
      {
        prompt: 2,
        said: [
          { reviewer: 'ann', ruling: 'tie' },
          { reviewer: 'bob', ruling: 'excluded' },
        ],
        merged: 'undecided',
      },
    ]);
    expect(merged.stderr).toContain("agree on 2 of 3 prompts that all have ruled on (Cohen's κ 0.40); 1 conflict");
    const written = JSON.parse(readFileSync(out, 'utf8')) as { decisions: { prompt_index: number }[] };
    expect(written.decisions.map(({ prompt_index }) => prompt_index)).toEqual([0, 2]);
    const again = brevity(['merge-decisions', ann, out, '--conflicts', 'first']);
    expect(again.rows()).toMatchObject([{ compared: 2, agreed: 2 }]);
  });

  it('refuses other samples and bad arguments, and tells of journals without a key', () => {
    const folder = fresh();
    const [ann, bob] = [journal(folder, 'ann', 'tt'), journal(folder, 'bob', '.t', { samples: 'other' })];
    const other = brevity(['merge-decisions', ann, bob]);
    expect(other).toMatchObject({ status: 1 });
    expect(other.stderr).toContain('are about other samples: the first mismatch is prompt 1');
    const old = brevity(['merge-decisions', ann, journal(folder, 'old', 'tt', {})]);
    expect(old.stderr).toContain('2 decisions without a key of the samples');
    const bad = brevity(['merge-decisions', ann, '--into', 'run']);
    expect(bad).toMatchObject({ status: 2 });
    expect(bad.stderr).toContain('--into needs --out as well');
    const same = brevity(['merge-decisions', ann, '--out', ann]);
    expect(same.stderr).toContain('would replace one of the journals');
  });

  it('is refused by a run that is not in review, before an engine starts', () => {
    const folder = fresh();
    const { directory } = Run.create(path.join(folder, 'run'), quickConfig(folder));
    const ann = journal(folder, 'ann', 'tt');
    const out = path.join(folder, 'merged.jsonl');
    const refused = brevity(['merge-decisions', ann, '--out', out, '--into', directory]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('is not in review, so it takes no decisions');
  });
});
