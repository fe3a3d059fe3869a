/**
 * Converts text to token ids and back, through @huggingface/tokenizers, with the folder's chat template (chat.ts).
 * Sampled ids are never encoded again: boundary merges would change them.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { UserError, messageOf } from '../core/errors.js';
import type { Message, Prompt } from '../core/rows.js';
import { type ChatTemplate, loadChatTemplate } from './chat.js';
import { readJsonObject } from './files.js';

/** A tokenizer's files, which are copied with the model. */
export const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

export class Tokenizer {
  private constructor(
    private readonly dir: string,
    private readonly inner: HuggingFaceTokenizer,
    private readonly template: ChatTemplate | null,
    private readonly special: Set<number>,
    /** Ids that the tokenizer puts before a text: BOS, or nothing. */
    private readonly leading: number[],
    private readonly eosToken: string | undefined,
    /** Largest token id + 1. */
    readonly vocabSize: number,
  ) {}

  /** @throws UserError if tokenizer.json is missing or damaged */
  static load(dir: string): Tokenizer {
    const tokenizer = Tokenizer.find(dir);
    if (tokenizer === null)
      throw new UserError(`${dir} has no tokenizer.json; copy the model's tokenizer files into it`);
    return tokenizer;
  }

  /**
   * The folder's tokenizer, or null if it has none.
   *
   * @throws UserError if it is damaged, or of an unsupported kind
   */
  static find(dir: string): Tokenizer | null {
    const file = path.join(dir, 'tokenizer.json');
    if (!existsSync(file)) {
      const older = ['tokenizer.model', 'vocab.json', 'vocab.txt'].find((name) => existsSync(path.join(dir, name)));
      if (older === undefined) return null;
      throw new UserError(
        `${dir} has ${older} but no tokenizer.json; make one with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`,
      );
    }
    const config = readOptional(path.join(dir, 'tokenizer_config.json'));
    const { inner, special, names, leading } = reading(file, () => {
      const json = readJsonObject(file);
      checkIds(json, file);
      const read = new HuggingFaceTokenizer(json, config);
      const tokens = specialTokens({ ...readOptional(path.join(dir, 'special_tokens_map.json')), ...config });
      return {
        inner: read,
        special: [...read.get_added_tokens_decoder()].filter(([, token]) => token.special).map(([id]) => id),
        names: tokens,
        leading: leadingIds(read, config.add_bos_token, tokens.bos_token),
      };
    });
    let largest = -1;
    for (const id of inner.get_vocab().values()) largest = Math.max(largest, id);
    return new Tokenizer(
      dir,
      inner,
      loadChatTemplate(dir, config, names),
      new Set(special),
      leading,
      names.eos_token,
      largest + 1,
    );
  }

  /** A token that another tokenizer has under another id, or lacks; null if both have the same vocabulary. */
  differenceTo(other: Tokenizer): { token: string; id: number | null; otherId: number | null } | null {
    const own = this.inner.get_vocab();
    const theirs = other.inner.get_vocab();
    for (const token of new Set([...own.keys(), ...theirs.keys()])) {
      const [id, otherId] = [own.get(token) ?? null, theirs.get(token) ?? null];
      if (id !== otherId) return { token, id, otherId };
    }
    return null;
  }

  get hasChatTemplate(): boolean {
    return this.template !== null;
  }

  /** Ids of the unchanged text: adds no special tokens, but recognises those that the text spells out. */
  encode(text: string): number[] {
    const file = path.join(this.dir, 'tokenizer.json');
    return reading(file, () => this.inner.encode(text, { add_special_tokens: false }).ids);
  }

  /**
   * Text of the ids, exactly: spaces before punctuation stay, whatever `clean_up_tokenization_spaces` says. Special
   * tokens are skipped unless requested; ids that the tokenizer does not have (models pad their vocabularies) are
   * dropped.
   */
  decode(ids: number[], options: { skipSpecial?: boolean } = {}): string {
    const known = ids.filter((id) => this.inner.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return reading(path.join(this.dir, 'tokenizer.json'), () =>
      this.inner.decode(known, {
        skip_special_tokens: options.skipSpecial ?? true,
        clean_up_tokenization_spaces: false,
      }),
    );
  }

  /** One token as shown to people, special or not, with its leading space; partial characters become U+FFFD. */
  tokenText(id: number): string {
    const token = this.inner.id_to_token(id);
    // SentencePiece-style decoders strip the space (▁) of the first token.
    return token?.includes('▁') ? token.replaceAll('▁', ' ') : this.decode([id], { skipSpecial: false });
  }

  isSpecial(id: number): boolean {
    return this.special.has(id);
  }

  tokenId(token: string): number | null {
    return this.inner.token_to_id(token) ?? null;
  }

  /** @throws UserError if there is no template or it refuses the conversation */
  renderChat(messages: Message[], options: { addGenerationPrompt: boolean }): string {
    if (this.template === null)
      throw new UserError(`the tokenizer of ${this.dir} has no chat template; give prompts as text`);
    return this.template.render(messages, options.addGenerationPrompt);
  }

  /**
   * The ids that the policy reads before it responds. A text becomes one user message if there is a chat template
   * (unless `raw`); otherwise it is encoded unchanged, after BOS if the tokenizer adds one (`add_bos_token`, else the
   * post-processor). A rendered template contains its own special tokens, so nothing is added and BOS never appears
   * twice.
   */
  promptIds(prompt: Prompt, options: { raw: boolean }): number[] {
    if (typeof prompt === 'string' && (options.raw || this.template === null)) return this.encodeWithBos(prompt);
    const messages = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;
    return this.encode(this.renderChat(messages, { addGenerationPrompt: true }));
  }

  /**
   * A whole conversation, for reward models. Without a chat template: the contents concatenated without a separator,
   * after BOS if the tokenizer adds one.
   */
  conversationIds(messages: Message[]): number[] {
    if (this.template === null) return this.encodeWithBos(messages.map(({ content }) => content).join(''));
    return this.encode(this.renderChat(messages, { addGenerationPrompt: false }));
  }

  /**
   * Tokens that end the assistant's turn: tokenizer_config's EOS and the special token that its template puts after the
   * turn.
   */
  get endOfTurnIds(): number[] {
    const eos = this.eosToken === undefined ? null : this.tokenId(this.eosToken);
    return [...new Set([eos, this.specialAfterAnswer()].filter((id) => id !== null))];
  }

  private specialAfterAnswer(): number | null {
    if (this.template === null) return null;
    const marker = 'x7q';
    const conversation = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: marker },
    ];
    let rendered: string;
    try {
      rendered = this.renderChat(conversation, { addGenerationPrompt: false });
    } catch {
      // A template that accepts only a user's turn does not tell how the assistant's ends.
      return null;
    }
    const after = this.encode(rendered.slice(rendered.lastIndexOf(marker) + marker.length).trimStart());
    return after.length > 0 && this.special.has(after[0]) ? after[0] : null;
  }

  private encodeWithBos(text: string): number[] {
    const ids = this.encode(text);
    return ids[0] === this.leading[0] ? ids : [...this.leading, ...ids];
  }
}

/** The library validates little of a file: damaged content may throw any error, and only when it is used. */
function reading<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${file} cannot be used (${messageOf(cause)}); download it again`, { cause });
  }
}

/** Largest vocabulary: the library allocates an entry for every id up to the largest. */
const MAX_VOCABULARY = 2 ** 24;

/** @throws UserError that names the token of the first invalid id */
function checkIds(json: Record<string, unknown>, file: string): void {
  const check = (key: string, token: string, id: unknown) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_VOCABULARY) return;
    throw new UserError(
      `${file} cannot be used: ${key} gives ${JSON.stringify(token.slice(0, 80))} the id ${JSON.stringify(id)?.slice(0, 80)}; expected a whole number from 0 to ${MAX_VOCABULARY - 1}`,
    );
  };
  const model = json.model as { vocab?: unknown } | null | undefined;
  const vocabulary = model?.vocab;
  if (typeof vocabulary === 'object' && vocabulary !== null && !Array.isArray(vocabulary))
    for (const [token, id] of Object.entries(vocabulary)) check('model.vocab', token, id);
  if (!Array.isArray(json.added_tokens)) return;
  for (const token of json.added_tokens as ({ id?: unknown; content?: unknown } | null)[])
    check('added_tokens', String(token?.content), token?.id);
}

function readOptional(file: string): Record<string, unknown> {
  return existsSync(file) ? readJsonObject(file) : {};
}

/** `bos_token` and the like: strings, or objects that contain them. */
function specialTokens(config: Record<string, unknown>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'pad_token', 'unk_token', 'sep_token', 'cls_token', 'mask_token']) {
    const value = config[name];
    if (typeof value === 'string') tokens[name] = value;
    else if (typeof value === 'object' && value !== null && 'content' in value) tokens[name] = String(value.content);
  }
  return tokens;
}

/** The ids before every text: as `add_bos_token` says, else those that the post-processor adds. */
function leadingIds(inner: HuggingFaceTokenizer, addBos: unknown, bosToken: string | undefined): number[] {
  if (addBos === false) return [];
  const bos = bosToken === undefined ? undefined : inner.token_to_id(bosToken);
  if (addBos === true && bos !== undefined) return [bos];
  const probe = 'a';
  const bare = inner.encode(probe, { add_special_tokens: false }).ids;
  const full = inner.encode(probe, { add_special_tokens: true }).ids;
  return full.slice(0, Math.max(0, full.indexOf(bare[0])));
}
