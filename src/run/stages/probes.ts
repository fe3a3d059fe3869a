/**
 * A few held-out prompts that the policy answers while it is trained, so that a person sees what it becomes. Greedy and
 * between optimizer steps: no random number is drawn and no weight touched, so the update ends the same without them.
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
/** How often an update is looked at, where the configuration does not say. */
const LOOKS = 5;

export class Probes {
  private readonly file: string;
  private readonly prompts: { text: string; ids: number[] }[];
  private readonly answered: ProbeRow[];
  private readonly started = performance.now();
  private readonly firstStep: number;
  /** Seconds. */
  private spent = 0;
  private lastTook = 0;
  private over = false;

  /**
   * @param step where the update begins or continues: later answers are dropped and asked for again
   * @param report tells of the earlier answers; not if they are on the screens already
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

  /** Asks the policy as it is after `step` steps, if it is time to. */
  async at(step: number, total: number): Promise<void> {
    if (this.over || this.prompts.length === 0 || this.answered.some((row) => row.step === step)) return;
    if (!this.isDue(step, total)) return;
    const before = performance.now();
    try {
      await this.ask(step);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      // An update that fits must not fail for being watched.
      log(`no memory for probe prompts beside the update; none after step ${step}`);
      this.over = true;
    }
    this.lastTook = (performance.now() - before) / 1000;
    this.spent += this.lastTook;
  }

  /**
   * At the start and the end always, as often as configured, else about five times in between as far as all probes
   * together stay below their share of the time that the update is expected to take.
   */
  private isDue(step: number, total: number): boolean {
    if (step === 0 || step === total) return true;
    const every = this.context.config.evaluation.probe_steps;
    if (every > 0) return step % every === 0;
    if (step % Math.ceil(total / (LOOKS + 1)) !== 0) return false;
    const taken = step - this.firstStep;
    if (taken === 0) return false;
    const training = (performance.now() - this.started) / 1000 - this.spent;
    // The one at the end is still to come.
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
    // Stopped or aborted: the update hears of it at its next step.
    if (outcome !== 'done') return;
    rows.sort((a, b) => a.probe - b.probe);
    appendJsonLines(this.file, rows);
    this.answered.push(...rows);
    for (const row of rows) this.context.report({ type: 'probe', probe: row });
  }
}

/**
 * Asks sampling servers for the answers before an update, and reports those of an earlier attempt. An update runs without
 * them, too: the servers may be off to leave it their GPU.
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
