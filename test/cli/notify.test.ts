import { expect, it } from 'vitest';
import { notification, notifier } from '../../src/cli/notify.js';
import { round, snapshot } from '../components/fixtures.js';

it.each([
  ['bell', '\x07'],
  ['osc9', '\x1b]9;Brevity: round 2: a, b\x07'],
  ['osc777', '\x1b]777;notify;Brevity;Brevity: round 2: a, b\x07'],
] as const)('%s', (way, written) => {
  expect(notification(way, { message: 'round 2: a; b' })).toBe(written);
});

it('no message can end the sequence or begin another', () => {
  const evil = notification('osc9', { message: `x\x07\x1b]52;c;aGk=\x07\x9c${'y'.repeat(999)}` });
  expect(evil.slice(4, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  expect(evil.length).toBeLessThan(210);
});

it('writes once per end of a stage, and nothing where it is off', () => {
  const events = [
    { type: 'snapshot' as const, snapshot: snapshot('update') },
    { type: 'round' as const, round: round(2, 'evaluate', { seconds: { update: 60 } }) },
    { type: 'round' as const, round: round(2, 'evaluate', { seconds: { update: 60 } }) },
  ];
  const written: string[] = [];
  for (const way of ['bell', 'off'] as const) {
    const take = notifier(way, (text) => written.push(text));
    events.forEach(take);
  }
  expect(written).toEqual(['\x07']);
});
