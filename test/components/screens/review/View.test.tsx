/** Frames of the review screen in the theme without colour: what must be on each pane, at every size. */
import { describe, expect, it, vi } from 'vitest';

// chalk looks once, when it is loaded: bold is how marked words are told apart without colour.
vi.hoisted(() => {
  process.env['FORCE_COLOR'] = '1';
});

import { renderToString } from 'ink';
import * as margins from '../../../../src/core/margins.js';
import { Frame } from '../../../../components/app/App.js';
import { scale } from '../../../../components/screens/review/parts/AlphaPanel.js';
import type { ReviewRow } from '../../../../src/core/review/rows.js';
import type { State } from '../../../../components/app/state.js';
import { widthOf } from '../../../../components/parts/text.js';
import { themeFor } from '../../../../components/parts/theme.js';
import { after, attached, detailOf, hackingReport, large, pair, press, reviewRows, small } from '../../fixtures.js';

const theme = themeFor({ NO_COLOR: '1' });

function frame(state: State): string {
  return renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
}

const unpainted = (text: string): string => text.replace(/\x1b\[[\d;]*m/g, '');
const plain = (state: State): string => unpainted(frame(state));

/** The engine has told all there is of a row. */
const told = (state: State, row: ReviewRow, more = {}): State =>
  after(state, {
    type: 'answer',
    query: { type: 'read-detail', round: 2, prompt_index: row.prompt_index },
    answer: detailOf(row, more),
  });

const sizes = [small, large, { columns: 60, rows: 18 }, { columns: 120, rows: 40 }, { columns: 200, rows: 60 }];

describe.each(sizes)('at $columns×$rows', (size) => {
  const review = attached('review', size);
  const [first] = review.run?.review ?? [];
  const tokens = after(press(review, 'v'), {
    type: 'answer',
    query: { type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 },
    answer: {
      prompt_tokens: 3,
      prompt: [{ id: 1, text: '<s>', special: true }],
      response: [{ id: 7, text: ' Hello\n', special: false }],
      policy: [-0.1],
      reference: 'policy',
    },
  });

  it('every pane is as wide and as high as the terminal at most', () => {
    const states = [
      review,
      told(review, first),
      press(told(review, first), 'd'),
      press(review, 'd'),
      press(told(review, first), 'd', 'up', 'p', 'up'),
      press(review, 'A'),
      press(review, 'B'),
      after(press(review, 'B'), { type: 'answer', query: { type: 'read-hacking', round: 2 }, answer: hackingReport }),
      press(review, 'v'),
      tokens,
      press(review, 'z'),
      press(review, 'enter'),
      press(review, '/', 'q', 'q', 'q'),
      press(review, '/', 'q', 'q', 'q', 'enter'),
      press(review, '/', 'f', 'o', 'o', '>', '3'),
      press(review, '=', 'e', 'x'),
      ...Array.from({ length: 16 }, (_, i) => press(review, ...Array.from({ length: i }, () => '>'), 'S')),
    ];
    for (const state of states) {
      const lines = frame(state).split('\n');
      expect(lines).toHaveLength(size.rows);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
      expect(unpainted(lines.at(-1) ?? '')).toMatch(/detach|esc.* back|no/);
    }
  });
});

describe('the table', () => {
  const lineOf = (state: State, start: RegExp) =>
    plain(state)
      .split('\n')
      .find((line) => start.test(line));

  it('shows what α does to each pair, behind its prompt and marks', () => {
    const review = attached('review');
    // Pair 1: r 1.5 against 0.5, 140 against 40 tokens, α = 0.02: α·Δ|y| = 2, penalized 1 - 2, weight σ(-2) = 0.119.
    expect(lineOf(review, /^›/)).toMatch(/^› +1 Which month.* F +\+1\.00 +140 +40 +\+2\.00 +-1\.00 +0\.119/);
    // Pair 2: 20 against 45 tokens: α·Δ|y| = -0.5, weight σ(0.5) = 0.622; the rejected one is truncated.
    expect(lineOf(review, /^ +2 /)).toMatch(/^ +2 Which month.* Tl +\+3\.25 +20 +45 +-0\.50 +\+3\.75 +0\.622/);
  });

  it('keeps the prompt and the marks while the other columns scroll', () => {
    const scrolled = press(attached('review'), ')', ')', ')');
    expect(lineOf(scrolled, /\|$|›$/)).toMatch(/^prompt↑ text +marks‹ +α·Δ\|y\|/);
    expect(lineOf(scrolled, /^›/)).toMatch(/^› +1 Which month.* F +\+2\.00 +-1\.00 +0\.119 +1\.50 +0\.50/);
    // To the end, and no further.
    const end = press(scrolled, ...Array<string>(20).fill(')'));
    expect(lineOf(end, /^›/)).toMatch(/\+100 +-1\.00 +-1\.07 +4 *$/);
    expect(lineOf(press(end, '('), /^›/)).not.toBe(lineOf(end, /^›/));
  });

  it('follows α at once', () => {
    const text = plain(press(attached('review', small, { pairs: [pair(1.5, 0.5, 140, 40)] }), '[', 'left'));
    // α = 0.009: α·Δ|y| = 0.9, penalized 0.1, weight σ(-0.9) = 0.289.
    expect(text).toContain('α 0.0090');
    expect(text).toMatch(/\+0\.90 +\+0\.10 +0\.289/);
    expect(text).toContain('flipped 0/1 (0.0 %)');
  });

  it('marks near ties, decisions and what gives no pair', () => {
    const rows = reviewRows([
      pair(9, 0, 5, 5),
      pair(8, 0, 5, 5),
      pair(0.1, 0, 5, 5),
      pair(7, 0, 5, 5),
      pair(6, 0, 5, 5),
    ]);
    const ruled = (prompt_index: number, ruling: object | null, note = '') => ({ prompt_index, ruling, note }) as never;
    const decisions = [
      ruled(0, { kind: 'pair', chosen: 2, rejected: 1 }),
      ruled(1, { kind: 'exclude' }, 'off the topic'),
      ruled(3, { kind: 'tie' }),
      ruled(4, null, 'why not'),
    ];
    const state = attached(
      'review',
      { columns: 80, rows: 30 },
      { review: rows, decisions: { decisions, undoable: 4, redoable: 0 } },
    );
    // After the number (7 columns), the text (17) and the spaces around it.
    const marks = (n: number) =>
      lineOf(state, new RegExp(`^[› ] +${n} `))
        ?.slice(26, 32)
        .trim()
        .split(/ +/);
    expect([1, 2, 3, 4, 5].map(marks)).toEqual([['H'], ['X', 'H'], ['≈'], ['=', 'H'], ['h']]);
    expect([6, 9].map(marks)).toEqual([['tie'], ['same']]);
    // The swapped pair counts as decided: 0 against 9.
    expect(lineOf(state, /^›/)).toMatch(/H +-9\.00 +5 +5 /);
    expect(plain(state)).toContain('flipped 0/3');
  });

  it('sums up: flipped, mean weights, what was dropped', () => {
    const pairs = [pair(1, 0, 140, 40), pair(1, 0, 20, 120), pair(3, 0, 60, 60)];
    const text = plain(attached('review', large, { pairs }));
    expect(text).toContain('flipped 1 of 3 pairs (33.3 %)');
    expect(text).toContain('longer 0.119 (1) shorter 0.881 (1)');
    // (100·0.119 - 100·0.881 + 0·0.5) / 1.5 = -50.8
    expect(text).toContain('length pull -50.8 tokens  mean Δ|y| 0.0');
    expect(text).toContain('dropped 3 ties, 1 identical · reference round start');
  });

  it('has a dash for what no pair has', () => {
    expect(plain(attached('review', small, { pairs: [pair(1, 0, 5, 5)] }))).toContain('longer – shorter –');
  });

  it('says by what it is sorted', () => {
    const heading = (state: State) =>
      plain(state)
        .split('\n')
        .find((line) => line.includes('|y_w|'));
    expect(heading(attached('review'))).toContain('prompt↑');
    expect(heading(press(attached('review'), '>', '>', '>', '>'))).toContain('r_w-r_l↓');
    expect(heading(press(attached('review'), '>', '>', '>', '>', 'S'))).toContain('r_w-r_l↑');
  });

  it('says so before there are pairs', () => {
    expect(plain(press(attached('sample'), '2'))).toContain('No pairs yet');
  });

  it('says what is typed, how many prompts fit, and why it cannot be read', () => {
    const typing = press(attached('review'), '/', ...'flipped');
    expect(plain(typing)).toContain('filter: flipped█ 2 prompts');
    expect(plain(typing)).toContain('1/2 of 107');
    expect(plain(press(typing, ' ', 'r', '>'))).toContain('✘ at 11: expected a number after `>`');
    expect(plain(press(attached('review'), '/', ...'nowhere', 'enter'))).toContain(
      'No prompt matches the filter; esc clears it.',
    );
    expect(plain(press(attached('review'), 'a', '0', '.', '5'))).toContain('α: 0.5█ now 0.0200');
    expect(plain(press(attached('review'), 'b', '0', 'enter'))).toContain('✘ β must be a number above 0');
  });

  it('says why α is what a key has set', () => {
    const state = press(attached('review'), '=');
    expect(plain(state)).toContain('length-neutral: 74 longer and 28 shorter chosen responses');
    expect(plain(state)).toMatch(/pull (0\.0|-0\.0)/);
    expect(plain(press(attached('review'), 'f', '5', 'enter'))).toMatch(
      /the largest α that flips at most 5: \d of 103 pairs/,
    );
    expect(plain(press(state, 'right'))).not.toContain('length-neutral');
  });
});

it('draws 20,000 rows without computing more than it shows', () => {
  const many = reviewRows(Array.from({ length: 20_000 }, (_, i) => pair(i / 100, 0, 20, 10)));
  const state = attached('review', large, { review: many, pairs: [] });
  const counted = vi.spyOn(margins, 'pairMargins');
  frame(press(state, 'j'));
  // Three cells and the marks of each row.
  expect(counted.mock.calls.length).toBeGreaterThan(40);
  expect(counted.mock.calls.length).toBeLessThanOrEqual(4 * large.rows);
  counted.mockRestore();
});

describe('the pair below the table', () => {
  it('stands side by side where there is room', () => {
    const both = (state: State) =>
      plain(state)
        .split('\n')
        .some((line) => line.includes('chosen y_w') && line.includes('rejected y_l'));
    expect(both(attached('review'))).toBe(true);
    expect(both(attached('review', { columns: 70, rows: 24 }))).toBe(false);
    expect(plain(attached('review', { columns: 70, rows: 24 }))).toContain('rejected y_l');
  });

  it('is the decided one, whose texts the engine is asked for', () => {
    const rows = reviewRows([pair(1, 0, 5, 5)]);
    const ruling = { kind: 'pair' as const, chosen: 0, rejected: 1 };
    const decisions = { decisions: [{ prompt_index: 0, ruling, note: '' }], undoable: 1, redoable: 0 };
    const state = attached('review', small, { review: rows, decisions });
    expect(plain(state)).not.toContain('Or so.');
    expect(plain(state)).toMatch(/^…/m);
    expect(plain(told(state, rows[0]))).toContain('Or so.');
  });

  it('marks the words that only one response has', () => {
    const rows = reviewRows([pair(1, 0, 5, 5, { chosen_text: 'It is blue now.', rejected_text: 'It is red now.' })]);
    const state = attached('review', small, { review: rows });
    const bold = (text: string) => frame(state).includes(`\x1b[1m${text}`);
    expect([bold('blue'), bold('red'), bold('now')]).toEqual([true, true, false]);
    expect(frame(press(state, 'D'))).not.toContain('\x1b[1mblue');
  });

  it('wraps wide characters and emoji within its columns', () => {
    const wide = '日本語の文章は幅が二倍です。👩‍🚀🏳️‍🌈 '.repeat(20);
    const state = attached('review', small, { pairs: [pair(1, 0, 5, 5, { chosen_text: wide, rejected_text: wide })] });
    const bars = plain(state)
      .split('\n')
      .filter((line) => line.includes(' │ '))
      .map((line) => widthOf(line.slice(0, line.indexOf('│'))));
    expect(bars.length).toBeGreaterThan(5);
    expect(new Set(bars)).toEqual(new Set([39]));
  });
});

describe('the responses', () => {
  const review = attached('review');
  const [first] = review.run?.review ?? [];

  it('are ranked by reward, with length and log-probability, the pair named', () => {
    const lines = plain(told(press(review, 'd'), first)).split('\n');
    const listed = lines
      .filter((line) => /^[› ] [WL ]. /.test(line) && /\d/.test(line))
      .map((line) => line.trim().split(/ +/));
    expect(listed.map((words) => words.slice(0, 6))).toEqual([
      ['W', '1', '1.50', '140', '-140.0', '-1.00'],
      ['2', '1.17', '142', '-143.0', '-1.01', 'Well:'],
      ['3', '0.83', '42', '-40.0', '-0.95', 'December'],
      ['›', 'L', '4', '0.50', '40', '-43.0'],
    ]);
    expect(lines.join('\n')).toContain('flipped by α');
  });

  it('any two stand side by side', () => {
    const third = press(told(press(review, 'd'), first), 'up');
    expect(plain(third)).toMatch(/chosen y_w .*│ rank 3 /);
    expect(plain(press(third, 'p', 'up'))).toMatch(/rank 3 .*│ rank 2 /);
  });

  it('show what was decided and why', () => {
    const decisions = [{ prompt_index: 0, ruling: { kind: 'exclude' as const }, note: 'wrong month' }];
    const state = attached('review', small, { decisions: { decisions, undoable: 1, redoable: 0 } });
    expect(plain(press(state, 'd'))).toContain('excluded by hand');
    expect(plain(press(state, 'd'))).toContain('note: wrong month');
  });
});

describe('the tokens', () => {
  it('show the boundary, special tokens and the end of turn', () => {
    const state = after(press(attached('review'), 'v'), {
      type: 'answer',
      query: { type: 'read-tokens', round: 2, prompt_index: 0, sample: 1 },
      answer: {
        prompt_tokens: 70,
        prompt: [
          { id: 1, text: '<s>', special: true },
          { id: 9, text: ' month?', special: false },
        ],
        response: [
          { id: 7, text: ' Dec\n', special: false },
          { id: 2, text: '</s>', special: true },
        ],
        policy: null,
        reference: null,
      },
    });
    const text = plain(state);
    expect(text).toContain('Prompt: 70 tokens: 1 × <s> (1). The last 2 are shown.');
    expect(text).toContain('Response: 2 tokens, ends its turn with </s> (2).');
    expect(text).toMatch(/⟦<s>⟧│·month\?│\n─ response ─+\n·Dec⏎│\n⟦<\/s>⟧│/);
  });
});

describe('signs of reward hacking', () => {
  const open = (state: State, more = {}): State =>
    after(press(state, 'B'), {
      type: 'answer',
      query: { type: 'read-hacking', round: 2 },
      answer: { ...hackingReport, ...more },
    });
  const text = plain(open(attached('review', large)));

  it('says so while they are counted', () => {
    expect(plain(press(attached('review'), 'B'))).toContain('Counting words and phrases');
  });

  it('are marked where they are signs, and told with their numbers', () => {
    // 0.412 ± 1.96·0.03; from 0.187, further than 1.96·√2·0.03.
    expect(text).toContain('4 of 5');
    expect(text).toMatch(/! length +ρ \+0\.41 ±0\.06 \(95 %\) with reward within a prompt \(mean of 103 prompts\)/);
    expect(text).toContain('chosen response is longer in 71.8 % of 103 pairs');
    expect(text).toMatch(/! rounds +ρ by round {2}1: \+0\.19 {2}2: \+0\.41 {2}It grows\./);
    expect(text).toMatch(/! truncated +13\.6 % of chosen and 1\.9 % of rejected responses met the length limit/);
    expect(text).toMatch(/! repeats +6\.1 % of the four-word sequences in chosen responses occur earlier/);
    expect(text).toMatch(/ {2}you +Confirm \(c\) or swap \(s\) some pairs to see/);
  });

  it('are none where chance would do', () => {
    const { length, rounds } = hackingReport;
    const unsure = plain(
      open(attached('review', large), {
        ...{ truncated: { winners: 2, losers: 2 }, repetition: { winners: 0.01, losers: 0.001 } },
        ...{ length: { ...length, within: 0.12 }, rounds: [rounds[1], { ...rounds[1], round: 2 }] },
      }),
    );
    expect(unsure).toContain('0 of 5');
    expect(unsure).toContain('No change beyond chance.');
    expect(plain(open(attached('review', large), { truncated: null, rounds: [] }))).toContain(
      'Unknown: some responses have no finish_reason',
    );
  });

  it('hold your word against the rewards', () => {
    const decisions = [0, 1, 2, 3, 4, 5].map((prompt_index) => ({
      ...{ prompt_index, note: '' },
      ruling: { kind: 'pair' as const, chosen: prompt_index > 0 ? 2 : 1, rejected: prompt_index > 0 ? 1 : 2 },
    }));
    const state = open(attached('review', large, { decisions: { decisions, undoable: 6, redoable: 0 } }));
    // 1 of 6: Wilson's interval ends at 56 %.
    expect(plain(state)).toMatch(/! you +Agree with the rewards on 1 of 6 pairs \(95 % interval 3 to 56 %\)/);
    expect(plain(state)).toMatch(/Where you\s(.*\s)?\s*disagree \(5 pairs\)/);
  });

  it('list phrases of chosen responses with their counts, and what is repeated', () => {
    expect(text).toMatch(/chosen +rejected +z +phrase/);
    expect(text).toMatch(/› +61 +9 +6\.2 +bold/);
    expect(text).toMatch(/17 +1 +3\.4 +let's break it down/);
    expect(text).toMatch(/repeated three times or more in one response/);
    const none = plain(open(attached('review', large), { phrases: [], repeated: [] }));
    expect(none).toContain('nothing is over-represented in chosen responses');
  });

  it('show hostile phrases harmlessly', () => {
    const hostile = { text: 'a\x1b]52;c;x\x07\u202eb', winners: 9, losers: 0, z: 4 };
    expect(frame(open(attached('review'), { phrases: [hostile] }))).not.toMatch(/\x1b\]|\x07|\u202e/);
  });
});

describe('before launch', () => {
  it('says what will run once the engine has answered, what was dropped and decided', () => {
    const decisions = [{ prompt_index: 4, ruling: { kind: 'exclude' as const }, note: '' }];
    const asked = press(
      attached('review', small, { decisions: { decisions, undoable: 1, redoable: 0 } }),
      'right',
      'enter',
    );
    expect(plain(asked)).toContain('Launch the update on 102 pairs? α 0.0210  β 0.1  learning rate 5e-7 y/n');
    expect(plain(asked)).toContain('Asking the engine');
    const text = plain(
      after(asked, {
        type: 'answer',
        query: { type: 'read-plan', round: 2 },
        answer: {
          ...{ round: 2, pairs: 102, steps: 4, tokens: 12_480, seconds: 150, memory_mb: 1210 },
          ...{ reference: 'round start (base policy)', trained: 'LoRA rank 16', where: 'backend wasm' },
        },
      }),
    );
    expect(text).toContain('4 steps · 12,480 tokens · about 2:30 · 1,210 MB');
    expect(text).toContain('trains LoRA rank 16 · reference round start (base policy) · backend wasm');
    expect(text).toContain('dropped 3 ties, 1 identical · decided by hand 1 excluded');
  });
});

describe('the scale of α', () => {
  it('has its mark under every place of the curve, and its label always in full', () => {
    for (const end of ['0.1', '0.0002', '0']) {
      for (let at = 0; at < 30; at++) {
        const text = scale(at, 30, end);
        expect(text).toHaveLength(30);
        expect(text.indexOf('▲')).toBe(at);
        expect(text.replace(/[─▲]/g, '')).toBe(end);
      }
    }
  });
});
