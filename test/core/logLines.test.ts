import { describe, expect, it } from 'vitest';
import { type LogPart, MOST_LINES, emptyLog, markOf, withPart } from '../../src/core/logLines.js';

const part = (lines: string[], more: Partial<LogPart> = {}): LogPart => ({
  ...{ lines, open: '', next: 10, skipped: 0, replaced: false },
  ...more,
});

describe('a log that is kept', () => {
  it('appends pieces, replaces the open line, and is the same where nothing came', () => {
    const first = withPart(emptyLog, part(['one'], { open: 'tw' }));
    const second = withPart(first, part(['two'], { open: '' }));
    expect(second.lines.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(second.open).toBeNull();
    expect(withPart(second, part([]))).toBe(second);
  });

  it('says what was left out in between, and begins anew with the log', () => {
    const gap = withPart(withPart(emptyLog, part(['one'])), part(['nine'], { skipped: 2048 }));
    expect(gap.lines.map(({ text }) => text)).toEqual(['one', '… 2 KiB were left out …', 'nine']);
    expect(withPart(gap, part(['new'], { replaced: true })).lines.map(({ text }) => text)).toEqual(['new']);
    // At the start nothing stands before the gap.
    expect(withPart(emptyLog, part(['nine'], { skipped: 2048 })).lines).toHaveLength(1);
  });

  it('keeps a bounded number of lines, the newest', () => {
    const many = withPart(emptyLog, part(Array.from({ length: MOST_LINES + 5 }, (_, i) => String(i))));
    expect(many.lines).toHaveLength(MOST_LINES);
    expect(many.lines[0].text).toBe('5');
  });

  it('marks a traceback up to its exception, also across pieces', () => {
    const first = withPart(emptyLog, part(['step 3', 'Traceback (most recent call last):', '  File "a.py", line 1']));
    const { lines } = withPart(first, part(['    run()', 'torch.OutOfMemoryError: CUDA', 'step 4']));
    expect(lines.map(({ mark }) => mark)).toEqual([null, 'error', 'error', 'error', 'error', null]);
  });
});

it.each([
  ['RuntimeError: CUDA error: device-side assert triggered', 'error'],
  ['slurmstepd: error: *** JOB 12 CANCELLED AT 2026-11-30 ***', 'error'],
  ['Killed', 'error'],
  ['torch.distributed.elastic.multiprocessing.errors.ChildFailedError:', 'error'],
  ['FutureWarning: `x` is deprecated and will raise an error', 'warning'],
  ['WARNING: no checkpoint', 'warning'],
  ['0 errors, 3 pairs', null],
  ['eval: error_rate=0.12', null],
  ['step 12 loss 0.61', null],
])('%s', (text, mark) => {
  expect(markOf(text)).toBe(mark);
});
