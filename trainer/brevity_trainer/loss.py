"""The length-regularized DPO loss (arXiv 2406.11817; length term as in R-DPO, arXiv 2403.19159, equation 9):

    z    = β·[(logps_w - ref_w) - (logps_l - ref_l)] + α·(|y_w| - |y_l|)
    loss = (1 - ε)·(-log σ(z)) + ε·(-log σ(-z))

The sign of the length term is plus: it follows from maximising E[r(x, y) - α|y|] - β·KL. Published code disagrees about
this sign; tests/test_loss.py pins it. Lengths are exact integers. Token log-probabilities are float32 whatever the
forward pass computes in; their sums, z and the loss are float64, as in Brevity's src/core/objectives/lrDpo.ts.

Shapes: B pairs, S sequences, T positions, R positions that may predict a response token, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Objective:
    beta: float
    alpha: float
    label_smoothing: float = 0.0


def lr_dpo(
    logps: torch.Tensor, ref_logps: torch.Tensor, lengths: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logit z and the loss of each pair, both float64 [B].

    logps, ref_logps: [B, 2] summed log-probabilities of chosen and rejected; lengths: [B, 2] response tokens
    """
    log_ratios = logps.double() - ref_logps.double()
    margin = log_ratios[:, 0] - log_ratios[:, 1]
    z = objective.beta * margin + objective.alpha * (lengths[:, 0] - lengths[:, 1]).double()
    smoothing = objective.label_smoothing
    return z, (1 - smoothing) * F.softplus(-z) + smoothing * F.softplus(z)


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
    """log π(token | prefix) of response tokens, float32 [S, R - 1], zero elsewhere; and the mask of response tokens.

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
    # Only response positions are converted to float32: [Σ|y|, V] is the largest tensor of the step.
    chosen = -F.cross_entropy(logits[mask].float(), ids[:, first:][mask], reduction="none")
    return torch.zeros(mask.shape, device=chosen.device).masked_scatter(mask, chosen), mask


def takes_logits_to_keep(model: torch.nn.Module) -> bool:
    while hasattr(model, "module"):  # DDP, DeepSpeed
        model = model.module
    if hasattr(model, "get_base_model"):  # PEFT
        model = model.get_base_model()
    return "logits_to_keep" in inspect.signature(type(model).forward).parameters


def summed(logprobs: torch.Tensor) -> torch.Tensor:
    """Sums of the rows in float64, so that long responses lose nothing: [S, R] to [S]."""
    return logprobs.double().sum(dim=1)
