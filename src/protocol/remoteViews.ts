/**
 * Sampling servers and update jobs as clients see them. Only types: the engine's main thread and the terminal import
 * them.
 */

/** How an endpoint's log-probabilities of the probe tokens compare with those that the trainer recorded. */
export interface Verification {
  /** The policy that the endpoint was asked to hold: `base policy`, `round 3`. */
  weights: string;
  /** Number of probe tokens compared. */
  tokens: number;
  /**
   * Mean and largest absolute difference from the recorded log-probabilities, nats per token; null if none are
   * recorded.
   */
  mean: number | null;
  max: number | null;
  /**
   * Share of the update that the endpoint shows: ⟨s − old, new − old⟩ / |new − old|² over the probe tokens, about 1
   * with the new weights and 0 with the old; null without an old policy, or if it differs too little from the new one.
   */
  shift: number | null;
  /**
   * `verified`; `agreed`: nothing is recorded of these weights yet, but all endpoints agree with each other; `failed`.
   */
  verdict: 'verified' | 'agreed' | 'failed';
  /** Why it failed, or what could not be proven; null without remarks. */
  note: string | null;
}

export interface EndpointView {
  /** Without user name, password and query. */
  url: string;
  kind: 'vllm' | 'sglang' | null;
  /** The server's own version; empty before it has answered. */
  version: string;
  state: 'connecting' | 'loading' | 'verifying' | 'ready' | 'down';
  verification: Verification | null;
  /** Requests in flight. */
  in_flight: number;
  /** Responses finished in this stage. */
  done: number;
  /** Requests that failed and were retried. */
  retried: number;
  tokens_per_second: number;
  /** Why it is down, or the last failure that was retried. */
  problem: string | null;
}

/** Why a job ended. */
export interface JobEnd {
  cause:
    | 'done'
    | 'stopped'
    | 'aborted'
    | 'failed'
    | 'out of memory'
    | 'time limit'
    | 'preempted'
    | 'node failure'
    | 'cancelled'
    | 'exit code'
    | 'lost';
  /** One sentence. */
  message: string;
  /** Another attempt can continue from its checkpoint or start again. */
  resubmittable: boolean;
}

export interface JobView {
  launcher: 'process' | 'slurm' | 'ray' | 'command';
  /** The id from the scheduler or of the process; null before it is known. */
  id: string | null;
  attempt: number;
  state: 'submitting' | 'queued' | 'running' | 'ended';
  /** The scheduler's own reason for queueing it: `Priority`, `Resources`. */
  reason: string | null;
  submitted_at: string;
  started_at: string | null;
  /** Where it runs: host, device, executor; null before it runs. */
  host: string | null;
  device: string | null;
  executor: string | null;
  phase: 'loading' | 'reference' | 'training' | 'saving' | null;
  done: number;
  total: number;
  /** Largest |z − α·Δ|y|| before the first step; null if it was not checked. */
  z_error: number | null;
  /** The control word that it was sent. */
  told: 'stop' | 'abort' | null;
  end: JobEnd | null;
}
