/** Trains a byte-level BPE (Sennrich et al., arXiv 1508.07909; on bytes as GPT-2 does) and writes its tokenizer.json. */

/** GPT-2's pattern, by which the ByteLevel pre-tokenizer of tokenizer.json splits. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable stand-in for each byte. */
function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

export interface Bpe {
  /** Token → id: special tokens first, then bytes, then merges in order. */
  vocab: Map<string, number>;
  merges: [string, string][];
  specials: string[];
}

/** @param vocabSize including special tokens; training ends earlier if no pair occurs twice */
export function trainBpe(texts: Iterable<string>, vocabSize: number, specials: string[]): Bpe {
  const alphabet = byteAlphabet();
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [word] of text.matchAll(wordPattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].map(([word, count]) => ({
    symbols: [...Buffer.from(word)].map((byte) => alphabet[byte]),
    count,
  }));
  const vocab = new Map([...specials, ...alphabet].map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  while (vocab.size < vocabSize) {
    const best = mostFrequentPair(words);
    if (best === null) break;
    merges.push(best);
    vocab.set(best.join(''), vocab.size);
    for (const word of words) word.symbols = merged(word.symbols, best);
  }
  return { vocab, merges, specials };
}

function mostFrequentPair(words: { symbols: string[]; count: number }[]): [string, string] | null {
  const counts = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = `${symbols[i]} ${symbols[i + 1]}`;
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
  }
  let best: string | null = null;
  let most = 1;
  for (const [key, count] of counts) {
    if (count > most || (count === most && best !== null && key < best)) [best, most] = [key, count];
  }
  return best === null ? null : (best.split(' ') as [string, string]);
}

function merged(symbols: string[], [a, b]: [string, string]): string[] {
  const out: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === a && symbols[i + 1] === b) out.push(a + symbols[++i]);
    else out.push(symbols[i]);
  }
  return out;
}

/** The file that @huggingface/tokenizers, tokenizers and transformers read. */
export function tokenizerJson({ vocab, merges, specials }: Bpe): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
