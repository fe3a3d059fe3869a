import { describe, expect, it } from 'vitest';
import { phraseOf, wordsOf } from '../../../src/core/review/phrases.js';

const told = (text: string) =>
  wordsOf(text).map(({ text: word, joined, mark }) => (mark ? `<${word}>` : (joined ? '+' : '') + word));

describe('words', () => {
  it('go on from one another over a single space, in lower case', () => {
    expect(told("Here's the Plan, as it is.")).toEqual(["here's", '+the', '+plan', 'as', '+it', '+is']);
    expect(told('one  two\nthree')).toEqual(['one', 'two', 'three']);
  });

  it('are characters where a script has no spaces', () => {
    expect(told('我们用 GPT模型')).toEqual(['我', '+们', '+用', 'gpt', '+模', '+型']);
    expect(phraseOf(['gpt', '模', '型'])).toBe('gpt模型');
    expect(phraseOf(['let', 'me', 'know'])).toBe('let me know');
  });

  it('know markup and emoji, which part phrases', () => {
    expect(told('## A head\n- one **two**\n2. x\n```js\n|---|---|\nfine ☀️')).toEqual([
      '<#>',
      'a',
      '+head',
      '<->',
      'one',
      '<**>',
      'two',
      '<**>',
      '<1.>',
      'x',
      '<```>',
      'js',
      '<|>',
      'fine',
      '<☺>',
    ]);
    expect(told('a - b # 3. c')).toEqual(['a', 'b', '3', 'c']);
  });
});
