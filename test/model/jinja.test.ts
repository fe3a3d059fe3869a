/** Chat templates: what @huggingface/jinja renders is rendered the same; what would take all time or memory is refused. */
import { readFileSync, readdirSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../src/model/jinja.js';
import { goldenFolder } from '../golden.js';

const messages = [
  { role: 'system', content: 'Be brief.\nBe kind.' },
  { role: 'user', content: ' What is 2 + 2? "ß" \u{1F600} ' },
  { role: 'assistant', content: '4' },
  { role: 'user', content: 'Why?' },
];
const items = { bos_token: '<s>', eos_token: '</s>', messages, add_generation_prompt: true };

const own = [
  '{% for m in messages if m.role != "system" %}{{ loop.index }}{{ m.content | trim | upper }}{% else %}none{% endfor %}',
  '{% set ns = namespace(out="", n=0) %}{% for m in messages %}{% set ns.out = ns.out ~ m.role ~ ":" ~ m["content"] %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.out }}{{ ns.n }}',
  '{{ messages | tojson(indent=2) }}{{ messages[1:] | map(attribute="role") | join(", ") }}{{ messages | length }}',
  '{{ messages[0].content.replace("Be", "Stay") }}{{ messages[0]["content"].split("\n") | join("|") }}{{ "a,b" | replace(",", ";") }}',
  '{% macro turn(m, end="!") %}[{{ m.role }}]{{ m.content }}{{ end }}{% endmacro %}{% for m in messages %}{{ turn(m, end=eos_token) }}{% endfor %}',
  '{% filter indent(4, first=true) %}{{ messages[0].content }}{% endfilter %}{{ messages | selectattr("role", "equalto", "user") | list | length }}',
  '{% set content = messages[1].content %}{{ content[::-1] }}{{ content[1:5] }}{{ content.strip().startswith("What") }}{{ 7 // 2 }}{{ 2 ** 8 }}',
  '{% if messages[0].role == "system" and not undefined_one is defined %}{{ messages[0] }}{% endif %}{{ range(3) | list }}{{ range(4, 0, -2) }}',
  '{{ strftime_now("%Y") | length }}{{ messages | map(attribute="content") | sort | first }}{{ {"b": 1, "a": [1, {"c": none}]} | dictsort }}{% generation %}x{% endgeneration %}',
];

describe('what templates mean', () => {
  const published = readdirSync(`${goldenFolder}tokenizers`).flatMap((name) => {
    try {
      return [readFileSync(`${goldenFolder}tokenizers/${name}/chat_template.jinja`, 'utf8')];
    } catch {
      return [];
    }
  });
  it.each([...published, ...own])('%.60s', (source) => {
    const expected = (() => {
      try {
        return new Template(source).render(items);
      } catch (error) {
        return error;
      }
    })();
    if (typeof expected === 'string') expect(compileTemplate(source).render(items)).toBe(expected);
    else expect(() => compileTemplate(source).render(items)).toThrow((expected as Error).message);
  });
});

/** Doubles `x` in a namespace 40 times. */
const doubling = (start: string, twice: string, use: string) =>
  `{% set ns = namespace(x=${start}) %}{% for i in range(40) %}{% set ns.x = ${twice} %}{% endfor %}${use}`;

describe('bounds', () => {
  it.each<[string, string, RegExp]>([
    ['range(10**9)', '{% for i in range(10**9) %}x{% endfor %}', /range\(\) of 1000000000 numbers: at most 50000/],
    ['an endless range', '{{ range(0, 10**9, 0.00001) }}', /range\(\) of /],
    [
      'nested ranges',
      '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
      /more than 1000000 steps/,
    ],
    ['a doubling text', doubling('"ab"', 'ns.x ~ ns.x', ''), /longer than 2097152/],
    ['a doubling list', doubling('[1, 2]', 'ns.x + ns.x', ''), /more than 50000 elements|longer than 2097152/],
    ['a list in itself twice', doubling('[1]', '[ns.x, ns.x]', '{{ ns.x | tojson }}'), /longer than 2097152/],
    ['a mapping in itself twice', doubling('{}', '{"a": ns.x, "b": ns.x}', '{{ ns.x }}'), /longer than 2097152/],
    ['namespaces in one another', doubling('1', 'ns', '{{ ns | tojson }}'), /a namespace cannot be held by another/],
    ['a wide indent', '{{ "a\nb" | indent(10**9) }}', /longer than 2097152/],
    ['a wide indent of a block', '{% filter indent(width=10**9, first=true) %}x{% endfilter %}', /longer than 2097152/],
    ['a wide tojson', '{{ [[[[1]]]] | tojson(indent=10**8) }}', /longer than 2097152/],
    ['long separators', '{{ range(50000) | join("x" ~ range(5000)) }}', /longer than 2097152/],
    ['a long replacement', '{{ ("" ~ range(20000)) | replace(",", "" ~ range(20000)) }}', /longer than 2097152/],
    [
      'the same by a method under another name',
      '{% set f = ("" ~ range(20000)).replace %}{{ f("", "" ~ range(20000)) }}',
      /longer than 2097152/,
    ],
    [
      'a long split',
      '{{ ("" ~ range(20000)).split("") }}{{ ("" ~ range(40000)).split("1") | length }}',
      /separator|pieces/,
    ],
    [
      'much text thrown away',
      '{% for i in range(5000) %}{% set x = ("" ~ range(20000)) | upper %}{% endfor %}',
      /more than (1000000 steps|33554432 characters)/,
    ],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /stack|not a function/],
    [
      'a macro that calls itself twice',
      '{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}',
      /more than 1000000 steps/,
    ],
    ['unknown names over and over', '{% for i in range(50000) %}{{ nobody }}{% endfor %}', /more than 1000000 steps/],
  ])('%s', (_name, source, says) => {
    const before = process.memoryUsage.rss();
    expect(() => compileTemplate(source).render(items)).toThrow(says);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
  });

  it('a template that is nested too deep, or endless, is refused before it runs', () => {
    expect(() => compileTemplate('{{'.repeat(200_000))).toThrow();
    expect(() => compileTemplate(`{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`)).toThrow();
    expect(() => compileTemplate('x'.repeat(2 ** 20 + 1))).toThrow('longer than 1048576 characters');
  });

  it('has room for long conversations', () => {
    const long = Array.from({ length: 2000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: 'word '.repeat(100),
    }));
    for (const source of own.slice(0, 2)) {
      const rendered = compileTemplate(source).render({
        ...items,
        messages: long.slice(0, source.includes('ns.out') ? 400 : 2000),
      });
      expect(rendered.length).toBeGreaterThan(200_000);
    }
  });
});
