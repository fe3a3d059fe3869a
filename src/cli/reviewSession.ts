/**
 * Reviews a file of scored samples without an engine: answers the review screen's queries and appends its decisions to
 * a journal beside the file. To the screen it looks like an engine whose only round is in review. It computes nothing
 * and refuses everything that needs a model.
 */
import { statSync, unwatchFile, watchFile } from 'node:fs';
import { configSchema } from '../core/config/schema.js';
import {
  type EngineCommand,
  type EngineEvent,
  type Queries,
  type Query,
  type RoundSettings,
  type RoundState,
  SHOWN_PROMPT_TOKENS,
  type Snapshot,
  type TokenSeen,
} from '../protocol/messages.js';
import { UserError } from '../core/errors.js';
import {
  applyRow,
  bulkDecisions,
  decisionFor,
  decisionsIn,
  replay,
  type DecisionState,
  viewOf,
  wrongWith,
} from '../core/review/decisions.js';
import { droppedIn, trlPairs, type ScoredFile } from '../run/reviewFile.js';
import { hackingReport, type HackingReport } from '../core/review/hacking.js';
import type { DecisionRow, ReviewDetail } from '../core/review/rows.js';
import { readDecisionFile } from '../run/stages/reviewFiles.js';
import { emptyQueue } from '../core/queue.js';
import { newRound } from '../core/rounds.js';
import { appendJsonLines, writeJsonLines } from '../io/jsonl.js';
import { emptyRound } from '../protocol/reducer.js';
import type { Client, LinkOptions } from './engineLink.js';
import type { Tokenizer } from '../model/tokenizer.js';

export interface SessionOptions {
  /** The scored samples, as the user named the file. */
  file: string;
  scored: ScoredFile;
  /** Output file for the pairs. */
  out: string;
  /** Initial α of the screen. */
  alpha: number;
  beta: number;
  /** Tokens of a response and the end of its prompt; null without a tokenizer. */
  tokens: ((prompt_index: number, sample: number) => unknown) | null;
}

export const journalOf = (file: string): string => `${file}.decisions.jsonl`;

const round = 1;

/** Interval between checks for decisions of another session, in ms. */
const LOOK_MS = 1000;

/** The default output file: the input's name with its extension replaced. */
export function defaultOut(file: string): string {
  return `${file.replace(/\.jsonl?$/, '')}.pairs.jsonl`;
}

/**
 * Reads the decisions that were made on the file before.
 *
 * @param warn gets a sentence for each line that is skipped
 * @throws UserError if the journal belongs to another file
 */
export function readJournal(
  file: string,
  { rows }: ScoredFile,
  warn: (sentence: string) => void = () => {},
): DecisionState {
  const journal = journalOf(file);
  const made = readDecisionFile(journal);
  for (const { row } of made) {
    // Rewards may be others by now: a file that is scored again keeps its decisions.
    for (const { prompt_index, ruling } of decisionsIn(row)) {
      const of = rows.at(prompt_index);
      const wrong =
        of === undefined ? `there is no prompt ${prompt_index + 1}` : ruling === null ? null : wrongWith(of, ruling);
      if (wrong !== null) throw new UserError(`${journal} does not belong to ${file} (${wrong}); move it away`);
    }
  }
  return replay(
    made.map(({ row }) => row),
    (index) =>
      warn(`${journal}:${made[index].line}: there was nothing to ${made[index].row.action}, so the line is skipped`),
  );
}

/** Writes the decided pairs. @returns their number */
export function writePairs(out: string, scored: ScoredFile, { decisions }: DecisionState): number {
  const pairs = trlPairs(scored, decisions);
  writeJsonLines(out, pairs, 'user');
  return pairs.length;
}

export class FileSession implements Client {
  private listener: (event: EngineEvent) => void = () => {};
  private standing: DecisionState;
  private settings: RoundSettings;
  private hacking: Promise<HackingReport> | null = null;
  /** Identifies the journal's content that `standing` was read from. */
  private stamp: string;
  /** Identifies the content of the pairs that this session wrote last; empty before that. */
  private written = '';
  /** One sentence for each journal line that was skipped. */
  readonly warnings: string[] = [];

  /** @throws UserError if an earlier journal cannot be used */
  constructor(private readonly options: SessionOptions) {
    this.stamp = this.journalStamp();
    this.standing = readJournal(options.file, options.scored, (sentence) => this.warnings.push(sentence));
    const { alpha, beta } = options;
    this.settings = { alpha, beta, lr: this.config().update.lr };
  }

  on(listener: (event: EngineEvent) => void): void {
    this.listener = listener;
  }

  close(): void {
    this.listener = () => {};
    unwatchFile(journalOf(this.options.file), this.look);
  }

  /** Link attaches through this; there is no engine to start. */
  readonly attach: LinkOptions['attach'] = (connected, listener) => {
    connected(this);
    this.on(listener);
    watchFile(journalOf(this.options.file), { interval: LOOK_MS, persistent: false }, this.look);
    return this.send({ type: 'attach', client: 'tui' });
  };

  send(command: EngineCommand): Promise<void> {
    return Promise.resolve().then(() => this.take(command));
  }

  ask(query: Query): Promise<unknown> {
    return Promise.resolve().then(() => this.answer(query));
  }

  /** Whether the output file exists and differs from what this session wrote. */
  wouldOverwrite(): boolean {
    const stamp = stampOf(this.options.out);
    return stamp !== '' && stamp !== this.written;
  }

  /** @returns the number of pairs written */
  write(): number {
    this.takeOver();
    const pairs = writePairs(this.options.out, this.options.scored, this.standing);
    this.written = stampOf(this.options.out);
    return pairs;
  }

  private take(command: EngineCommand): void {
    switch (command.type) {
      case 'attach':
        return this.listener({ type: 'snapshot', snapshot: this.snapshot() });
      case 'set':
        this.settings = { ...this.settings, ...command.settings };
        return this.listener({ type: 'round', round: this.round() });
      case 'decide': {
        this.takeOver();
        const row = this.options.scored.rows.at(command.prompt_index);
        return this.append({ at: now(), action: 'decide', decision: decisionFor(this.standing, row, command) });
      }
      case 'decide-all': {
        this.takeOver();
        const { prompts, reviewer, ruling, weight } = command;
        const { rows } = this.options.scored;
        const decisions = bulkDecisions(this.standing, rows, prompts, { ruling, weight }, reviewer);
        return this.append({ at: now(), action: 'decide-all', decisions });
      }
      case 'undo':
      case 'redo':
        this.takeOver();
        return this.append({ at: now(), action: command.type });
      default:
        throw new UserError('this is a file of samples: there is no engine that could do that');
    }
  }

  /** Writes to disk first, so that every decision on the screen is saved. */
  private append(row: DecisionRow): void {
    const next = applyRow(this.standing, row);
    appendJsonLines(journalOf(this.options.file), [row], 'user');
    this.stamp = this.journalStamp();
    this.standing = next;
    this.listener({ type: 'decisions', round, decisions: viewOf(next) });
  }

  /**
   * Reads the decisions of another session on the same file. Both append to one journal; a row written without knowing
   * the other's rows could not be replayed after them.
   */
  private takeOver(): void {
    const stamp = this.journalStamp();
    if (stamp === this.stamp) return;
    const { file, scored } = this.options;
    this.standing = readJournal(file, scored);
    this.stamp = stamp;
    this.listener({ type: 'decisions', round, decisions: viewOf(this.standing) });
  }

  private readonly look = (): void => {
    try {
      this.takeOver();
    } catch {
      // The next decision reports the error.
    }
  };

  private journalStamp(): string {
    return stampOf(journalOf(this.options.file));
  }

  private answer(query: Query): unknown {
    const { scored, tokens } = this.options;
    if (query.type === 'read-detail') return scored.details[query.prompt_index];
    if (query.type === 'read-hacking')
      return (this.hacking ??= hackingReport(round, scored.rows, [], scored.finishKnown));
    if (query.type === 'read-tokens' && tokens !== null) return tokens(query.prompt_index, query.sample);
    throw new UserError('this is a file of samples: there is no engine that could answer that');
  }

  private round(): RoundState {
    const { rows } = this.options.scored;
    return { ...newRound(round, null, this.settings), stage: 'review', dropped: droppedIn(rows) };
  }

  private config() {
    const none = this.options.file;
    return configSchema.parse({ model: none, reward: `hf:${none}`, prompts: none, held_out: none });
  }

  private snapshot(): Snapshot {
    return {
      ...emptyRound(round),
      directory: this.options.file,
      config: this.config(),
      rounds: [this.round()],
      current: round,
      engine: { pid: process.pid, backend: '', activity: 'idle', memory_mb: 0, problem: null },
      role: { driving: true, terminals: 1 },
      queue: emptyQueue,
      review: this.options.scored.rows,
      weights: this.options.scored.weights,
      decisions: viewOf(this.standing),
    };
  }
}

/** Identifies a file's content; empty if the file does not exist. */
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
}

const now = (): string => new Date().toISOString();

/** Tokens of a file's responses, from a tokenizer that the user named. */
export interface FileTokens {
  /** Token ids of a response, with the end-of-turn token unless it was truncated. */
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
        prompt: before.slice(-SHOWN_PROMPT_TOKENS).map(seen),
        response: ids(text, truncated).map(seen),
        policy: null,
        reference: null,
      };
    },
  };
}
