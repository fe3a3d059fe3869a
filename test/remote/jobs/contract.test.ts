/** Versions of requests, and what is refused of an objective's settings and pairs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import { type JobRequest, readPairs, readRequest, writeRequest } from '../../../src/remote/jobs/contract.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
const lrDpo = { name: 'lr-dpo', beta: 0.1, alpha: 0.02, label_smoothing: 0 };
const added = { gamma_ratio: 0, ld_scale: 1, nll_weight: 0 };
const { job: _job, held_out_share: _share, ...update } = updateSchema.parse({});
const { eval_steps: _steps, ...earlierUpdate } = update;
const request = {
  ...{ id: 'brevity-0badcafe-r0001', round: 1, policy: '/policy', reference: '/policy', same: true, update },
  ...{ seed: 1, precision: null, threads: null, backend: 'auto' as const, probe_tolerance: null },
};
const pair = { prompt_ids: [1], chosen_ids: [2, 3], rejected_ids: [4] };
const wins = { chosen_win_probability: 0.7, rejected_win_probability: 0.3 };

function write(objective: object, pairs: object[] = [pair]): string {
  const dir = fresh();
  writeRequest(dir, { ...request, objective } as JobRequest, pairs as never);
  return dir;
}

/** A folder as somebody else may have written it. */
function folder(version: number, objective: object, pairs: object[] = [pair]): string {
  const dir = fresh();
  writeFileSync(path.join(dir, 'request.json'), JSON.stringify({ version, ...request, objective }));
  writeFileSync(path.join(dir, 'pairs.jsonl'), pairs.map((row) => JSON.stringify(row) + '\n').join(''));
  return dir;
}

const written = (dir: string) =>
  JSON.parse(readFileSync(path.join(dir, 'request.json'), 'utf8')) as Record<string, unknown>;

describe('a request is written in the lowest version that can express it', () => {
  it('LR-DPO: version 1, with the keys that its executors know', () => {
    const dir = write({ ...lrDpo, ...added });
    expect(written(dir)).toMatchObject({ version: 1, id: request.id });
    expect(written(dir).objective).toEqual(lrDpo);
    expect(written(dir).update).toEqual(earlierUpdate);
    expect(readRequest(dir)).toEqual({ version: 1, ...request, objective: { ...lrDpo, ...added } });
  });

  it.each<[string, object, object[]]>([
    ['another objective', { ...lrDpo, ...added, name: 'ld-dpo', ld_scale: 0.5 }, [pair]],
    ['an NLL term', { ...lrDpo, ...added, nll_weight: 0.2 }, [pair]],
    // Executors of version 1 would train without it.
    ['a weight', { ...lrDpo, ...added }, [pair, { ...pair, weight: 2 }]],
  ])('%s: version 2', (_name, objective, pairs) => {
    const dir = write(objective, pairs);
    expect(written(dir)).toMatchObject({ version: 2, objective });
    expect(written(dir).update).toEqual(earlierUpdate);
    expect(readRequest(dir)).toEqual({ version: 2, ...request, objective });
    expect(readPairs(dir, readRequest(dir))).toEqual(pairs);
  });

  it('held-out pairs: version 3, as earlier executors would train on them', () => {
    const pairs = [pair, { ...pair, held_out: true }];
    const dir = write({ ...lrDpo, ...added }, pairs);
    expect(written(dir)).toMatchObject({ version: 3, update });
    expect(readPairs(dir, readRequest(dir))).toEqual(pairs);
  });

  it('nothing is written of a request that executors would refuse', () => {
    const dir = fresh();
    const objective = { ...lrDpo, ...added, name: 'ipo' };
    expect(() => writeRequest(dir, { ...request, objective } as JobRequest, [pair])).toThrow(
      /`objective\.alpha`: 0\.02/,
    );
    expect(existsSync(path.join(dir, 'request.json'))).toBe(false);
  });
});

describe('refused', () => {
  it.each<[string, number, object, RegExp]>([
    [
      'a setting that the objective does not use',
      2,
      { ...lrDpo, name: 'hinge' },
      /request\.json: `objective\.alpha`: 0\.02: objective hinge does not use it; expected 0$/,
    ],
    [
      'one whose neutral value is 1',
      2,
      { ...lrDpo, ...added, ld_scale: 0.5 },
      /`objective\.ld_scale`: 0\.5: objective lr-dpo does not use it; expected 1$/,
    ],
    ['an unknown objective', 2, { ...lrDpo, name: 'kto' }, /`objective\.name`: Invalid option/],
    [
      'another objective in version 1',
      1,
      { ...lrDpo, name: 'wpo' },
      /`objective`: version 1 of the contract knows LR-DPO only, .*; expected version 2 or later$/,
    ],
    [
      'an NLL term in version 1',
      1,
      { ...lrDpo, nll_weight: 1 },
      /`objective`: version 1 of the contract knows LR-DPO only, without gamma_ratio, ld_scale, nll_weight;/,
    ],
    ['a newer version', 4, lrDpo, /request\.json is version 4 and this Brevity reads version 3; update Brevity on/],
  ])('%s', (_name, version, objective, message) => {
    expect(() => readRequest(folder(version, objective))).toThrow(message);
  });

  it.each<[string, number, string, object, RegExp]>([
    [
      'SPPO without a win probability',
      2,
      'sppo',
      { ...wins, rejected_win_probability: undefined },
      /pairs\.jsonl:2: `rejected_win_probability`: missing; objective sppo needs a number from 0 to 1$/,
    ],
    [
      'a win probability above 1',
      2,
      'sppo',
      { ...wins, chosen_win_probability: 1.2 },
      /pairs\.jsonl:2: `chosen_win_probability`: expected a number from 0 to 1$/,
    ],
    ['a negative weight', 2, 'lr-dpo', { weight: -1 }, /pairs\.jsonl:2: `weight`: expected a number of 0 or more$/],
    [
      'a weight in version 1',
      1,
      'lr-dpo',
      { weight: 2 },
      /pairs\.jsonl:2: `weight`: version 1 of the contract ignores it; expected a request of version 2 or later$/,
    ],
    [
      'a held-out pair in version 2',
      2,
      'lr-dpo',
      { held_out: true },
      /pairs\.jsonl:2: `held_out`: version 2 of the contract would train on the pair; expected a request of version 3$/,
    ],
    [
      'half of the shared sums',
      2,
      'ld-dpo',
      { ref_chosen_shared_logps: -1 },
      /pairs\.jsonl:2: expected both of `ref_chosen_shared_logps` and `ref_rejected_shared_logps`, or neither$/,
    ],
  ])('%s', (_name, version, name, columns, message) => {
    const dir = folder(version, { ...lrDpo, name, alpha: 0 }, [
      { ...pair, ...wins },
      { ...pair, ...columns },
    ]);
    expect(() => readPairs(dir, readRequest(dir))).toThrow(message);
  });
});

it('refuses evaluations before version 3, and pairs that are all held out', () => {
  const dir = folder(2, lrDpo);
  const json = { version: 2, ...request, objective: lrDpo, update: { ...update, eval_steps: 5 } };
  writeFileSync(path.join(dir, 'request.json'), JSON.stringify(json));
  expect(() => readRequest(dir)).toThrow(
    /`update\.eval_steps`: version 2 of the contract knows no held-out pairs; expected 0, or version 3$/,
  );
  const none = folder(3, lrDpo, [{ ...pair, held_out: true }]);
  expect(() => readPairs(none, readRequest(none))).toThrow(
    /has only held-out pairs; expected at least one to train on$/,
  );
});

it('neutral settings may be left out, in all versions', () => {
  for (const version of [1, 2, 3])
    expect(readRequest(folder(version, lrDpo)).objective).toEqual({ ...lrDpo, ...added });
});
