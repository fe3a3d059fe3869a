import { describe, expect, it } from 'vitest';
import {
  adapter,
  allWeights,
  defaultText,
  explanation,
  fieldOf,
  fields,
  numberProblem,
  schemaOf,
  type Values,
  visibleFields,
} from '../../../src/core/form/fields.js';
import { parseRewardSpec } from '../../../src/core/config/rewardSpec.js';

describe('each field', () => {
  it.each(fields.map((field) => [field.id, field] as const))('%s is explained in at most three lines', (_id, field) => {
    const text = explanation(field);
    expect(text).toMatch(/^\S.*[.!]$/);
    expect(text).not.toContain('undefined');
    expect(text.length).toBeLessThan(3 * 78);
  });

  it.each(fields.filter(({ key }) => key.length > 0).map((field) => [field.id, field] as const))(
    '%s stands in the configuration',
    (_id, { key }) => expect(schemaOf(key)).toBeDefined(),
  );
});

it('numbers say their range', () => {
  expect(explanation(fieldOf('samples_per_prompt'))).toContain('(2 to 1024)');
  expect(explanation(fieldOf('beta'))).toMatch(/^β: .*\(above 0 to 100\)/);
  expect(explanation(fieldOf('max_new_tokens'))).toContain('(1 to 1048576)');
});

it.each([
  ['alpha', '0', null],
  ['alpha', '1e-3', null],
  ['alpha', '', '"" is no number; expected 0 to 100'],
  ['alpha', '0,5', '"0,5" is no number; expected 0 to 100'],
  ['alpha', '101', expect.stringContaining('<=100')],
  ['beta', '0', expect.stringContaining('>0')],
  ['samples_per_prompt', '2.5', expect.stringContaining('int')],
  ['lora_rank', '0', expect.stringContaining('>=1')],
] as const)('%s as %j: %s', (id, text, problem) => {
  expect(numberProblem(fieldOf(id), text)).toEqual(problem);
});

it('knows the defaults', () => {
  const lrDpo = { objective: 'lr-dpo' };
  expect(defaultText(fieldOf('alpha'), lrDpo)).toBe('0.02');
  expect(defaultText(fieldOf('beta'), lrDpo)).toBe('0.1');
  expect(defaultText(fieldOf('lora_rank'), lrDpo)).toBeNull();
  expect(defaultText(fieldOf('alpha'), { objective: 'simpo' })).toBe('0');
  expect(defaultText(fieldOf('beta'), { objective: 'simpo' })).toBe('2.5');
});

it("LoRA's rank counts only where an adapter is trained", () => {
  const ids = (trains: string) => visibleFields({ trains } as Values).map(({ id }) => id);
  expect(ids(adapter)).toContain('lora_rank');
  expect(ids(allWeights)).not.toContain('lora_rank');
});

it('settings of the loss count only with objectives that use them', () => {
  const ids = (objective: string) =>
    visibleFields({ objective } as Values).flatMap(({ id }) =>
      ['alpha', 'beta', 'gamma_ratio', 'ld_scale'].includes(id) ? [id] : [],
    );
  expect(ids('lr-dpo')).toEqual(['alpha', 'beta']);
  expect(ids('simpo')).toEqual(['alpha', 'beta', 'gamma_ratio']);
  expect(ids('ld-dpo')).toEqual(['alpha', 'beta', 'ld_scale']);
  expect(ids('sppo')).toEqual(['beta']);
});

it('precision counts only on a GPU', () => {
  const ids = (backend: string) => visibleFields({ backend } as Values).map(({ id }) => id);
  expect(ids('cuda')).toContain('precision');
  expect(ids('auto')).not.toContain('precision');
});

it('what the explanations show can be typed as it stands', () => {
  const shown = explanation(fieldOf('reward'));
  expect(shown).toMatch(
    /^hf:DIR, module:FILE, http:URL, judge:http:\/\/HOST\/v1#MODEL, or a weighted sum such as 0\.7\*hf:A\+0\.3\*module:B\.mjs\. /,
  );
  const examples = shown.match(/\S*[a-z]+:[^\s,]*[^\s,.]/gi) ?? [];
  expect(examples).toEqual([
    'hf:DIR',
    'module:FILE',
    'http:URL',
    'judge:http://HOST/v1#MODEL',
    '0.7*hf:A+0.3*module:B.mjs',
  ]);
  for (const example of examples) expect(() => parseRewardSpec(example)).not.toThrow();
  for (const field of fields) {
    // Commands and values in code quotes, choices by their names.
    expect(explanation(field)).not.toMatch(/\b[A-Z][a-z]*:\S/);
    for (const choice of field.choices ?? []) expect(choice).toBe(choice.trim());
    const usual = defaultText(field, { objective: 'lr-dpo' });
    if (usual !== null && field.kind === 'number') expect(numberProblem(field, usual)).toBeNull();
  }
});
