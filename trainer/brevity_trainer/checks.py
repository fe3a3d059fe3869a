"""The results of a step's pairs: metrics, and the checks that end a job before it harms anything. Plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .request import JobError, Pair, Probe, Request

# How far z may be from α·Δ|y| before the first step: β times (nats, and nats per response token of the pair).
# Two float32 implementations differ by less than 1e-3 nats per sequence; bfloat16 rounds each token's by about 1e-2.
# Another policy's log-probabilities are off by whole nats.
Z_TOLERANCE = {"fp32": (0.01, 1e-4), "tf32": (0.05, 1e-3), "bf16": (0.5, 1e-2)}


@dataclass(frozen=True)
class PairResult:
    index: int
    chosen_logps: float
    rejected_logps: float
    ref_chosen_logps: float
    ref_rejected_logps: float
    z: float
    loss: float


def pair_metrics(results: Sequence[PairResult], pairs: Sequence[Pair], beta: float) -> dict[str, float]:
    """The columns of metrics.jsonl that are means over a batch: TRL's names, and lengths and weights.

    pairs: those of `results`, in their order
    """
    chosen = [beta * (r.chosen_logps - r.ref_chosen_logps) for r in results]
    rejected = [beta * (r.rejected_logps - r.ref_rejected_logps) for r in results]
    return {
        "loss": mean(r.loss for r in results),
        "rewards/chosen": mean(chosen),
        "rewards/rejected": mean(rejected),
        "rewards/margins": mean(c - r for c, r in zip(chosen, rejected, strict=True)),
        "rewards/accuracies": mean(float(c > r) for c, r in zip(chosen, rejected, strict=True)),
        "logps/chosen": mean(r.chosen_logps for r in results),
        "logps/rejected": mean(r.rejected_logps for r in results),
        "lengths/chosen": mean(len(p.chosen_ids) for p in pairs),
        "lengths/rejected": mean(len(p.rejected_ids) for p in pairs),
        "lengths/margin": mean(len(p.chosen_ids) - len(p.rejected_ids) for p in pairs),
        "weights/mean": mean(sigmoid(-r.z) for r in results),
    }


def check_z(
    results: Sequence[PairResult], pairs: Sequence[Pair], request: Request, precision: str, file: Path
) -> float:
    """Before the first step the policy is the reference, so that z is α·Δ|y|.

    pairs: all of the file; returns the largest difference
    """
    nats, nats_per_token = Z_TOLERANCE[precision]
    worst = 0.0
    for result in results:
        pair = pairs[result.index]
        chosen, rejected = len(pair.chosen_ids), len(pair.rejected_ids)
        expected = request.alpha * (chosen - rejected)
        error = abs(result.z - expected)
        tolerance = request.beta * (nats + nats_per_token * (chosen + rejected))
        if not error <= tolerance:
            raise JobError(
                f"pair {result.index + 1} of {file} has z = {result.z:.6f} before the first step and α·Δ|y| = "
                f"{expected:.6f}, further apart than {tolerance:.6f}; the policy {request.policy} is not the reference "
                "that its log-probabilities came from"
            )
        worst = max(worst, error)
    return worst


def check_probes(probes: Sequence[Probe], logprobs: Sequence[Sequence[float]], request: Request) -> None:
    """Whether the server that sampled this round holds the policy that is about to be trained."""
    tolerance = request.probe_tolerance
    differences = [
        abs(theirs - ours)
        for probe, values in zip(probes, logprobs, strict=True)
        if probe.server_logprobs is not None
        for theirs, ours in zip(probe.server_logprobs, values, strict=True)
    ]
    if tolerance is None or len(differences) == 0 or mean(differences) <= tolerance:
        return
    raise JobError(
        "the policy that was sampled from is not the policy of this job: the server's log-probabilities of the probes "
        f"differ from those of {request.policy} by {mean(differences):.4f} nats per token on average, more than "
        f"{tolerance:g}; load this policy on the server and sample again"
    )


def expect_finite(step: int, what: str, value: float) -> None:
    """step: 0 is the first"""
    if math.isfinite(value):
        return
    cause = "the learning rate is too high or β too large for this model"
    if step == 0:
        cause = "the policy gives some response no probability at all, or its weights are damaged"
    raise JobError(
        f"the {what} of step {step + 1} is not finite: most likely {cause}; lower update.lr or update.clip and try "
        "again, the round's start is untouched"
    )


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def sigmoid(x: float) -> float:
    """Without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
