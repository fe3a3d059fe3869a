"""The results of a step's pairs: metrics, and the checks that end a job before it harms anything. Plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from .request import JobError, Objective, Pair, Probe, Request

# How far z may be from α·Δ|y| before the first step: nats per pair, and nats per response token.
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
    z: float  # NaN if the objective has none
    loss: float
    weight: float
    chosen_reward: float
    rejected_reward: float


# The width of a result's row.
COLUMNS = len(fields(PairResult))


def pair_metrics(results: Sequence[PairResult], pairs: Sequence[Pair]) -> dict[str, float]:
    """The columns of metrics.jsonl that are means over a batch: TRL's names, and lengths and weights.

    pairs: those of `results`, in their order
    """
    return {
        **batch_means(results),
        "lengths/chosen": mean(len(p.chosen_ids) for p in pairs),
        "lengths/rejected": mean(len(p.rejected_ids) for p in pairs),
        "lengths/margin": mean(len(p.chosen_ids) - len(p.rejected_ids) for p in pairs),
        "weights/mean": mean(r.weight for r in results),
    }


def batch_means(results: Sequence[PairResult]) -> dict[str, float]:
    return {
        "loss": mean(r.loss for r in results),
        "rewards/chosen": mean(r.chosen_reward for r in results),
        "rewards/rejected": mean(r.rejected_reward for r in results),
        "rewards/margins": mean(r.chosen_reward - r.rejected_reward for r in results),
        "rewards/accuracies": mean(float(r.chosen_reward > r.rejected_reward) for r in results),
        "logps/chosen": mean(r.chosen_logps for r in results),
        "logps/rejected": mean(r.rejected_logps for r in results),
    }


def held_out_metrics(results: Sequence[PairResult]) -> dict[str, float]:
    """Means over the held-out pairs, by TRL's names."""
    names = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")
    metrics = batch_means(results)
    return {f"eval_{name}": metrics[name] for name in (*names, "logps/chosen", "logps/rejected")}


def start_slope(objective: Objective, length: int) -> float | None:
    """What a nat of a response's log-probability changes z by.

    None: the objective has no z that equals α·Δ|y| while the policy is its reference
    """
    if objective.name in ("simpo", "sppo", "apo-zero", "apo-down"):
        return None
    slopes = {"dpo-norm": objective.beta / length, "ipo": 1 / length}
    return slopes.get(objective.name, objective.beta)


def check_z(
    results: Sequence[PairResult], pairs: Sequence[Pair], request: Request, precision: str, file: Path
) -> float | None:
    """Before the first step the policy is the reference, so that z is α·Δ|y|.

    pairs: all of the file; returns the largest difference, None if the objective has no such z
    """
    objective = request.objective
    if start_slope(objective, 1) is None:
        print(f"objective {objective.name} has no z that is α·Δ|y| before the first step; not checked", flush=True)
        return None
    nats, nats_per_token = Z_TOLERANCE[precision]
    worst = 0.0
    for result in results:
        pair = pairs[result.index]
        chosen, rejected = len(pair.chosen_ids), len(pair.rejected_ids)
        expected = objective.alpha * (chosen - rejected)
        error = abs(result.z - expected)
        tolerance = sum(start_slope(objective, n) * (nats / 2 + nats_per_token * n) for n in (chosen, rejected))
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
