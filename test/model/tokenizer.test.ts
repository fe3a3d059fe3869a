import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { Tokenizer } from '../../src/model/tokenizer.js';
import { addTokenizer, change, readJson, temporaryFolder, writeFile } from './folders.js';

type Name = 'bpe-gpt2' | 'bpe-llama' | 'bpe-qwen';

/** A golden tokenizer with keys of its files changed. */
function tokenizerWith(
  name: Name,
  changes: { config?: Record<string, unknown>; tokenizer?: Record<string, unknown>; template?: string | null } = {},
): { dir: string; load: () => Tokenizer } {
  const dir = temporaryFolder();
  addTokenizer(dir, name);
  change(path.join(dir, 'tokenizer_config.json'), changes.config ?? {});
  change(path.join(dir, 'tokenizer.json'), changes.tokenizer ?? {});
  if (changes.template === null) rmSync(path.join(dir, 'chat_template.jinja'));
  else if (changes.template !== undefined) writeFile(dir, 'chat_template.jinja', changes.template);
  return { dir, load: () => Tokenizer.load(dir) };
}

/** A post-processor that puts `<s>` (1) before and `</s>` (2) after a text, as Llama's and BERT's do. */
const bosAndEos = {
  type: 'TemplateProcessing',
  single: [
    { SpecialToken: { id: '<s>', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: '</s>', type_id: 0 } },
  ],
  pair: [],
  special_tokens: {
    '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] },
    '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] },
  },
};

describe('prompts', () => {
  const user = (content: string) => [{ role: 'user', content }];

  it('a text is one user message where there is a template, and itself where it is raw', () => {
    const tokenizer = tokenizerWith('bpe-qwen').load();
    expect(tokenizer.hasChatTemplate).toBe(true);
    expect(tokenizer.promptIds('Hello, world!', { raw: false })).toEqual(
      tokenizer.encode('<|im_start|>user\nHello, world!<|im_end|>\n<|im_start|>assistant\n'),
    );
    expect(tokenizer.promptIds('Hello, world!', { raw: true })).toEqual(tokenizer.encode('Hello, world!'));
    expect(tokenizer.promptIds(user('Hi'), { raw: true })).toEqual(tokenizer.promptIds('Hi', { raw: false }));
  });

  it('without a template a text is itself, and messages are refused', () => {
    const { load, dir } = tokenizerWith('bpe-qwen', { template: null });
    const tokenizer = load();
    expect(tokenizer.hasChatTemplate).toBe(false);
    expect(tokenizer.promptIds('Hi', { raw: false })).toEqual(tokenizer.encode('Hi'));
    expect(() => tokenizer.promptIds(user('Hi'), { raw: false })).toThrow(
      `the tokenizer of ${dir} has no chat template`,
    );
  });

  it('BOS comes where the post-processor or add_bos_token says so, and never EOS', () => {
    const raw = (changes: Parameters<typeof tokenizerWith>[1]) =>
      tokenizerWith('bpe-llama', changes).load().promptIds('Hello', { raw: true });
    const hello = tokenizerWith('bpe-llama').load().encode('Hello');
    expect(hello).not.toContain(1);
    expect(raw({})).toEqual(hello);
    expect(raw({ tokenizer: { post_processor: bosAndEos } })).toEqual([1, ...hello]);
    expect(raw({ config: { add_bos_token: true } })).toEqual([1, ...hello]);
    expect(raw({ config: { add_bos_token: false }, tokenizer: { post_processor: bosAndEos } })).toEqual(hello);
  });

  it('BOS never comes twice', () => {
    const tokenizer = tokenizerWith('bpe-llama', { tokenizer: { post_processor: bosAndEos } }).load();
    expect(tokenizer.promptIds('<s>Hello', { raw: true }).filter((id) => id === 1)).toEqual([1]);
    const fromTemplate = tokenizer.promptIds('Hello', { raw: false });
    expect(fromTemplate[0]).toBe(1);
    expect(fromTemplate.filter((id) => id === 1)).toEqual([1]);
  });
});

describe('conversations for reward models', () => {
  const conversation = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: ' there' },
  ];

  it('follow the template, without a generation prompt', () => {
    const tokenizer = tokenizerWith('bpe-qwen').load();
    expect(tokenizer.conversationIds(conversation)).toEqual(
      tokenizer.encode('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n there<|im_end|>\n'),
    );
  });

  it('are the contents one after the other where there is none', () => {
    const tokenizer = tokenizerWith('bpe-llama', {
      template: null,
      tokenizer: { post_processor: bosAndEos },
    }).load();
    expect(tokenizer.conversationIds(conversation)).toEqual([1, ...tokenizer.encode('Hi there')]);
  });
});

describe('templates', () => {
  const turn = "{% for m in messages %}{{ bos_token }}[{{ m['role'] }}]{{ m['content'] }}{{ eos_token }}{% endfor %}";
  const messages = [{ role: 'user', content: 'Hi' }];

  it('from tokenizer_config.json, as a string or named; special tokens as strings or objects', () => {
    const config = { bos_token: { content: '<s>', lstrip: false }, eos_token: '</s>' };
    for (const chat_template of [
      turn,
      [
        { name: 'tool_use', template: 'wrong' },
        { name: 'default', template: turn },
      ],
    ]) {
      const { load } = tokenizerWith('bpe-llama', { template: null, config: { ...config, chat_template } });
      expect(load().renderChat(messages, { addGenerationPrompt: false })).toBe('<s>[user]Hi</s>');
    }
  });

  it('chat_template.jinja comes before tokenizer_config.json', () => {
    const { load } = tokenizerWith('bpe-llama', { template: 'file', config: { chat_template: 'config' } });
    expect(load().renderChat(messages, { addGenerationPrompt: false })).toBe('file');
  });

  it('special tokens of older folders come from special_tokens_map.json', () => {
    const { load, dir } = tokenizerWith('bpe-llama', { template: turn, config: { bos_token: undefined } });
    expect(load().renderChat(messages, { addGenerationPrompt: false })).toBe('[user]Hi<|end_of_turn|>');
    writeFile(dir, 'special_tokens_map.json', JSON.stringify({ bos_token: { content: '<s>' }, eos_token: '</s>' }));
    expect(load().renderChat(messages, { addGenerationPrompt: false })).toBe('<s>[user]Hi<|end_of_turn|>');
  });

  it('say why they refuse a conversation', () => {
    const template =
      "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role here') }}{% endif %}ok";
    const tokenizer = tokenizerWith('bpe-llama', { template }).load();
    expect(tokenizer.renderChat(messages, { addGenerationPrompt: true })).toBe('ok');
    expect(() => tokenizer.renderChat([{ role: 'system', content: 'x' }], { addGenerationPrompt: true })).toThrow(
      /chat_template\.jinja refuses this conversation: no system role here/,
    );
  });

  it('that cannot be parsed, or have no default, are named', () => {
    expect(tokenizerWith('bpe-llama', { template: '{% if %}' }).load).toThrow(
      /chat_template\.jinja is no Jinja template/,
    );
    const chat_template = [{ name: 'rag', template: 'x' }];
    expect(tokenizerWith('bpe-llama', { template: null, config: { chat_template } }).load).toThrow(
      /names rag; expected one named default/,
    );
    expect(tokenizerWith('bpe-llama', { template: null, config: { chat_template: 3 } }).load).toThrow(
      /tokenizer_config\.json cannot be used: chat_template/,
    );
  });
});

describe('end-of-turn tokens', () => {
  const ends = (name: Name, changes?: Parameters<typeof tokenizerWith>[1]) =>
    tokenizerWith(name, changes).load().endOfTurnIds;

  it('are the EOS token and the special token after the answer', () => {
    expect(ends('bpe-qwen')).toEqual([2]);
    // GPT-2's EOS is <|endoftext|>; its template ends turns with <|im_end|>.
    expect(ends('bpe-gpt2')).toEqual([0, 2]);
    expect(ends('bpe-llama', { config: { eos_token: '</s>' } })).toEqual([2, 259]);
  });

  it('are EOS alone where there is no template, or none comes after the answer', () => {
    expect(ends('bpe-gpt2', { template: null })).toEqual([0]);
    expect(ends('bpe-gpt2', { template: "{% for m in messages %}{{ m['content'] }}\n{% endfor %}" })).toEqual([0]);
    expect(ends('bpe-gpt2', { template: "{{ raise_exception('never') }}" })).toEqual([0]);
  });
});

describe('decoding', () => {
  it('leaves special tokens out unless asked for', () => {
    const tokenizer = tokenizerWith('bpe-qwen').load();
    const ids = tokenizer.encode('Hi<|im_end|>');
    expect(tokenizer.decode(ids)).toBe('Hi');
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe('Hi<|im_end|>');
    expect(tokenizer.isSpecial(2)).toBe(true);
    expect(tokenizer.tokenId('<|im_end|>')).toBe(2);
    expect(tokenizer.tokenId('no such token')).toBe(null);
  });

  it('drops ids of a padded vocabulary, and nothing else', () => {
    for (const name of ['bpe-gpt2', 'bpe-llama', 'bpe-qwen'] as const) {
      const tokenizer = tokenizerWith(name).load();
      const ids = tokenizer.encode('Hello , world .');
      expect(tokenizer.decode([...ids, tokenizer.vocabSize, 999999])).toBe('Hello , world .');
      expect(tokenizer.decode([tokenizer.vocabSize])).toBe('');
      expect(tokenizer.decode([])).toBe('');
    }
  });

  it('tokens one by one make up the text', () => {
    for (const name of ['bpe-gpt2', 'bpe-llama', 'bpe-qwen'] as const) {
      const tokenizer = tokenizerWith(name).load();
      const text = tokenizer.encode('explain  this, please').map((id) => tokenizer.tokenText(id));
      expect(text.join('').trimStart()).toBe('explain  this, please');
    }
    expect(tokenizerWith('bpe-qwen').load().tokenText(2)).toBe('<|im_end|>');
  });
});

describe('folders', () => {
  it('vocabulary: the largest id and one', () => {
    expect(tokenizerWith('bpe-gpt2').load().vocabSize).toBe(1200);
  });

  it('without a tokenizer', () => {
    const dir = temporaryFolder();
    expect(Tokenizer.find(dir)).toBe(null);
    expect(() => Tokenizer.load(dir)).toThrow(UserError);
  });

  it('of an older kind: says how to convert', () => {
    for (const file of ['tokenizer.model', 'vocab.json', 'vocab.txt']) {
      const dir = temporaryFolder();
      writeFile(dir, file, '');
      expect(() => Tokenizer.find(dir)).toThrow(new RegExp(`has ${file} but no tokenizer.json.*save_pretrained`));
    }
  });

  it('with damaged files', () => {
    const { dir, load } = tokenizerWith('bpe-gpt2');
    const sound = readJson(dir, 'tokenizer.json');
    writeFile(dir, 'tokenizer.json', '{"version"');
    expect(load).toThrow(/tokenizer\.json is not a JSON object/);
    writeFile(dir, 'tokenizer.json', JSON.stringify({ ...sound, model: { type: 'Nonsense' } }));
    expect(load).toThrow(/tokenizer\.json cannot be used/);
    writeFile(dir, 'tokenizer.json', '{}');
    expect(load).toThrow(/tokenizer\.json cannot be used/);
  });
});

it.each<[string, (json: { model: { vocab: Record<string, unknown> }; added_tokens: unknown[] }) => void, RegExp]>([
  [
    'a huge id in the vocabulary',
    ({ model }) => (model.vocab.zz = 288_000_000),
    /model\.vocab gives "zz" the id 288000000/,
  ],
  [
    'a huge id of an added token',
    ({ added_tokens }) => added_tokens.push({ id: 288_000_000, content: '<z>', special: true }),
    /added_tokens gives "<z>" the id 288000000; expected a whole number from 0 to 16777215/,
  ],
  ['an id that is text', ({ model }) => (model.vocab.zz = '7'), /"zz" the id "7"/],
  [
    'an added token that is none',
    ({ added_tokens }) => added_tokens.push(null),
    /added_tokens gives "undefined" the id/,
  ],
])('refuses %s before it makes room for it', (_name, edit, says) => {
  const { dir, load } = tokenizerWith('bpe-llama');
  const file = path.join(dir, 'tokenizer.json');
  const json = readJson(file) as Parameters<typeof edit>[0];
  edit(json);
  writeFile(dir, 'tokenizer.json', JSON.stringify(json));
  expect(load).toThrow(UserError);
  expect(load).toThrow(says);
});

it('refuses a post-processor that only fails when it is used', () => {
  const { dir, load } = tokenizerWith('bpe-llama', {
    config: { add_bos_token: undefined },
    tokenizer: { post_processor: { type: 'TemplateProcessing', single: ['x'], pair: [], special_tokens: {} } },
  });
  expect(load).toThrow(UserError);
  expect(load).toThrow(`${path.join(dir, 'tokenizer.json')} cannot be used (`);
});
