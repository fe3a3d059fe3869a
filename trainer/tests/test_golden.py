"""LR-DPO, gradients and AdamW of the seven models in test/golden, as its README describes them.

Tolerances are that README's: log-probabilities 1e-4, loss 1e-5, gradient norms 1e-4 relative, log-probabilities after
AdamW 2e-3.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import CAUSAL, GOLDEN, execute, make_job, read_rows

from brevity_trainer.loss import Objective, lr_dpo, summed, token_logprobs
from brevity_trainer.model import load_policy, load_reference
from brevity_trainer.request import Pair
from brevity_trainer.trainer import collate_pairs


def golden_of(name: str) -> dict:
    return json.loads((GOLDEN / name / "golden.json").read_text())


def pairs_of(golden: dict) -> list[Pair]:
    rows = golden["lr_dpo"]["pairs"]
    return [Pair(row["prompt"], row["chosen"], row["rejected"], None) for row in rows]


def logps_of(model: torch.nn.Module, pairs: list[Pair]) -> torch.Tensor:
    return summed(token_logprobs(model, collate_pairs(pairs))[0]).reshape(2, -1).T


def lr_dpo_differences(name: str) -> dict[str, float]:
    """Largest differences from golden.json: log-probabilities, losses, relative gradient norms and values."""
    golden = golden_of(name)
    expected, pairs = golden["lr_dpo"], pairs_of(golden)
    policy = load_policy(GOLDEN / name / "policy", None, 0, torch.float32).model
    with torch.no_grad():
        references = logps_of(load_reference(GOLDEN / name / "model", torch.float32), pairs)
    logps = logps_of(policy, pairs)
    lengths = torch.tensor([[len(pair.chosen_ids), len(pair.rejected_ids)] for pair in pairs])
    objective = Objective(expected["beta"], expected["alpha"])
    z, losses = lr_dpo(logps, references, lengths, objective)
    losses.mean().backward()
    loss_alpha0 = lr_dpo(logps, references, lengths, Objective(expected["beta"], 0.0))[1].mean()
    sides = ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps")
    ours = torch.cat([logps, references], dim=1).T
    differences = {"logps": max(difference(ours[i], expected[side]) for i, side in enumerate(sides))}
    differences["losses"] = max(
        difference(losses, expected["losses"]),
        abs(losses.mean().item() - expected["loss"]),
        abs(loss_alpha0.item() - expected["loss_alpha0"]),
        difference(torch.sigmoid(-z), expected["weights"]),
    )
    grads = {parameter: p.grad for parameter, p in policy.named_parameters()}
    norms = {parameter: grad.norm().item() for parameter, grad in grads.items()}
    total = sum(norm**2 for norm in norms.values()) ** 0.5
    differences["grad_norm_relative"] = abs(total / expected["grad_norm"] - 1)
    if "embed_out.weight" in expected["grads"] and "lm_head.weight" in norms:
        norms["embed_out.weight"] = norms.pop("lm_head.weight")  # GPT-NeoX's, renamed in transformers 5.17
    assert set(norms) == set(expected["grads"])
    differences["grad_norms_of_total"] = max(
        abs(norms[parameter] - figures["norm"]) / total for parameter, figures in expected["grads"].items()
    )
    return differences


def difference(ours: torch.Tensor, expected: list[float]) -> float:
    return (ours.double() - torch.tensor(expected, dtype=torch.float64)).abs().max().item()


@pytest.mark.parametrize("name", CAUSAL)
def test_losses_and_gradients(name):
    differences = lr_dpo_differences(name)
    assert differences["logps"] < 1e-4
    assert differences["losses"] < 1e-5
    assert differences["grad_norm_relative"] < 1e-4
    assert differences["grad_norms_of_total"] < 1e-4


def adamw_job(name: str, folder: Path) -> Path:
    golden = golden_of(name)
    adamw, expected = golden["adamw"], golden["lr_dpo"]
    update = {"lr": adamw["lr"], "batch_size": 4, "steps": len(adamw["steps"]), "weight_decay": adamw["weight_decay"]}
    update |= {"decay": "all", "clip": adamw["clip_grad_norm"], "adam_eps": adamw["eps"], "micro_batch": 2}
    update |= {"adam_beta1": adamw["betas"][0], "adam_beta2": adamw["betas"][1]}
    pairs = [{f"{side}_ids": ids for side, ids in row.items()} for row in expected["pairs"]]
    return make_job(
        folder,
        pairs,
        update,
        policy=str(GOLDEN / name / "policy"),
        reference=str(GOLDEN / name / "model"),
        same=False,
        objective={"name": "lr-dpo", "beta": expected["beta"], "alpha": expected["alpha"], "label_smoothing": 0},
    )


def adamw_differences(name: str, job: Path) -> dict[str, float]:
    """Largest differences of an executed `adamw_job` from golden.json."""
    golden = golden_of(name)
    rows, steps = read_rows(job / "metrics.jsonl"), golden["adamw"]["steps"]
    assert len(rows) == len(steps)
    model = load_reference(job / "policy", torch.float32)
    logps = logps_of(model, pairs_of(golden))
    finals = [golden["adamw"]["final_chosen_logps"], golden["adamw"]["final_rejected_logps"]]
    return {
        "loss": max(abs(row["loss"] - step["loss"]) for row, step in zip(rows, steps, strict=True)),
        "grad_norm_relative": max(
            abs(row["grad_norm"] / step["grad_norm_before_clip"] - 1) for row, step in zip(rows, steps, strict=True)
        ),
        "final_logps": max(difference(logps[:, side], finals[side]) for side in (0, 1)),
    }


@pytest.mark.parametrize("name", CAUSAL)
def test_adamw_steps(name, tmp_path):
    """A whole job: a reference of its own, two micro-batches, three steps, the saved policy read again."""
    differences = adamw_differences(name, execute(adamw_job(name, tmp_path / "job")))
    # After a step, differences grow by the steps: the golden values' own are 2e-3 in log-probabilities.
    assert differences["loss"] < 1e-4
    assert differences["grad_norm_relative"] < 1e-3
    assert differences["final_logps"] < 2e-3
