"""Every objective: losses and gradients against test/golden/objectives.json (tools/objectives-golden.py, float64),
values and slopes against Brevity's own (expected.json), and whole jobs against `brevity update`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from conftest import GOLDEN, PAIRS, done_of, execute, log_of, make_job, read_rows
from test_update import HOW, differences, final_logps, with_held_out

from brevity_trainer.loss import (
    LOSSES,
    PairLogps,
    PairLosses,
    collate,
    first_tokens,
    pair_losses,
    summed,
    token_logprobs,
    token_logprobs_and_squares,
)
from brevity_trainer.model import load_policy, load_reference
from brevity_trainer.request import NEUTRAL, OBJECTIVES, JobError, Objective, Pair, read_pairs, read_request
from brevity_trainer.trainer import by_pair, collate_pairs

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text())
REFERENCE_GOLDEN = json.loads((GOLDEN / "objectives.json").read_text())
MODELS = GOLDEN / "llama-tied-gqa"


def objective_of(settings: dict) -> Objective:
    given = {key: value for key, value in settings.items() if key == "beta" or key in NEUTRAL}
    return Objective(**NEUTRAL | given, name=settings["objective"])


def test_every_objective_is_computed_and_compared():
    assert set(LOSSES) == set(OBJECTIVES)
    assert {case["objective"] for case in REFERENCE_GOLDEN["cases"]} == set(OBJECTIVES)
    assert {case["settings"]["objective"] for case in EXPECTED["objectives"]} == set(OBJECTIVES)


# Against PyTorch's autograd on the papers' formulas


def golden_pairs(case: dict) -> list[Pair]:
    own = json.loads((MODELS / "golden.json").read_text())["lr_dpo"]["pairs"]
    rows = REFERENCE_GOLDEN["sampled_pairs"] if case.get("pairs") == "sampled" else own
    weights = case.get("weights", [1.0] * len(rows))
    wins = [(of_prompt[0], of_prompt[-1]) for of_prompt in REFERENCE_GOLDEN["win_probabilities"]]
    return [
        Pair(row["prompt"], row["chosen"], row["rejected"], None, None, weight, won)
        for row, weight, won in zip(rows, weights, wins, strict=True)
    ]


def losses_of(
    policy: torch.nn.Module, reference: torch.nn.Module, pairs: list[Pair], objective: Objective
) -> PairLosses:
    batch = collate_pairs(pairs)
    lengths = torch.tensor([[len(ids) for ids in pair.responses] for pair in pairs])
    logprobs, squares, mask = token_logprobs_and_squares(policy, batch)
    with torch.no_grad():
        theirs, _ = token_logprobs(reference, batch)
    shared = first_tokens(mask, lengths)
    return pair_losses(
        PairLogps(
            logps=by_pair(summed(logprobs)),
            lengths=lengths,
            ref_logps=by_pair(summed(theirs)),
            weights=torch.tensor([pair.weight for pair in pairs], dtype=torch.float64),
            shared=by_pair(summed(logprobs * shared)),
            ref_shared=by_pair(summed(theirs * shared)),
            confidence=by_pair(summed(logprobs - squares)) / lengths,
            wins=torch.tensor([pair.win_probabilities for pair in pairs], dtype=torch.float64),
        ),
        objective,
    )


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    return load_reference(MODELS / "model", torch.float32)


@pytest.mark.parametrize("case", REFERENCE_GOLDEN["cases"], ids=lambda case: case["name"])
def test_losses_and_gradients(case, reference):
    policy = load_policy(MODELS / "policy", None, 0, torch.float32).model
    losses = losses_of(policy, reference, golden_pairs(case), objective_of(case)).loss
    losses.mean().backward()
    # SPPO's losses are in the tens of thousands, those of pairs that WPO hardly weights below 1e-12.
    scale = sum(map(abs, case["losses"])) / len(case["losses"])
    for ours, expected in zip(losses.tolist(), case["losses"], strict=True):
        assert abs(ours - expected) / max(abs(expected), scale) < 1e-4
    assert losses.mean().item() == pytest.approx(case["loss"], rel=1e-4)
    norms = {name: parameter.grad.norm().item() for name, parameter in policy.named_parameters()}
    assert set(norms) == set(case["grad_norms"])
    total = sum(norm**2 for norm in norms.values()) ** 0.5
    assert total == pytest.approx(case["grad_norm"], rel=2e-4)
    for name, expected in case["grad_norms"].items():
        assert abs(norms[name] - expected) / max(expected, case["grad_norm"] / 100) < 1e-3, name


# Against Brevity's own: what metrics show, and slopes


@pytest.mark.parametrize("case", EXPECTED["objectives"], ids=lambda case: case["settings"]["objective"])
def test_equals_the_engines_objectives(case):
    pair, extras, expected = case["pair"], case["extras"], case["result"]

    def two(values: dict, name: str, grad: bool = False) -> torch.Tensor:
        sides = [[values[name.format(side)] for side in ("chosen", "rejected")]]
        return torch.tensor(sides, dtype=torch.float64, requires_grad=grad)

    logps, shared = two(pair, "{}_logps", grad=True), two(extras["shared"], "{}_logps", grad=True)
    found = pair_losses(
        PairLogps(
            logps=logps,
            lengths=torch.tensor([[pair["chosen_length"], pair["rejected_length"]]]),
            ref_logps=two(pair, "ref_{}_logps"),
            weights=torch.tensor([extras["weight"]], dtype=torch.float64),
            shared=shared,
            ref_shared=two(extras["shared"], "ref_{}_logps"),
            confidence=two(extras, "{}_confidence"),
            wins=two(extras, "{}_win_probability"),
        ),
        objective_of(case["settings"]),
    )
    found.loss.sum().backward()
    close = {"rel": 1e-7, "abs": 1e-8}  # torch's softplus is linear above 20
    assert found.loss.item() == pytest.approx(expected["loss"], **close)
    assert found.weight.item() == pytest.approx(expected["weight"], **close)
    assert found.rewards[0].tolist() == pytest.approx([expected["chosen_reward"], expected["rejected_reward"]], **close)
    z = found.z.item()
    assert z != z if expected["z"] is None else z == pytest.approx(expected["z"], **close)
    # A token within the shared length adds to both sums, one beyond it to the first alone.
    slopes = [expected["chosen_slope"], expected["rejected_slope"]]
    nll = [expected["nll_slope"], 0]
    beyond = [expected["tail"] * slope + added for slope, added in zip(slopes, nll, strict=True)]
    within = [slope + added for slope, added in zip(slopes, nll, strict=True)]
    head = torch.zeros_like(logps) if shared.grad is None else shared.grad
    assert logps.grad[0].tolist() == pytest.approx(beyond, **close)
    assert (logps.grad + head)[0].tolist() == pytest.approx(within, **close)


def test_squared_probabilities_over_several_pieces():
    """More response tokens than are summed at once; log Σ p² by hand from the softmax."""
    table = torch.randn(9, 9, generator=torch.Generator().manual_seed(1))

    class Bigram(torch.nn.Module):
        def forward(self, input_ids, attention_mask, use_cache=False):
            return type("Output", (), {"logits": table[input_ids]})

    responses = [[i % 9 for i in range(300)], [3] * 40]
    logprobs, squares, mask = token_logprobs_and_squares(Bigram(), collate([[1, 2], [5]], responses))
    expected = table.softmax(dim=1).square().sum(dim=1).log()
    for s, (last, response) in enumerate(zip([2, 5], responses, strict=True)):
        before = torch.tensor([last, *response[:-1]])
        assert squares[s][mask[s]].tolist() == pytest.approx(expected[before].tolist(), abs=1e-6)
        assert logprobs[s][mask[s]].tolist() == pytest.approx(
            table.log_softmax(dim=1)[before, torch.tensor(response)].tolist(), abs=1e-6
        )


# Whole jobs


def rows_with_columns() -> list[dict]:
    return [row | columns for row, columns in zip(read_rows(PAIRS), EXPECTED["columns"], strict=True)]


def job_of(folder: Path, name: str, rows: list[dict] | None = None, update: dict | None = None, **request) -> Path:
    """The job of expected.json's update `name`: 8 weighted pairs in batches of 3, so that fillers take part."""
    settings = {
        "simpo": {"beta": 2.5, "gamma_ratio": 0.55, "nll_weight": 0.2},
        "sppo": {"beta": 0.001},
        "wpo": {"beta": 0.01, "alpha": 0.02},
        "ld-dpo": {"beta": 0.1, "ld_scale": 0.5},
    }[name]
    return make_job(
        folder,
        rows or rows_with_columns(),
        {"batch_size": 3} | (update or {}),
        **{"version": 2, "objective": {"name": name, **NEUTRAL, **settings}, **request},
    )


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", ["simpo", "sppo", "wpo", "ld-dpo"])
def test_equals_brevitys_engine(name, how, tmp_path):
    # SimPO's reference is no folder: it is not read.
    reference = {"reference": "/nowhere", "same": False} if name == "simpo" else {}
    job = execute(job_of(tmp_path / "job", name, **reference), **HOW[how])
    expected = EXPECTED["updates"][name]
    rows = read_rows(job / "metrics.jsonl")
    found = differences(rows, expected["rows"])
    found.pop("micro_batch")
    assert found.pop("grad_norm") < 1e-4
    # Relative: those of SPPO are in the tens of thousands.
    for key in ("loss", "weights/mean"):
        found.pop(key)
        assert [row[key] for row in rows] == pytest.approx([row[key] for row in expected["rows"]], rel=1e-5, abs=1e-6)
    assert max(found.pop(key) for key in ("logps/chosen", "logps/rejected")) < 1e-3
    assert max(found.values()) < 1e-4, found
    assert (final_logps(job / "policy") - torch.tensor(expected["final"], dtype=torch.float64)).abs().max() < 5e-3
    done = done_of(job)
    if name in ("wpo", "ld-dpo"):
        assert done["z_error"] < 1e-5
    elif name == "sppo":
        assert done["z_error"] is None
        assert "objective sppo has no z that is α·Δ|y| before the first step; not checked" in log_of(job)
    else:
        assert done["z_error"] is None


@pytest.mark.parametrize("name", ["wpo", "ld-dpo"])
def test_held_out_pairs(name, tmp_path):
    """Their weights and shared sums count as they do in training; the engine's figures."""
    rows = with_held_out(rows_with_columns())
    job = execute(job_of(tmp_path / "job", name, rows, {"eval_steps": 2}, version=3))
    found = differences(read_rows(job / "metrics.jsonl"), EXPECTED["updates"][f"held-out {name}"]["rows"])
    found.pop("micro_batch")
    assert max(found.pop(key) for key in list(found) if "logps/" in key) < 1e-3
    assert max(found.values()) < 1e-4, found
    assert "step 2 of 3" in log_of(job) and log_of(job).count("held-out loss") == 2


@pytest.mark.parametrize(
    "version,update,held_out,message",
    [
        (2, {}, [7], r"line 8 is held out, and executors of version 2 would train on it; expected a request of version 3"),
        (2, {"eval_steps": 3}, [], r"update\.eval_steps needs version 3; expected 0 in version 2"),
        (3, {}, range(8), r"has only held-out pairs; expected at least one to train on"),
    ],
)
def test_held_out_pairs_refused(version, update, held_out, message, tmp_path):
    rows = [row | ({"held_out": True} if index in held_out else {}) for index, row in enumerate(read_rows(PAIRS))]
    job = make_job(tmp_path / "job", rows, update, version=version)
    with pytest.raises(JobError, match=message):
        read_pairs(job, read_request(job))


def test_known_shared_sums_of_the_reference_are_used(tmp_path):
    """Sums that only the file can be right about: other values than the policy's own change the loss."""
    batch_of = rows_with_columns()
    known = {"ref_chosen_logps": -20.0, "ref_rejected_logps": -21.0}
    shared = {"ref_chosen_shared_logps": -10.0, "ref_rejected_shared_logps": -12.0}
    update = {"batch_size": 8, "steps": 1}
    losses = {}
    for name, columns in {"without": known, "with": known | shared}.items():
        rows = [row | columns for row in batch_of]
        job = job_of(tmp_path / name, "ld-dpo", rows, update, same=False)
        losses[name] = read_rows(execute(job) / "metrics.jsonl")[0]["loss"]
    computed = read_rows(execute(job_of(tmp_path / "computed", "ld-dpo", update=update)) / "metrics.jsonl")[0]["loss"]
    assert losses["without"] == computed
    assert abs(losses["with"] - computed) > 0.01


def test_another_policys_reference_is_noticed(tmp_path):
    columns = {"ref_chosen_logps": -20.0, "ref_rejected_logps": -60.0}
    columns |= {"ref_chosen_shared_logps": -20.0, "ref_rejected_shared_logps": -60.0}
    job = job_of(tmp_path / "job", "ld-dpo", [row | columns for row in rows_with_columns()])
    execute(job, expect=1)
    assert re.search(r"pair \d of .*pairs\.jsonl has z = .* before the first step", done_of(job)["message"])


def test_an_interrupted_job_without_a_reference_continues(tmp_path):
    """The checkpoint of an objective without a reference holds no log-probabilities of one."""
    whole = execute(job_of(tmp_path / "whole", "simpo"))
    job = job_of(tmp_path / "job", "simpo", update={"checkpoint_seconds": 0})
    execute(job)
    # As if it had been killed after its second step, the checkpoint just written.
    facts = json.loads((job / "checkpoint" / "step-2" / "state.json").read_text())
    assert facts["step"] == 2 and facts["reference"] == []
    (job / "done.json").unlink()
    execute(job)
    timed = {"tokens_per_second": 0, "memory_mb": 0}
    assert [row | timed for row in read_rows(job / "metrics.jsonl")] == [
        row | timed for row in read_rows(whole / "metrics.jsonl")
    ]


# What is refused


REFUSED = {
    "unused setting": (
        {"name": "ipo", "alpha": 0.02},
        r"request\.json: objective\.alpha is 0\.02, and objective ipo does not use it; expected 0$",
    ),
    "unused scale": (
        {"name": "simpo", "ld_scale": 0.5},
        r"objective\.ld_scale is 0\.5, and objective simpo does not use it; expected 1$",
    ),
    "unknown objective": ({"name": "kto"}, r'objective\.name is "kto"; expected one of lr-dpo, dpo, dpo-norm, simpo, '),
    "out of range": (
        {"name": "ld-dpo", "ld_scale": 2},
        r"objective\.ld_scale is 2; expected a number of at least 0 and",
    ),
    "half": ({"name": "robust", "label_smoothing": 0.5}, r"label_smoothing is 0\.5; expected .* below 0\.5$"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings(case, tmp_path):
    changes, sentence = REFUSED[case]
    job = make_job(tmp_path / "job", version=2, objective={"beta": 0.1, **NEUTRAL, **changes})
    execute(job, expect=1)
    assert re.search(sentence, done_of(job)["message"]), done_of(job)["message"]


def test_version_1_knows_lr_dpo_only(tmp_path):
    job = make_job(tmp_path / "job", objective={"name": "lr-dpo", "beta": 0.1, **NEUTRAL, "nll_weight": 0.2})
    execute(job, expect=1)
    assert done_of(job)["message"].endswith("objective.nll_weight is 0.2; expected 0 in version 1")


COLUMNS = {
    "missing": ("sppo", 2, {}, r"pairs\.jsonl line 3 lacks chosen_win_probability, which objective sppo needs"),
    "too much": (
        "sppo",
        2,
        {"chosen_win_probability": 1.5},
        r"line 3: chosen_win_probability is 1\.5; expected a number",
    ),
    "negative weight": ("wpo", 2, {"weight": -1}, r"line 3: weight is -1; expected a number of at least 0$"),
    "version": ("lr-dpo", 1, {"weight": 2}, r"line 3 has a weight, which version 1 ignores; expected a request of"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_columns(case, tmp_path):
    name, version, columns, sentence = COLUMNS[case]
    rows = read_rows(PAIRS)
    if name == "sppo":
        rows = [row | {"chosen_win_probability": 0.7, "rejected_win_probability": 0.3} for row in rows]
        del rows[2]["chosen_win_probability"]
    rows[2] |= columns
    job = make_job(
        tmp_path / "job", rows, version=version, objective={"name": name, "beta": 0.1, "alpha": 0, "label_smoothing": 0}
    )
    execute(job, expect=1)
    assert re.search(sentence, done_of(job)["message"]), done_of(job)["message"]
