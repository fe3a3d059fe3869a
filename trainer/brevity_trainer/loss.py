"""The loss of every objective (docs/objectives.md). LR-DPO's (arXiv 2406.11817; length term as in R-DPO, arXiv
2403.19159, equation 9):

    z    = β·[(logps_w - ref_w) - (logps_l - ref_l)] + α·(|y_w| - |y_l|)
    loss = (1 - ε)·(-log σ(z)) + ε·(-log σ(-z))

The sign of the length term is plus: it follows from maximising E[r(x, y) - α|y|] - β·KL. Published code disagrees about
this sign; tests/test_loss.py pins it. Lengths are exact integers. Token log-probabilities are float32 whatever the
forward pass computes in; their sums, z and the loss are float64, as in Brevity's src/core/objectives.

Shapes: B pairs, S sequences, T positions, R positions that may predict a response token, N response tokens,
V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from .request import Objective

# Rows of logits whose squared probabilities are summed at once: a second [N, V] tensor would not fit beside the first.
SQUARES_AT_ONCE = 256


@dataclass(frozen=True)
class PairLogps:
    """What losses are computed from; chosen, then rejected. Log-probabilities are sums over response tokens."""

    logps: torch.Tensor  # [B, 2]
    lengths: torch.Tensor  # [B, 2] response tokens
    ref_logps: torch.Tensor  # [B, 2]; SimPO does not read it
    weights: torch.Tensor  # [B] how much each pair counts
    shared: torch.Tensor | None = None  # [B, 2] over the first min(|y_w|, |y_l|) tokens: LD-DPO
    ref_shared: torch.Tensor | None = None  # [B, 2]
    confidence: torch.Tensor | None = None  # [B, 2] mean of log π(token) - log Σ_v π(v)², without gradient: WPO
    wins: torch.Tensor | None = None  # [B, 2] win probabilities: SPPO


@dataclass(frozen=True)
class PairLosses:
    """All float64. Of all but the loss only the values are of use."""

    loss: torch.Tensor  # [B]
    z: torch.Tensor  # [B] the loss's logit; NaN if the objective has none
    weight: torch.Tensor  # [B] how hard the update pulls: σ(-z), or the mean size of the slopes without their β
    rewards: torch.Tensor  # [B, 2] implicit rewards


def pair_losses(pairs: PairLogps, objective: Objective) -> PairLosses:
    """The loss of each pair with its NLL term -λ·log π(y_w)/|y_w| (arXiv 2404.19733, eq. 1), times the pair's weight.

    What an objective itself weights pairs by (WPO) leaves the NLL term alone.
    """
    own = LOSSES[objective.name](pairs, objective)
    loss = own.loss
    if objective.nll_weight > 0:
        loss = loss - objective.nll_weight * pairs.logps[:, 0].double() / pairs.lengths[:, 0]
    return replace(own, loss=pairs.weights * loss, weight=pairs.weights * own.weight)


def _lr_dpo(pairs: PairLogps, objective: Objective) -> PairLosses:
    z, loss = lr_dpo(pairs.logps, pairs.ref_logps, pairs.lengths, objective)
    return PairLosses(loss, z, torch.sigmoid(-z), objective.beta * _log_ratios(pairs))


def _dpo_norm(pairs: PairLogps, objective: Objective) -> PairLosses:
    """Tülu 3, arXiv 2411.15124, section 5.2, with the length term."""
    rewards = objective.beta * _log_ratios(pairs) / pairs.lengths
    return _logistic(_margin(rewards) + _length_term(pairs, objective), rewards, objective)


def _simpo(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2405.14734, eq. 6; gamma_ratio is γ/β."""
    rewards = objective.beta * pairs.logps.double() / pairs.lengths
    z = _margin(rewards) - objective.beta * objective.gamma_ratio + _length_term(pairs, objective)
    return _logistic(z, rewards, objective)


def _sppo(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2405.00675, eq. 4.3, in the halved form of its official code."""
    ratios = _log_ratios(pairs)
    distances = ratios - (pairs.wins.double() - 0.5) / objective.beta
    loss = 0.5 * distances.square().sum(dim=1)
    return PairLosses(loss, torch.full_like(loss, torch.nan), distances.abs().mean(dim=1), objective.beta * ratios)


def _wpo(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2406.11827, eq. 5 with the sampled alignment of section 3.3; the official code clamps at 1."""
    plain = _lr_dpo(pairs, objective)
    weight = pairs.confidence.detach().double().sum(dim=1).exp().clamp(max=1)
    return replace(plain, loss=weight * plain.loss, weight=weight * plain.weight)


def _ld_dpo(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2409.06411, eq. 10: tokens beyond the shorter response's length count ld_scale, in both policies."""

    def scaled(logps: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
        return shared.double() + objective.ld_scale * (logps.double() - shared.double())

    logps = scaled(pairs.logps, pairs.shared)
    return _lr_dpo(replace(pairs, logps=logps, ref_logps=scaled(pairs.ref_logps, pairs.ref_shared)), objective)


def _ipo(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2310.12036, eq. 17, with log-ratios averaged by token, as its authors confirmed and as TRL has it."""
    ratios = _log_ratios(pairs) / pairs.lengths
    margin = _margin(ratios)
    distance = margin - 1 / (2 * objective.beta)
    return PairLosses(distance.square(), margin, (2 * distance).abs(), objective.beta * ratios)


def _hinge(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2305.10425, section 2; on log-ratios as in RSO, arXiv 2309.06657."""
    rewards = objective.beta * _log_ratios(pairs)
    z = _margin(rewards)
    return PairLosses(F.relu(1 - z), z, (z < 1).double(), rewards)


def _robust(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2403.00409, section 3.1. Unbounded below for label_smoothing > 0."""
    z, _ = lr_dpo(pairs.logps, pairs.ref_logps, pairs.lengths, objective)
    kept, flipped = 1 - objective.label_smoothing, objective.label_smoothing
    loss = (kept * F.softplus(-z) - flipped * F.softplus(z)) / (kept - flipped)
    weight = (kept * torch.sigmoid(-z) + flipped * torch.sigmoid(z)) / (kept - flipped)
    return PairLosses(loss, z, weight, objective.beta * _log_ratios(pairs))


def _apo_zero(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2408.06266, section 4: chosen up and rejected down, each for itself."""
    rewards = objective.beta * _log_ratios(pairs)
    chances = torch.sigmoid(rewards)
    loss = 1 - chances[:, 0] + chances[:, 1]
    return PairLosses(loss, torch.full_like(loss, torch.nan), (chances * (1 - chances)).mean(dim=1), rewards)


def _apo_down(pairs: PairLogps, objective: Objective) -> PairLosses:
    """arXiv 2408.06266, section 4: both down, rejected faster."""
    rewards = objective.beta * _log_ratios(pairs)
    chosen, margin = torch.sigmoid(rewards[:, 0]), torch.sigmoid(_margin(rewards))
    down, apart = chosen * (1 - chosen), margin * (1 - margin)
    loss = chosen + 1 - margin
    return PairLosses(loss, torch.full_like(loss, torch.nan), ((down - apart).abs() + apart) / 2, rewards)


LOSSES: dict[str, Callable[[PairLogps, Objective], PairLosses]] = {
    "lr-dpo": _lr_dpo,
    "dpo": _lr_dpo,  # arXiv 2305.18290, eq. 7: α is 0
    "dpo-norm": _dpo_norm,
    "simpo": _simpo,
    "sppo": _sppo,
    "wpo": _wpo,
    "ld-dpo": _ld_dpo,
    "ipo": _ipo,
    "hinge": _hinge,
    "robust": _robust,
    "apo-zero": _apo_zero,
    "apo-down": _apo_down,
}


def _log_ratios(pairs: PairLogps) -> torch.Tensor:
    """log π - log π_ref, [B, 2]"""
    return pairs.logps.double() - pairs.ref_logps.double()


def _margin(sides: torch.Tensor) -> torch.Tensor:
    """Chosen less rejected: [B, 2] to [B]."""
    return sides[:, 0] - sides[:, 1]


def _length_term(pairs: PairLogps, objective: Objective) -> torch.Tensor:
    return objective.alpha * _margin(pairs.lengths).double()


def _logistic(z: torch.Tensor, rewards: torch.Tensor, objective: Objective) -> PairLosses:
    return PairLosses(cross_entropy(z, objective), z, torch.sigmoid(-z), rewards)


def cross_entropy(z: torch.Tensor, objective: Objective) -> torch.Tensor:
    """(1 - ε)·(-log σ(z)) + ε·(-log σ(-z))"""
    smoothing = objective.label_smoothing
    return (1 - smoothing) * F.softplus(-z) + smoothing * F.softplus(z)


def lr_dpo(
    logps: torch.Tensor, ref_logps: torch.Tensor, lengths: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logit z and the loss of each pair, both float64 [B].

    logps, ref_logps: [B, 2] summed log-probabilities of chosen and rejected; lengths: [B, 2] response tokens
    """
    log_ratios = logps.double() - ref_logps.double()
    margin = log_ratios[:, 0] - log_ratios[:, 1]
    z = objective.beta * margin + objective.alpha * (lengths[:, 0] - lengths[:, 1]).double()
    return z, cross_entropy(z, objective)


def collate(prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """Sequences padded on the right: input_ids, attention_mask and response_mask, each [S, T].

    Padding is token 0: no response token attends to it and none is predicted from it.
    """
    width = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
    input_ids = torch.zeros(len(prompts), width, dtype=torch.long)
    attention = torch.zeros_like(input_ids)
    response = torch.zeros(len(prompts), width, dtype=torch.bool)
    for s, (prompt, ids) in enumerate(zip(prompts, responses, strict=True)):
        end = len(prompt) + len(ids)
        input_ids[s, :end] = torch.tensor([*prompt, *ids])
        attention[s, :end] = 1
        response[s, len(prompt) : end] = True
    return {"input_ids": input_ids, "attention_mask": attention, "response_mask": response}


def token_logprobs(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """log π(token | prefix) of response tokens, float32 [S, R - 1], zero elsewhere; and the mask of response tokens."""
    logits, targets, mask = response_logits(model, batch)
    return spread(-F.cross_entropy(logits, targets, reduction="none"), mask), mask


def token_logprobs_and_squares(
    model: torch.nn.Module, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As token_logprobs, with log Σ_v π(v | prefix)² in the middle, without gradient."""
    logits, targets, mask = response_logits(model, batch)
    with torch.no_grad():
        squares = [
            torch.logsumexp(2 * rows, dim=-1) - 2 * torch.logsumexp(rows, dim=-1)
            for rows in logits.split(SQUARES_AT_ONCE)
        ]
    logprobs = -F.cross_entropy(logits, targets, reduction="none")
    return spread(logprobs, mask), spread(torch.cat(squares), mask), mask


def response_logits(
    model: torch.nn.Module, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """float32 logits [N, V] that predict the response tokens, these tokens [N], and their mask [S, R - 1].

    The head runs only from the first position that predicts a response token, if the model allows it.
    """
    ids, response = batch["input_ids"], batch["response_mask"]
    # Every response has a token and every prompt has one, so that first is at least 1.
    first = int(response.any(dim=0).nonzero()[0])
    kept = ids.shape[1] - first + 1
    arguments = {"input_ids": ids, "attention_mask": batch["attention_mask"], "use_cache": False}
    if takes_logits_to_keep(model):
        arguments["logits_to_keep"] = kept
    logits = model(**arguments).logits[:, -kept:-1]  # (S, R - 1, V)
    mask = response[:, first:]
    # Only response positions are converted to float32: [N, V] is the largest tensor of the step.
    return logits[mask].float(), ids[:, first:][mask], mask


def spread(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of response tokens [N] to positions [S, R - 1], zero elsewhere."""
    return torch.zeros(mask.shape, device=values.device).masked_scatter(mask, values)


def first_tokens(mask: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The mask of each pair's first min(|y_w|, |y_l|) response tokens, on both sides.

    mask: [2B, R - 1], chosen then rejected; lengths: [B, 2]
    """
    shared = lengths.min(dim=1).values.repeat(2)
    return mask & (mask.cumsum(dim=1) <= shared[:, None])


def takes_logits_to_keep(model: torch.nn.Module) -> bool:
    while hasattr(model, "module"):  # DDP, DeepSpeed
        model = model.module
    if hasattr(model, "get_base_model"):  # PEFT
        model = model.get_base_model()
    return "logits_to_keep" in inspect.signature(type(model).forward).parameters


def summed(logprobs: torch.Tensor) -> torch.Tensor:
    """Sums of the rows in float64, so that long responses lose nothing: [S, R] to [S]."""
    return logprobs.double().sum(dim=1)
