import { expect, it } from 'vitest';
import * as format from '../../src/core/format.js';

it('shows a dash for what is not finite', () => {
  for (const show of [format.count, format.percent, format.alpha, format.learningRate, format.compact]) {
    expect(show(NaN)).toBe('–');
  }
  expect(format.fixed(Infinity, 2)).toBe('–');
  expect(format.signed(NaN, 2)).toBe('–');
  expect(format.duration(null)).toBe('–');
});

it('has no minus zero', () => {
  expect(format.fixed(-0.001, 2)).toBe('0.00');
  expect(format.signed(-0.001, 2)).toBe('0.00');
});

it('shows signs, counts and shares', () => {
  expect(format.signed(1.5, 2)).toBe('+1.50');
  expect(format.signed(-1.5, 1)).toBe('-1.5');
  expect(format.of(1, 'pair')).toBe('1 pair');
  expect(format.of(20_000, 'pair')).toBe('20,000 pairs');
  expect(format.share(2, 103)).toBe('1.9 %');
  expect(format.share(0, 0)).toBe('–');
});

it('shows α and learning rates as they are typed', () => {
  expect(format.alpha(0.02)).toBe('0.0200');
  expect(format.alpha(0.00025)).toBe('0.00025');
  expect(format.learningRate(5e-7)).toBe('5e-7');
  expect(format.learningRate(2.125e-4)).toBe('2.125e-4');
  expect(format.learningRate(1)).toBe('1e0');
});

it('shows times and sizes', () => {
  expect(format.duration(42.4)).toBe('0:42');
  expect(format.duration(59.6)).toBe('1:00');
  expect(format.duration(3725)).toBe('1:02:05');
  expect(format.megabytes(412.3)).toBe('412 MB');
  expect(format.megabytes(20_480)).toBe('20.0 GB');
});

it('shortens for axes', () => {
  expect([0, 0.693, 3.5, 51, 1234, 1e-5, 2.5e6].map(format.compact)).toEqual([
    '0.000',
    '0.693',
    '3.50',
    '51.0',
    '1234',
    '1.0e-5',
    '2.5e6',
  ]);
});
