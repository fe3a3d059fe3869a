/**
 * Samples the policy's responses to a few held-out prompts during the update, so that a person sees how it changes.
 * Sampling is greedy and between optimizer steps: it draws no random number and touches no weight, so the update has
 * the same result without it.
 */
import type { ServerConfig } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { isOutOfMemory } from '../../tensor/memory.js';
import type { WorkContext } from './context.js';
import { type ProbeRow, probeRowSchema } from '../../core/rows.js';
import { heldOutPrompts } from './prompts.js';
import type { Sampler } from './sample.js';
import { holdPolicy, serverSampler, withServers } from './servers.js';
import { log } from '../../io/print.js';
import { roundFiles } from '../../core/runFiles.js';
import { promptText } from '../../core/prompts.js';
import { encodePrompts } from '../../model/prompts.js';

/** Share of an update's time that probes between its start and its end may take. */
const SHARE = 0.05;
/** Number of probes within an update unless the configuration sets an interval. */
const LOOKS = 5;

export class Probes {
  private readonly file: string;
  private readonly prompts: { text: string; ids: number[] }[];
  private readonly answered: ProbeRow[];
  private readonly started = performance.now();
  private readonly firstStep: number;
  /** Seconds spent on probes. */
  private spent = 0;
  private lastTook = 0;
  private over = false;

  /**
   * @param step where the update begins or continues: later responses are dropped and sampled again
   * @param report reports the earlier responses; false if the screens already show them
   */
  constructor(
    private readonly context: WorkContext,
    private readonly sampler: Sampler,
    step: number,
    report = true,
  ) {
    const { config, files, round } = context;
    this.firstStep = step;
    this.file = files.file(round.id, roundFiles.probes);
    const entries = heldOutPrompts(config).slice(0, config.evaluation.probes);
    const ids = encodePrompts(sampler.policy, entries, { raw: config.sampling.raw });
    this.prompts = entries.map((entry, i) => ({ text: promptText(entry), ids: ids[i] }));
    const known = readJsonLines(this.file, probeRowSchema, { missing: 'empty' });
    this.answered = known.filter((row) => row.step <= step);
    if (this.answered.length < known.length) writeJsonLines(this.file, this.answered);
    if (report) for (const row of this.answered) context.report({ type: 'probe', probe: row });
  }

  /** Probes the policy after `step` steps, if a probe is due. */
  async at(step: number, total: number): Promise<void> {
    if (this.over || this.prompts.length === 0 || this.answered.some((row) => row.step === step)) return;
    if (!this.isDue(step, total)) return;
    const before = performance.now();
    try {
      await this.ask(step);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      // A probe must not make an update fail that fits in memory by itself.
      log(`no memory for probe prompts beside the update; none after step ${step}`);
      this.over = true;
    }
    this.lastTook = (performance.now() - before) / 1000;
    this.spent += this.lastTook;
  }

  /**
   * Always at the start and the end. In between at the configured interval, else about five times as long as all probes
   * together stay below their share of the update's expected time.
   */
  private isDue(step: number, total: number): boolean {
    if (step === 0 || step === total) return true;
    const every = this.context.config.evaluation.probe_steps;
    if (every > 0) return step % every === 0;
    if (step % Math.ceil(total / (LOOKS + 1)) !== 0) return false;
    const taken = step - this.firstStep;
    if (taken === 0) return false;
    const training = (performance.now() - this.started) / 1000 - this.spent;
    // Reserves time for the probe at the end.
    return this.spent + 2 * this.lastTook <= SHARE * (training / taken) * total;
  }

  private async ask(step: number): Promise<void> {
    const { config, control } = this.context;
    const rows: ProbeRow[] = [];
    const outcome = await this.sampler.sample(
      this.prompts.map(({ ids }) => ({ prompt_ids: ids, seed: 0 })),
      {
        ...config.sampling,
        temperature: 0,
        max_new_tokens: Math.min(config.evaluation.probe_tokens, config.sampling.max_new_tokens),
        batch_size: this.prompts.length,
      },
      {
        control,
        onResponse: (probe, { text, ids, finish_reason }) =>
          rows.push({
            step,
            probe,
            prompt: this.prompts[probe].text,
            text,
            length: ids.length,
            truncated: finish_reason === 'length',
          }),
      },
    );
    // Stopped or aborted: the update notices at its next step.
    if (outcome !== 'done') return;
    rows.sort((a, b) => a.probe - b.probe);
    appendJsonLines(this.file, rows);
    this.answered.push(...rows);
    for (const row of rows) this.context.report({ type: 'probe', probe: row });
  }
}

/**
 * Samples the probes on the servers before an update, and reports those of an earlier attempt. An update also runs
 * without them: the servers may be off to leave it their GPU.
 */
export async function probeStart(context: WorkContext, server: ServerConfig): Promise<void> {
  const { config, files, round } = context;
  if (config.evaluation.probes === 0) return;
  const known = readJsonLines(files.file(round.id, roundFiles.probes), probeRowSchema, { missing: 'empty' });
  for (const probe of known.filter(({ step }) => step === 0)) context.report({ type: 'probe', probe });
  if (known.some(({ step }) => step === 0)) return;
  try {
    await withServers(context, server, async (pool) => {
      await holdPolicy(context, pool, server, round.parent ?? 0);
      await new Probes(context, serverSampler(pool), 0, false).at(0, Infinity);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log(`no probe answers before the update of round ${round.id}: ${error.message}`);
  }
}
