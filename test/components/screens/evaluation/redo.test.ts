import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../components/screens/evaluation/redo.js';

describe('settings that are typed to do a round again', () => {
  it.each([
    ['0.05', { alpha: 0.05 }],
    [' 0,05 ', { alpha: 0.05 }],
    ['β=0.2', { beta: 0.2 }],
    ['0.05 b=0.2 lr=1e-6', { alpha: 0.05, beta: 0.2, lr: 1e-6 }],
    ['alpha=0;beta=1', { alpha: 0, beta: 1 }],
    ['', {}],
  ])('%j', (text, settings) => {
    expect(parseSettings(text)).toEqual(settings);
  });

  it.each([
    ['x', 'α must be a number'],
    ['-1', 'α must be a number'],
    ['α=', 'α must be a number'],
    ['beta=0', 'β must be a number'],
    ['lr=2', 'the learning rate must be'],
    ['seed=2', 'unknown setting seed'],
    ['toString=2', 'unknown setting toString'],
  ])('%j is none', (text, said) => {
    expect(parseSettings(text)).toContain(said);
  });
});
