/** What earlier work left in the run's files, read when somebody asks for it; a round's files are indexed once. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';
import { Tokenizer } from '../model/tokenizer.js';
import { roundFiles } from '../rounds/files.js';
import { type SampleRow, type ScoreRow, sampleRowSchema, scoreRowSchema } from '../rows.js';
import { RowIndex } from '../store/rowIndex.js';
import type { Run } from '../store/run.js';
import { HackingReports } from './hacking.js';

interface RoundIndex {
  samples: RowIndex<SampleRow>;
  scores: RowIndex<ScoreRow>;
}

export class Archive {
  private readonly indices = new Map<number, RoundIndex>();
  private tokenizer: Tokenizer | null = null;

  readonly hacking: HackingReports;

  constructor(private readonly run: Run) {
    this.hacking = new HackingReports(run);
  }

  /** @throws UserError where the round has no responses to this prompt */
  async sample(round: number, promptIndex: number): Promise<SampleRow> {
    const row = await this.index(round).samples.row(promptIndex);
    if (row === null) throw new UserError(`round ${round} has no responses to prompt ${promptIndex} yet`);
    return row;
  }

  /** @throws UserError where the round has no rewards for this prompt */
  async score(round: number, promptIndex: number): Promise<ScoreRow> {
    const row = await this.index(round).scores.row(promptIndex);
    if (row === null)
      throw new UserError(`the responses of round ${round} to prompt ${promptIndex} are not scored yet`);
    return row;
  }

  /** The base policy's, which all rounds share; null where it has none. Read at the first question. */
  async findTokenizer(): Promise<Tokenizer | null> {
    this.tokenizer ??= await tokenizerOf(this.run.config.model);
    return this.tokenizer;
  }

  private index(round: number): RoundIndex {
    this.run.round(round);
    const known = this.indices.get(round);
    if (known !== undefined) return known;
    const file = (name: string) => this.run.files.file(round, name);
    const index = {
      samples: new RowIndex(file(roundFiles.samples), sampleRowSchema),
      scores: new RowIndex(file(roundFiles.scores), scoreRowSchema),
    };
    this.indices.set(round, index);
    return index;
  }
}

async function tokenizerOf(model: string): Promise<Tokenizer | null> {
  const found = Tokenizer.find(model);
  if (found !== null || !existsSync(path.join(model, 'adapter_config.json'))) return found;
  // Only here: it brings the tensors, which this thread has no other use for.
  const { readAdapterConfig } = await import('../model/peft.js');
  return Tokenizer.find(readAdapterConfig(model).base);
}
