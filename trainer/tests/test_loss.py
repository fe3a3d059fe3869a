"""The loss by hand, against Brevity's own, and log-probabilities against a direct computation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from brevity_trainer.loss import Objective, collate, lr_dpo, summed, token_logprobs

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text())


def one(logps, references, lengths, **objective):
    z, loss = lr_dpo(torch.tensor([logps]), torch.tensor([references]), torch.tensor([lengths]), Objective(**objective))
    return z.item(), loss.item()


def test_the_sign_of_the_length_term_is_plus():
    """Equal log-ratios, α = 0.01, |Δ|y|| = 100: σ(-z) is 0.269 for the longer chosen, 0.731 for the shorter."""
    longer, _ = one([-5.0, -5.0], [-5.0, -5.0], [150, 50], beta=0.1, alpha=0.01)
    shorter, _ = one([-5.0, -5.0], [-5.0, -5.0], [50, 150], beta=0.1, alpha=0.01)
    assert 1 / (1 + math.exp(longer)) == pytest.approx(0.269, abs=5e-4)
    assert 1 / (1 + math.exp(shorter)) == pytest.approx(0.731, abs=5e-4)


def test_by_hand():
    """β = 0.5, ratios 2 and -1: 0.5·3 = 1.5; α = 0.1, lengths 3 and 8: -0.5; z = 1, loss = log(1 + 1/e)."""
    z, loss = one([-4.0, -9.0], [-6.0, -8.0], [3, 8], beta=0.5, alpha=0.1)
    assert z == pytest.approx(1, abs=1e-15)
    assert loss == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-15)


def test_label_smoothing_by_hand():
    """z = 0: both terms are log 2. z = 1, ε = 0.25: 0.75·log(1 + 1/e) + 0.25·log(1 + e)."""
    assert one([0.0, 0.0], [0.0, 0.0], [1, 1], beta=1, alpha=0, label_smoothing=0.25)[1] == pytest.approx(math.log(2))
    expected = 0.75 * math.log1p(math.exp(-1)) + 0.25 * math.log1p(math.e)
    assert one([1.0, 0.0], [0.0, 0.0], [1, 1], beta=1, alpha=0, label_smoothing=0.25)[1] == pytest.approx(expected)


@pytest.mark.parametrize("case", EXPECTED["losses"])
def test_equals_the_engines_loss(case):
    pair = case["pair"]
    logps = [pair["chosen_logps"], pair["rejected_logps"]]
    references = [pair["ref_chosen_logps"], pair["ref_rejected_logps"]]
    lengths = [pair["chosen_length"], pair["rejected_length"]]
    z, loss = one(logps, references, lengths, beta=0.1, alpha=0.02, label_smoothing=case["label_smoothing"])
    assert z == pytest.approx(case["z"], abs=1e-5)  # float32 inputs here
    assert loss == pytest.approx(case["loss"], abs=1e-5)


def test_gradient_is_the_weight():
    """∂loss/∂logps_w = -β·σ(-z)."""
    logps = torch.tensor([[-4.0, -9.0]], dtype=torch.float64, requires_grad=True)
    references = torch.tensor([[-6.0, -8.0]], dtype=torch.float64)
    z, loss = lr_dpo(logps, references, torch.tensor([[3, 8]]), Objective(0.5, 0.1))
    loss.sum().backward()
    weight = 1 / (1 + math.exp(z.item()))
    assert logps.grad[0].tolist() == pytest.approx([-0.5 * weight, 0.5 * weight])


class Bigram(torch.nn.Module):
    """Logits of the next token from a table [V, V] by the token before; with and without logits_to_keep."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = table

    def forward(self, input_ids, attention_mask, use_cache=False, logits_to_keep=0):
        logits = self.table[input_ids]
        return type("Output", (), {"logits": logits[:, -logits_to_keep:] if logits_to_keep else logits})


class BigramWithoutKeep(Bigram):
    def forward(self, input_ids, attention_mask, use_cache=False):
        return super().forward(input_ids, attention_mask)


@pytest.mark.parametrize("kind", [Bigram, BigramWithoutKeep])
def test_log_probabilities_of_padded_responses(kind):
    table = torch.randn(9, 9, generator=torch.Generator().manual_seed(1))
    prompts, responses = [[1, 2], [3], [4, 5, 6]], [[3, 8, 1], [2], [7, 7]]
    logprobs, mask = token_logprobs(kind(table), collate(prompts, responses))
    log_softmax = table.log_softmax(dim=1)
    for s, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        before = [prompt[-1], *response[:-1]]
        expected = [log_softmax[a, b].item() for a, b in zip(before, response, strict=True)]
        assert logprobs[s][mask[s]].tolist() == pytest.approx(expected, abs=1e-6)
        assert summed(logprobs)[s].item() == pytest.approx(sum(expected), abs=1e-6)
