/** The benchmark steps: for each shape ours, then the peer's. */
import type { Context } from './context.js';
import type { Step } from './steps.js';
import type { Figures } from './targets.js';

interface Bench {
  shape: string;
  pairs: number;
  /** Micro-batch sizes to try. */
  micro: number[];
  lora: number;
  /** Responses of 512 tokens sampled together. */
  samples: number;
  limit: { ours: number; peer: number };
}

const PROMPT = 256;
const RESPONSE = 512;
const RUNS = 2;

/** Most important first: if time runs out, the last are left out. */
const benches: Bench[] = [
  { shape: '0.5b', pairs: 64, micro: [8, 16, 32], lora: 0, samples: 256, limit: { ours: 100, peer: 140 } },
  { shape: '1b', pairs: 64, micro: [8, 16, 32], lora: 0, samples: 0, limit: { ours: 80, peer: 110 } },
  { shape: '7b', pairs: 16, micro: [4, 8], lora: 16, samples: 0, limit: { ours: 110, peer: 110 } },
];

/** Pairs of steps; the peer's is null without torch. */
export function benchSteps(context: Context, hasPeer: boolean): [ours: Step, peer: Step | null][] {
  return benches.map((bench) => [ours(context, bench), hasPeer ? peer(context, bench) : null]);
}

const judge = (stdout: string): Figures => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Figures;

function ours({ program, device }: Context, { shape, pairs, micro, lora, samples, limit }: Bench): Step {
  const measurement = {
    ...{ shape, backend: 'cuda', precision: 'bf16', pairs, micro, lora, checkpointing: lora > 0 },
    ...{ prompt: PROMPT, response: RESPONSE, steps: RUNS, samples, new: RESPONSE, profile: true },
  };
  const command = [...program('measure'), JSON.stringify(measurement)];
  return { name: `bench-${shape}`, limit: limit.ours, optional: true, command, env: device, judge };
}

function peer({ python, peer: script }: Context, { shape, pairs, micro, lora, samples, limit }: Bench): Step {
  const sizes = [micro[0] / 2, ...micro].join(',');
  const command = [
    ...[python, script, '--shape', shape, '--device', 'cuda', '--dtype', 'bf16', '--compile', '--ref', 'cached'],
    ...['--pairs', String(pairs), '--micro', sizes, '--steps', String(RUNS), '--prompt', String(PROMPT)],
    ...['--chosen', String(RESPONSE), '--rejected', String(RESPONSE)],
    ...(lora > 0 ? ['--lora', String(lora), '--checkpointing'] : []),
    ...(samples > 0 ? ['--sample', String(samples), '--new', String(RESPONSE)] : []),
  ];
  return { name: `peer-${shape}`, limit: limit.peer, optional: true, command, judge };
}
