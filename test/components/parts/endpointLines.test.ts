import { describe, expect, it } from 'vitest';
import {
  type PieceLine,
  endpointBlock,
  endpointName,
  endpointParagraphs,
  readiness,
  weightsText,
} from '../../../components/parts/endpointLines.js';
import { widthOf } from '../../../components/parts/text.js';
import { endpoint, verification } from '../fixtures.js';

const texts = (lines: readonly PieceLine[]): string[] => lines.map((line) => line.map(({ text }) => text).join(''));
const many = Array.from({ length: 16 }, (_, i) => endpoint(i));
const refused = 'http://node3:8000 refused the connection 5 times; its 12 prompts went to the others';
const down = endpoint(3, { state: 'down', problem: refused });
const stale = endpoint(4, {
  state: 'down',
  verification: verification({ verdict: 'failed', mean: 0.4, max: 2.1, shift: 0.01, note: 'it holds round 0' }),
});

describe('an endpoint is named', () => {
  it('by host and port, and the path of a proxy', () => {
    expect(endpointName('http://node1:8000/')).toBe('node1:8000');
    expect(endpointName('https://gw.example/a/vllm/')).toBe('gw.example/a/vllm');
  });

  it('harmlessly if it is no URL', () => {
    expect(endpointName('\x1b[2J')).toBe('␛[2J');
  });
});

describe('in one line', () => {
  it('says how many are ready, loading and down', () => {
    const servers = [
      ...many.slice(0, 12),
      ...many.slice(12, 15).map((one) => ({ ...one, state: 'loading' as const })),
      down,
    ];
    expect(readiness(servers)).toBe('12 of 16 ready · 3 loading · 1 down');
  });

  it('gives the largest differences and the smallest shift', () => {
    const other = endpoint(2, { verification: verification({ mean: 0.0101, max: 0.02, shift: 0.91 }) });
    expect(weightsText([endpoint(1), other])).toBe(
      'round 1 verified on 2 · mean diff 0.0101, max 0.0312 · shows 91 % of the update',
    );
  });

  it('tells agreement from verification', () => {
    const agreed = verification({ verdict: 'agreed', weights: 'base policy', mean: null, max: null, shift: null });
    expect(weightsText([endpoint(1, { verification: agreed })])).toBe('base policy agreed on 1');
    expect(weightsText([endpoint(1, { verification: null })])).toBe('not verified yet');
    expect(weightsText([stale])).toBe('verification failed');
  });
});

describe('on a small screen', () => {
  it('is one line while all is well', () => {
    const lines = texts(endpointBlock(many, 80, 20));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('round 1 verified on 16');
  });

  it('is the gravest problem in at most two lines, and how many more there are', () => {
    const lines = texts(endpointBlock([endpoint(1), down, stale], 80, 20));
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(lines.join(' ')).toMatch(/^✘ http:\/\/node3:8000 refused the connection.* · and 1 more \(v\)$/);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });
});

describe('on a large screen', () => {
  it('is a table, the failing ones first, the rest folded, problems in full below', () => {
    const lines = texts(endpointBlock([...many.slice(0, 14), down, stale], 120, 36));
    expect(lines[0]).toMatch(
      /^endpoint +server +state +weights +mean diff +max diff +shift +in flight +responses +tokens\/s$/,
    );
    expect(lines[1]).toMatch(/^node3:8000 +vLLM 0\.32\.0 +down +✓ round 1 +0\.0041 +0\.0312 +98 % +51 +153 +2,070$/);
    expect(lines[2]).toMatch(/^node4:8000 .* down +✘ round 1 +0\.4000 +2\.1000 +1 %/);
    expect(lines.some((line) => /^… \d+ more, all ready · v shows all$/.test(line))).toBe(true);
    expect(lines).toContain(`✘ ${refused}`);
    expect(lines).toContain('✘ node4:8000: it holds round 0');
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(120);
  });

  it('warns of a failure that was retried', () => {
    const retried = endpoint(5, { problem: 'answered 429', retried: 2 });
    expect(texts(endpointBlock([retried], 120, 36)).at(-1)).toBe('▲ node5:8000, retried: answered 429');
  });
});

it('in full says what each holds, in the order of the configuration', () => {
  const lines = texts(endpointParagraphs([endpoint(1), stale, down], 120));
  expect(lines[0]).toMatch(/^node1:8000 +ready +vLLM 0\.32\.0$/);
  expect(lines[1]).toBe('  49 requests in flight · 151 responses · 2,090 tokens/s');
  expect(lines[2]).toBe(
    '  ✓ Holds round 1, verified on 1,024 tokens: mean difference 0.0041, maximum 0.0312 nats per token, shows 98 % of the',
  );
  expect(lines.join('\n')).toContain('✘ Does not hold round 1: mean difference 0.4000');
  expect(lines.join('\n')).toContain('✘ node4:8000: it holds round 0');
  expect(lines.at(-1)).toBe(`  ✘ ${refused}`);
});
