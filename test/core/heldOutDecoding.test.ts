/** Settings of held-out decoding: which contradict each other, and how they are said. */
import { describe, expect, it } from 'vitest';
import { beamProblems, type PartialConfig, schemaProblems } from '../../src/core/config/partial.js';
import { changedRound } from '../../src/core/config/rounds.js';
import { configSchema } from '../../src/core/config/schema.js';
import { decodingInWords, decodingNote, decodingOf } from '../../src/core/heldOutDecoding.js';

const given = { model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h' };
const keysOf = (evaluation: object) => configSchema.parse({ ...given, evaluation }).evaluation;

describe('settings', () => {
  it('are plain sampling unless they say otherwise', () => {
    expect(decodingOf(keysOf({}))).toBeNull();
    expect(decodingOf(keysOf({ responses: 4 }))).toBeNull();
    expect(decodingOf(keysOf({ best_of: 8, responses: 4 }))).toEqual({ best_of: 8 });
    expect(decodingOf(keysOf({ beam: 4 }))).toEqual({ beam: 4, length_penalty: 1 });
    expect(decodingOf(keysOf({ beam: 4, temperature: 0, length_penalty: 0 }))).toEqual({ beam: 4, length_penalty: 0 });
  });

  it.each<[object, RegExp]>([
    [{ best_of: 8, beam: 4 }, /^evaluation\.beam: .*\(evaluation\.best_of is 8\); set one of them to 1$/],
    [{ beam: 4, responses: 2 }, /^evaluation\.beam: beam search is deterministic.*\(evaluation\.responses is 2\)/],
    [{ best_of: 8, temperature: 0 }, /^evaluation\.best_of: at temperature 0 all 8 candidates are equal/],
    [{ length_penalty: 0.5 }, /^evaluation\.length_penalty: 0\.5 belongs to beam search, and evaluation\.beam is 1/],
    [{ best_of: 0 }, /^evaluation\.best_of: 0: expected a whole number from 1 to 65536/],
    [{ beam: 257 }, /^evaluation\.beam: 257: expected a whole number from 1 to 256/],
  ])('%j is refused in one sentence', (evaluation, problem) => {
    const problems = schemaProblems({ ...given, evaluation });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  it('beams on SGLang are refused before anything runs', () => {
    const server = (kind: string) => ({ sampling: { server: { endpoints: ['http://a'], kind } } });
    const problemsOf = (config: object) => beamProblems({ ...config } as PartialConfig, (key) => key);
    expect(problemsOf({ ...server('sglang'), evaluation: { beam: 4 } })).toEqual([
      'evaluation.beam: SGLang has no beam search (sampling.server.kind is sglang); use vLLM or this machine, or evaluation.best_of',
    ]);
    expect(problemsOf({ ...server('vllm'), evaluation: { beam: 4 } })).toEqual([]);
    expect(problemsOf({ ...server('sglang'), evaluation: { best_of: 4 } })).toEqual([]);
  });

  it('cannot differ between rounds', () => {
    const config = configSchema.parse({ ...given, evaluation: { best_of: 4 } });
    const change = (evaluation: object) => () =>
      changedRound(
        config,
        { settings: { alpha: 0.01, beta: 0.1, lr: 1e-4 }, overrides: {} },
        { overrides: { evaluation: { ...evaluation } } },
        '/',
        () => [],
      );
    expect(change({ best_of: 8 })).toThrow(
      'evaluation.best_of: cannot differ between rounds, whose held-out responses are compared; it is 4 in this run',
    );
    expect(change({ best_of: 4, probes: 2 })().overrides).toEqual({ evaluation: { best_of: 4, probes: 2 } });
  });
});

it('is said in words', () => {
  expect(decodingInWords({ best_of: 8 })).toBe('best of 8 by the training reward');
  expect(decodingInWords({ beam: 4, length_penalty: 1 })).toBe('beam search, 4 beams');
  expect(decodingInWords({ beam: 4, length_penalty: 0.6 })).toBe('beam search, 4 beams, length penalty 0.6');
  expect(decodingNote({ best_of: 8 }, 'the reward')).toBe(
    'All held-out responses are the best of 8 by the reward, and flatter it. KL is not estimated: the best of 8 are not samples of the policy.',
  );
});
