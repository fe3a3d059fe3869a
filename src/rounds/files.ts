/** What the folder of a round holds. */
export const roundFiles = {
  samples: 'samples.jsonl',
  scores: 'scores.jsonl',
  pairs: 'pairs.jsonl',
  metrics: 'metrics.jsonl',
  reference: 'reference.jsonl',
  update: 'update',
  heldOutSamples: 'held-out-samples.jsonl',
  heldOutScores: 'held-out-scores.jsonl',
  heldOutLogps: 'held-out-logps.jsonl',
  evaluation: 'evaluation.json',
} as const;
