/** Reference policies: words, folders, interpolations. */
import { describe, expect, it } from 'vitest';
import {
  namedFolders,
  parseReference,
  publishedReference,
  referenceFolders,
  referenceInWords,
  resolveReference,
} from '../../../src/core/config/reference.js';
import { resolvePaths, schemaProblems } from '../../../src/core/config/partial.js';
import { policiesOf } from '../../../src/core/config/rounds.js';
import { configSchema } from '../../../src/core/config/schema.js';
import { runFiles } from '../../../src/core/runFiles.js';

describe('parseReference', () => {
  it.each([
    ['round', [['round', 1]]],
    ['/models/a+b', [['/models/a+b', 1]]],
    ['1*round', [['round', 1]]],
    ['0.5*round+0.5*round', [['round', 1]]],
    ['1*base+0*round', [['base', 1]]],
    [
      '0.5*round+0.5*base',
      [
        ['round', 0.5],
        ['base', 0.5],
      ],
    ],
    // 0.7 + 0.1 + 0.2 has no exact sum; 0.3 and 0.7 written with blanks; a + inside a path.
    [
      ' .7 * base + 3e-1 * ./a+b ',
      [
        ['base', 0.7],
        ['./a+b', 0.3],
      ],
    ],
  ])('reads %s', (spec, expected) => {
    expect(parseReference(spec).map(({ model, weight }) => [model, weight])).toEqual(expected);
  });

  it.each([
    ['0.5*round+0.4*base', 'weights that sum to 0.9; expected a sum of 1'],
    ['0.5*round', 'weights that sum to 0.5'],
    ['0.5*round+base', 'weights that sum to 0.5'],
    ['1.5*round+-0.5*base', 'has the weight 1.5; expected weights from 0 to 1'],
    ['0.4*round+0.3*base+0.3*x', 'names 3 models'],
  ])('refuses %s', (spec, says) => {
    expect(() => parseReference(spec)).toThrow(says);
  });
});

describe('a reference policy', () => {
  it('has its paths resolved and is shown in words', () => {
    expect(resolveReference('0.7*base+0.3*a/b', '/home')).toBe('0.7*base+0.3*/home/a/b');
    expect(resolveReference('1*round', '/home')).toBe('round');
    expect(resolveReference('0.5*round+0.4*base', '/home')).toBe('0.5*round+0.4*base');
    expect(resolvePaths({ dpo: { reference: '0.5*m+0.5*base' } }, '/x')).toEqual({
      dpo: { reference: '0.5*/x/m+0.5*base' },
    });
    expect(namedFolders('0.7*base+0.3*/a')).toEqual(['/a']);
    expect(namedFolders('0.7*base+0.4*/a')).toEqual([]);
    expect(referenceInWords('0.7*base+0.3*/a', 'round start')).toBe('0.7 base policy + 0.3 /a');
    expect(referenceInWords('0.5*round+0.5*base', 'round start (policy of round 1)')).toBe(
      '0.5 round start (policy of round 1) + 0.5 base policy',
    );
    expect(publishedReference('0.7*base+0.3*/home/me/model')).toBe('0.7*base+0.3*model');
    expect(publishedReference('/home/me/model')).toBe('model');
  });

  it('is a problem of the configuration if it cannot be read', () => {
    const config = { model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h' };
    expect(schemaProblems({ ...config, dpo: { reference: '0.5*round+0.4*base' } })).toEqual([
      'dpo.reference: "0.5*round+0.4*base" has weights that sum to 0.9; expected a sum of 1',
    ]);
    // simpo has none to interpolate.
    expect(schemaProblems({ ...config, dpo: { objective: 'simpo', reference: '0.5*round+0.5*base' } })[0]).toContain(
      'dpo.reference: 0.5*round+0.5*base: objective simpo does not use it',
    );
  });

  it('is the start of the round wherever both name the same folder', () => {
    const config = (reference: string) =>
      configSchema.parse({ model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h', dpo: { reference } });
    const of = (reference: string, parent: number) =>
      policiesOf(config(reference), runFiles('/run', config(reference)), { id: 3, parent });
    expect(of('1*round', 2)).toMatchObject({ same: true, reference: '/run/rounds/0002/policy' });
    // The first round starts from the base.
    expect(of('0.5*round+0.5*base', 0)).toMatchObject({ same: true, reference: '/m' });
    expect(of('0.5*/m+0.5*base', 2)).toMatchObject({ same: false, reference: '/m' });
    expect(of('0.5*round+0.5*base', 2)).toEqual({
      start: '/run/rounds/0002/policy',
      reference: '/run/rounds/0003/reference-policy',
      same: false,
      parts: [
        { weight: 0.5, dir: '/run/rounds/0002/policy' },
        { weight: 0.5, dir: '/m' },
      ],
    });
    expect(referenceFolders('0.5*a+0.5*./a', (dir) => dir)).toEqual([{ weight: 1, dir: 'a' }]);
  });
});
