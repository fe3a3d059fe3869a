/** How a stand-in misbehaves. Everything is off by default. */
export interface Faults {
  /** It accepts new weights and keeps the old ones. */
  staleWeights?: boolean;

  /** Two replicas answer in turn, and only one takes new weights. */
  staleReplica?: boolean;
  /** Every token id of a response is one too large. */
  idsOffByOne?: boolean;
  /** The end-of-turn token is missing from the ids; `everywhere`: from counts and log-probabilities too. */
  missingEnd?: 'ids' | 'everywhere';
  /** It forgets the sampling fields of requests and uses its own: 16 tokens, temperature 1. */
  forgetsFields?: boolean;
  /** Log-probabilities are those of the tempered distribution. */
  processedLogprobs?: boolean;
  /** So many sampling requests are refused with 429 and `retry-after: 0.05`. */
  busy?: number;
  /** So many are answered with 500. */
  broken?: number;
  /** Milliseconds before every answer to a sampling request. */
  slow?: number;
  /** It ends after so many responses: connections break, and nothing listens any more. */
  diesAfter?: number;
  /** Sampling requests are answered with a web page. */
  notJson?: boolean;
  /** Adapter routes are absent. */
  noAdapters?: boolean;
  /** Its largest adapter rank. */
  maxRank?: number;
  /** The bearer token that it wants. */
  key?: string;
  /** Tokens that a sequence may have. */
  context?: number;
  /** Its tokenizer splits texts into single characters. */
  otherTokenizer?: boolean;
}
