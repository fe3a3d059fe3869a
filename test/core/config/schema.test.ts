/** The loss in a run's configuration: defaults by objective, and what is refused. */
import { describe, expect, it } from 'vitest';
import { schemaProblems } from '../../../src/core/config/partial.js';
import { configSchema } from '../../../src/core/config/schema.js';
import { objectiveNames, objectives } from '../../../src/core/objectives/index.js';

const given = { model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h' };
const dpoOf = (dpo: object) => configSchema.parse({ ...given, dpo }).dpo;

describe('the loss of a run', () => {
  it.each(objectiveNames)('with %s has its β, and α 0 unless it is lr-dpo', (objective) => {
    expect(dpoOf({ objective })).toMatchObject({
      beta: objectives[objective].usualBeta,
      alpha: objective === 'lr-dpo' ? 0.02 : 0,
    });
    expect(dpoOf({ objective, beta: 0.7 }).beta).toBe(0.7);
  });

  it('is lr-dpo where nothing is said', () => {
    const plain = { objective: 'lr-dpo', beta: 0.1, alpha: 0.02, gamma_ratio: 0, ld_scale: 1, nll_weight: 0 };
    expect(configSchema.parse(given).dpo).toMatchObject(plain);
    expect(dpoOf({ alpha: undefined, beta: undefined })).toMatchObject(plain);
  });

  it('has the settings that its objective uses', () => {
    expect(dpoOf({ objective: 'simpo', gamma_ratio: 0.55, alpha: 0.01 })).toMatchObject({
      gamma_ratio: 0.55,
      alpha: 0.01,
    });
    expect(dpoOf({ objective: 'ld-dpo', ld_scale: 0.5, nll_weight: 0.2 })).toMatchObject({ ld_scale: 0.5 });
    expect(dpoOf({ objective: 'robust', label_smoothing: 0.1 }).label_smoothing).toBe(0.1);
  });

  it.each<[object, string]>([
    [{ objective: 'sppo', alpha: 0.01 }, 'dpo.alpha: 0.01: objective sppo does not use it; leave it out'],
    [{ objective: 'dpo', alpha: 0.01 }, 'dpo.alpha: 0.01: objective dpo does not use it; leave it out'],
    [{ gamma_ratio: 0.5 }, 'dpo.gamma_ratio: 0.5: objective lr-dpo does not use it; leave it out'],
    [{ objective: 'wpo', ld_scale: 0.5 }, 'dpo.ld_scale: 0.5: objective wpo does not use it; leave it out'],
    [
      { objective: 'ipo', label_smoothing: 0.1 },
      'dpo.label_smoothing: 0.1: objective ipo does not use it; leave it out',
    ],
    [{ objective: 'simpo', reference: 'base' }, 'dpo.reference: base: objective simpo does not use it; leave it out'],
  ])('refuses %j in one sentence', (dpo, problem) => {
    expect(schemaProblems({ ...given, dpo })).toEqual([problem]);
  });

  it('names what is no objective', () => {
    const [problem] = schemaProblems({ ...given, dpo: { objective: 'ppo' } });
    expect(problem).toMatch(/^dpo\.objective: "ppo": expected one of lr-dpo, dpo, dpo-norm/);
    expect(schemaProblems({ ...given, dpo: { objektive: 'sppo' } })[0]).toContain('did you mean objective?');
    expect(schemaProblems({ ...given, dpo: 3 })[0]).toMatch(/^dpo: 3: expected an object/);
  });
});
