/** The rows of probes.jsonl. Imports no tensors: the engine's main thread reads them too. */
import { z } from 'zod';

/** What the policy answered to one probe prompt at one time of the update. */
export const probeRowSchema = z.object({
  /** Optimizer steps taken; 0 is the round's start. */
  step: z.int().min(0),
  /** Place among the probe prompts. */
  probe: z.int().min(0),
  prompt: z.string(),
  text: z.string(),
  length: z.int().min(0),
  truncated: z.boolean(),
});
export type ProbeRow = z.infer<typeof probeRowSchema>;
