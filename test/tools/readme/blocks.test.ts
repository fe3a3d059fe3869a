import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../../tools/readme/blocks.js';

const root = path.resolve(import.meta.dirname, '../../..');

describe('blocksOf', () => {
  it('joins continued lines, drops comments, and reads the mark before a block', () => {
    const page = [
      '```sh',
      '# a comment',
      'one \\',
      '  | two',
      'three   # what it does',
      '```',
      '<!-- skip: needs a GPU -->',
      '```sh',
      'four',
      '```',
      '<!-- screen: 12 prompts -->',
      '```sh',
      'five',
      '```',
    ].join('\n');
    expect(blocksOf(page)).toEqual([
      { language: 'sh', line: 1, commands: ['one \\\n  | two', 'three   # what it does'], plan: { kind: 'run' } },
      { language: 'sh', line: 8, commands: ['four'], plan: { kind: 'skip', reason: 'needs a GPU' } },
      { language: 'sh', line: 12, commands: ['five'], plan: { kind: 'screen', text: '12 prompts' } },
    ]);
  });

  it.each([
    ['```sh\none', /line 1: a code block has no end/],
    ['<!-- skip -->\n```sh\none\n```', /expected <!-- skip: REASON -->/],
    ['<!-- skip: -->\n```sh\none\n```', /expected <!-- skip: REASON -->/],
    ['```sh\none \\\n```', /ends in a backslash/],
  ])('refuses %j', (page, message) => {
    expect(() => blocksOf(page)).toThrow(message);
  });
});

const handbook = readdirSync(path.join(root, 'docs/handbook')).filter((name) => name.endsWith('.md'));

describe.each(['README.md', ...handbook.map((name) => `docs/handbook/${name}`)])('%s', (page) => {
  const blocks = blocksOf(readFileSync(path.join(root, page), 'utf8'));

  it('names the language of every code block, so that none escapes `npm run readme`', () => {
    expect(blocks.filter(({ language }) => language === '').map(({ line }) => line)).toEqual([]);
  });

  it('has a command in every block of commands', () => {
    const empty = blocks.filter(({ language, commands }) => language === 'sh' && commands.length === 0);
    expect(empty.map(({ line }) => line)).toEqual([]);
  });
});
