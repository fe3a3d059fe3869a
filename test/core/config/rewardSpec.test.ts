/** Reward specifications. */
import { describe, expect, it } from 'vitest';
import {
  parseRewardSpec,
  rewardScale,
  publishedReward,
  resolveRewardSpec,
  withoutSecrets,
} from '../../../src/core/config/rewardSpec.js';

describe('parseRewardSpec', () => {
  it('reads each form', () => {
    expect(parseRewardSpec('hf:./reward')).toEqual([{ weight: 1, kind: 'hf', dir: './reward' }]);
    expect(parseRewardSpec('module:my reward.mjs')).toEqual([{ weight: 1, kind: 'module', file: 'my reward.mjs' }]);
    for (const text of ['http:http://127.0.0.1:8000/classify', 'http://127.0.0.1:8000/classify']) {
      const [part] = parseRewardSpec(text);
      expect(part).toMatchObject({ weight: 1, kind: 'http' });
      expect(part.kind === 'http' && part.url.href).toBe('http://127.0.0.1:8000/classify');
    }
  });
  it('reads weighted sums, and keeps a + inside a path or URL', () => {
    const parts = parseRewardSpec('0.7*hf:a+b+-0.3*module:c.mjs+2*http://host/predict?model=1+1');
    expect(parts.map(({ weight }) => weight)).toEqual([0.7, -0.3, 2]);
    expect(parts[0]).toMatchObject({ dir: 'a+b' });
    expect(parts[2].kind === 'http' && parts[2].url.search).toBe('?model=1+1');
  });
  it.each([
    ['http:http://ann:s3cret@host/classify', 'holds a user name or password'],
    ['http:ann:s3cret@host/classify', 'holds a user name or password'],
    ['https://s3cret@host/classify', 'holds a user name or password'],
    ['https://host/classify?model=m&api_key=s3cret', 'has the parameter "api_key"'],
    ['0.5*hf:a+http://ann:s3cret@host/classify?k=s3cret', 'holds a user name or password'],
    ['what:b+http://ann:s3cret@host/classify?k=s3cret#s3cret', 'cannot be read'],
    ['0.5.5*http://ann:s3cret@host/predict?key=s3cret', 'has the weight'],
    ['http://ann:s3cret@:0/?key=s3cret', 'cannot be read'],
    ['judge:https://ann:s3cret@host/v1#m', 'holds a user name or password'],
    ['judge:https://host/v1?api_key=s3cret#m', 'has the parameter "api_key"; expected none'],
    ['judge:https://host/v1#m?key=s3cret', 'has a model name with other signs'],
    ['hf:a+judge:https://host/v1?k=s3cret', 'has the parameter "k"'],
  ])('refuses secrets in %s and does not repeat them', (spec, says) => {
    let message = '';
    try {
      parseRewardSpec(spec);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).toContain(says);
    expect(message).not.toContain('s3cret');
    expect(withoutSecrets(spec)).not.toContain('s3cret');
  });
  it('shows a URL without user name, password, query and fragment', () => {
    expect(withoutSecrets('0.5*http://a:b@host:1/classify?model=m#f+hf:x')).toBe('0.5*http://host:1/classify+hf:x');
    expect(withoutSecrets('hf:a?b@c+module:d#e')).toBe('hf:a?b@c+module:d#e');
    expect(withoutSecrets('2*judge:http://a:b@h/v1?k=1#org/m+http://h/predict?k=1#f')).toBe(
      '2*judge:http://h/v1#org/m+http://h/predict',
    );
  });
  it('reads a judge with its model', () => {
    const [judge, other] = parseRewardSpec('0.5*judge:http://host:8000/v1#org/some_model:20b + judge:https://h#a%20b');
    expect(judge).toMatchObject({ kind: 'judge', weight: 0.5, model: 'org/some_model:20b' });
    expect(judge.kind === 'judge' && judge.url.href).toBe('http://host:8000/v1');
    expect(other).toMatchObject({ kind: 'judge', weight: 1, model: 'a b' });
    const text = 'judge:http://host:8000/v1#/models/my judge+0.5*hf:/a';
    expect(resolveRewardSpec(text, '/x')).toBe(text);
    expect(publishedReward(text)).toBe('judge:http://host:8000/v1#my judge+0.5*hf:a');
    expect(publishedReward('2*judge:http://h/v1#org/m')).toBe('2*judge:http://h/v1#org/m');
  });
  it.each([
    ['judge:http://host/v1', 'names no model; expected judge:URL#MODEL, such as judge:http'],
    ['judge:http://host/v1#', 'names no model'],
    ['judge:host:8000/v1#m', 'has the judge URL "host:8000/v1", which cannot be read'],
    ['judge:#m', 'cannot be read'],
    ['judge:http://host/v1#a#b', 'has a model name with other signs'],
  ])('refuses the judge %s', (spec, says) => {
    expect(() => parseRewardSpec(spec)).toThrow(says);
  });
  it('takes schemes in any case', () => {
    expect(parseRewardSpec('Hf:a+0.5*MODULE:b.mjs+HTTP://host/predict')).toMatchObject([
      { kind: 'hf', dir: 'a' },
      { kind: 'module', weight: 0.5, file: 'b.mjs' },
      { kind: 'http' },
    ]);
    expect(resolveRewardSpec('HF:a+Http:HTTP://host/predict', '/x')).toBe('hf:/x/a+http:http://host/predict');
  });
  it('allows spaces around + and *, and weights that are written with an exponent', () => {
    expect(parseRewardSpec('0.7 * hf:a + 1e-7*module:b.mjs')).toEqual([
      { weight: 0.7, kind: 'hf', dir: 'a' },
      { weight: 1e-7, kind: 'module', file: 'b.mjs' },
    ]);
    // What it writes, it reads: numbers this small are written with an exponent.
    expect(parseRewardSpec(resolveRewardSpec('0.0000001*hf:/a+hf:/b', '/'))).toEqual([
      { weight: 1e-7, kind: 'hf', dir: '/a' },
      { weight: 1, kind: 'hf', dir: '/b' },
    ]);
  });
  it.each(['', 'reward', 'ftp:x', 'hf:', '0.5*', 'x*hf:a', 'http://'])('refuses %j', (text) => {
    expect(() => parseRewardSpec(text)).toThrow(/cannot be read|expected/);
  });
});

it("knows a tournament's rewards as probabilities of winning", () => {
  const scaleOf = (reward: string, mode: 'tournament' | 'pointwise' = 'tournament') =>
    rewardScale({ reward, rewards: { judge: { mode } } });
  expect(scaleOf('judge:http://h/v1#m')).toBe('win-probabilities');
  expect(scaleOf('judge:http://h/v1#m', 'pointwise')).toBe('scores');
  for (const reward of ['2*judge:http://h/v1#m', 'judge:http://h/v1#m+hf:/a', 'hf:/a', 'nothing'])
    expect(scaleOf(reward)).toBe('scores');
});

it('resolveRewardSpec makes paths absolute and keeps weights', () => {
  expect(resolveRewardSpec('0.5*hf:a+module:../m.mjs+http://h/predict', '/base/dir')).toBe(
    '0.5*hf:/base/dir/a+module:/base/m.mjs+http:http://h/predict',
  );
  const [part] = parseRewardSpec(resolveRewardSpec('http://h/get_reward?tokenizer=../tok', '/base/dir'));
  expect(part.kind === 'http' && part.url.searchParams.get('tokenizer')).toBe('/base/tok');
});
