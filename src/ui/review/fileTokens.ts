/** Tokens of a file's responses by a tokenizer that the user named. */
import type { Queries, TokenSeen } from '../../engine/protocol.js';
import type { Tokenizer } from '../../model/tokenizer.js';
import type { ReviewDetail } from '../../review/rows.js';

/** Tokens at the end of a prompt that are shown. */
const promptTokens = 64;

export interface FileTokens {
  /** Ids of a response, with the end of its turn unless it was cut off. */
  ids(text: string, truncated: boolean): number[];
  answer(detail: ReviewDetail, sample: number): Queries['read-tokens']['answer'];
}

export function fileTokens(tokenizer: Tokenizer): FileTokens {
  const [end] = tokenizer.hasChatTemplate ? tokenizer.endOfTurnIds : [];
  const ids = (text: string, truncated: boolean): number[] => {
    const encoded = tokenizer.encode(text);
    return truncated || end === undefined || encoded.at(-1) === end ? encoded : [...encoded, end];
  };
  const seen = (id: number): TokenSeen => ({
    id,
    text: tokenizer.tokenText(id),
    special: tokenizer.isSpecial(id),
  });
  return {
    ids,
    answer({ prompt, responses }, sample) {
      const before = tokenizer.promptIds(prompt, { raw: false });
      const { text, truncated } = responses[sample];
      return {
        prompt_tokens: before.length,
        prompt: before.slice(-promptTokens).map(seen),
        response: ids(text, truncated).map(seen),
      };
    },
  };
}
