/**
 * Text to token ids and back, through @huggingface/tokenizers, with the folder's chat template. Sampled ids are never
 * encoded again: boundary merges would change them.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { UserError, messageOf } from '../errors.js';
import type { Message, Prompt } from '../rows.js';
import { type ChatTemplate, loadChatTemplate, tokenText } from './chat.js';
import { readJsonObject } from './config.js';

export class Tokenizer {
  private constructor(
    private readonly inner: HuggingFaceTokenizer,
    private readonly template: ChatTemplate | null,
    private readonly special: Set<number>,
    /** Largest token id + 1. */
    readonly vocabSize: number,
    private readonly eosToken: string | null,
  ) {}

  /** @throws UserError where tokenizer.json is missing or damaged */
  static load(dir: string): Tokenizer {
    const file = path.join(dir, 'tokenizer.json');
    if (!existsSync(file)) {
      throw new UserError(
        `${dir} has no tokenizer.json; save the tokenizer with transformers' fast tokenizer to get one`,
      );
    }
    const configFile = path.join(dir, 'tokenizer_config.json');
    const config = existsSync(configFile) ? readJsonObject(configFile) : {};
    let inner: HuggingFaceTokenizer;
    try {
      inner = new HuggingFaceTokenizer(readJsonObject(file), config);
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      throw new UserError(`${file} cannot be used (${messageOf(cause)})`, { cause });
    }
    const added = inner.get_added_tokens_decoder();
    const special = new Set([...added].filter(([, token]) => token.special).map(([id]) => id));
    let largest = -1;
    for (const id of inner.get_vocab(true).values()) largest = Math.max(largest, id);
    return new Tokenizer(inner, loadChatTemplate(dir, config), special, largest + 1, tokenText(config.eos_token));
  }

  get hasChatTemplate(): boolean {
    return this.template !== null;
  }

  /** Ids of the text as it stands: no special tokens are added, those that the text spells out are recognised. */
  encode(text: string): number[] {
    return this.inner.encode(text, { add_special_tokens: false }).ids;
  }

  /** Text of the ids, special tokens left out unless asked for. */
  decode(ids: number[], options: { skipSpecial?: boolean } = {}): string {
    if (ids.length === 0) return '';
    return this.inner.decode(ids, { skip_special_tokens: options.skipSpecial ?? true });
  }

  /** One token as people see it, special or not; bytes of half a character come out as U+FFFD. */
  tokenText(id: number): string {
    return this.decode([id], { skipSpecial: false });
  }

  isSpecial(id: number): boolean {
    return this.special.has(id);
  }

  tokenId(token: string): number | null {
    return this.inner.token_to_id(token) ?? null;
  }

  renderChat(messages: Message[], options: { addGenerationPrompt: boolean }): string {
    if (this.template === null) throw new UserError('this tokenizer has no chat template; give prompts as text');
    return this.template.render(messages, options.addGenerationPrompt);
  }

  /**
   * What the policy reads before it answers. A text is one user message where there is a chat template (unless `raw`),
   * else it is encoded as it stands, after the special tokens that the tokenizer itself puts before a text (BOS).
   * A rendered template brings its own: nothing is added, so that BOS never comes twice.
   */
  promptIds(prompt: Prompt, options: { raw: boolean }): number[] {
    if (typeof prompt === 'string' && (options.raw || this.template === null)) return this.encodeWithBos(prompt);
    const messages = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;
    return this.encode(this.renderChat(messages, { addGenerationPrompt: true }));
  }

  /**
   * A whole conversation, for reward models. Without a chat template: the contents joined by a newline, after BOS where
   * the tokenizer adds one.
   */
  conversationIds(messages: Message[]): number[] {
    if (this.template === null) return this.encodeWithBos(messages.map(({ content }) => content).join('\n'));
    return this.encode(this.renderChat(messages, { addGenerationPrompt: false }));
  }

  /** Tokens that end the assistant's turn: tokenizer_config's EOS and the special token its template puts after it. */
  get endOfTurnIds(): number[] {
    const ids = this.eosToken === null ? [] : [this.tokenId(this.eosToken)];
    if (this.template !== null) ids.push(this.specialAfterAnswer());
    return [...new Set(ids.filter((id) => id !== null))];
  }

  private specialAfterAnswer(): number | null {
    const marker = 'x7q';
    const conversation = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: marker },
    ];
    let rendered: string;
    try {
      rendered = this.renderChat(conversation, { addGenerationPrompt: false });
    } catch {
      // A template that takes only the user's turn says nothing about the end of the assistant's.
      return null;
    }
    const after = this.encode(rendered.slice(rendered.lastIndexOf(marker) + marker.length).trimStart());
    return after.length > 0 && this.special.has(after[0]) ? after[0] : null;
  }

  /** The post-processor's leading tokens, without those it puts at the end (EOS would end the prompt). */
  private encodeWithBos(text: string): number[] {
    const bare = this.encode(text);
    const full = this.inner.encode(text, { add_special_tokens: true }).ids;
    const lead = full.findIndex((_id: number, at: number) => bare.every((id, i) => full[at + i] === id));
    const leading = lead > 0 ? full.slice(0, lead) : [];
    return bare[0] === leading[0] ? bare : [...leading, ...bare];
  }
}
