"""Whole updates of the bundled policy: equal to `brevity update` (expected.json), on one process and on two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import PAIRS, POLICY, TRAINER, done_of, execute, free_port, log_of, make_job, read_rows
from safetensors.torch import load_file
from test_golden import logps_of

from brevity_trainer.model import load_reference
from brevity_trainer.request import read_pairs

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text())["updates"]
UNEVEN = {"batch_size": 3, "micro_batch": 2, "epochs": 2, "steps": 0, "schedule": "cosine", "warmup": 0.4}
LORA = {
    "rank": 4,
    "alpha": 16,
    "targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}


def table_job(folder: Path) -> Path:
    """The update of the table in remote-engines: α 0.07, β 0.1, lr 2e-4, clip 1, three steps of 8 pairs."""
    return make_job(folder)


def uneven_job(folder: Path) -> Path:
    """8 pairs in batches of 3, so that batches are of 3, 3 and 2 pairs and divide by nothing."""
    update = UNEVEN | {"weight_decay": 0.1}
    return make_job(
        folder, update=update, objective={"name": "lr-dpo", "beta": 0.1, "alpha": 0.07, "label_smoothing": 0.1}
    )


def lora_job(folder: Path) -> Path:
    return make_job(folder, update={"lr": 2e-3, "schedule": "linear", "lora": LORA})


def held_out_job(folder: Path) -> Path:
    """Six pairs in batches of 3, two steps an epoch; pairs 2 and 7 are held out and evaluated after steps 0, 2 and 3."""
    return make_job(folder, with_held_out(read_rows(PAIRS)), {"batch_size": 3, "eval_steps": 2}, version=3)


def with_held_out(rows: list[dict]) -> list[dict]:
    return [row | ({"held_out": True} if index in (2, 7) else {}) for index, row in enumerate(rows)]


JOBS = {"table": table_job, "uneven": uneven_job, "lora": lora_job, "held-out": held_out_job}
HOW = {
    "1 process": {},
    "2 processes, DDP": {"processes": 2},
    "2 processes, FSDP2": {"processes": 2, "arguments": ["--fsdp"], "shim": "fsdp_on_cpu"},
}


def differences(rows: list[dict], expected: list[dict]) -> dict[str, float]:
    """The largest of each metric, gradient norms relative."""
    assert [set(row) - {"tokens_per_second", "memory_mb"} for row in rows] == [set(row) for row in expected]
    result: dict[str, float] = {}
    for row, wanted in zip(rows, expected, strict=True):
        # Before the first step rewards are 0, give or take a rounding.
        for key, value in wanted.items():
            if key.endswith("accuracies") and abs(wanted[key.replace("accuracies", "margins")]) < 1e-5:
                continue
            difference = abs(row[key] / value - 1) if key == "grad_norm" else abs(row[key] - value)
            result[key] = max(result.get(key, 0.0), difference)
    return result


def final_logps(policy: Path) -> torch.Tensor:
    with torch.no_grad():
        return logps_of(load_reference(policy, torch.float32), read_pairs_of(PAIRS))


def read_pairs_of(file: Path):
    return read_pairs(file.parent)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", JOBS)
def test_equals_brevitys_engine(name, how, once):
    """Metrics of every step and log-probabilities of the saved policy."""
    job = once(f"{name} {how}", lambda folder: execute(JOBS[name](folder), **HOW[how]))
    found = differences(read_rows(job / "metrics.jsonl"), EXPECTED[name]["rows"])
    processes = HOW[how].get("processes", 1)
    # The engine fills its groups, this trainer makes them equal: [2, 1] or [1, 1] of 3 or 2 pairs.
    assert found.pop("micro_batch") == 0 or processes > 1 or name == "uneven"
    assert found.pop("grad_norm") < 1e-5
    assert found.pop("loss") < 1e-6
    assert found.pop("learning_rate") < 1e-12
    logps = max(found.pop(key) for key in list(found) if "logps/" in key)
    assert logps < 1e-3
    assert max(found.values()) < 1e-4, found
    finals = (final_logps(job / "policy") - torch.tensor(EXPECTED[name]["final"], dtype=torch.float64)).abs().max()
    assert finals < 5e-3
    done = done_of(job)
    assert done["outcome"] == "done" and done["steps"] == len(EXPECTED[name]["rows"])
    assert done["z_error"] < 1e-5
    assert json.loads((job / "status.json").read_text())["processes"] == processes


def test_the_policy_is_a_folder_of_safetensors(once):
    job = once("table 1 process", lambda folder: execute(table_job(folder)))
    names = sorted(file.name for file in (job / "policy").iterdir())
    expected = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert names == expected
    config = json.loads((job / "policy" / "config.json").read_text())
    assert config == json.loads((POLICY / "config.json").read_text()) | {"dtype": "float32"}
    assert set(load_file(job / "policy" / "model.safetensors")) == set(load_file(POLICY / "model.safetensors"))
    assert {tensor.dtype for tensor in load_file(job / "policy" / "model.safetensors").values()} == {torch.float32}
    left = [file.name for file in job.iterdir() if file.suffix == ".tmp"]
    assert left == []


def test_an_adapter_is_saved_and_continued(once, tmp_path):
    """Of its base's path: absolute. The second update continues it with its own rank, whatever is asked for."""
    first = once("lora 1 process", lambda folder: execute(lora_job(folder)))
    names = sorted(file.name for file in (first / "policy").iterdir())
    assert names == ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    config = json.loads((first / "policy" / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == (str(POLICY.resolve()), 4, 16)
    update = {"lora": LORA | {"rank": 2}, "steps": 1}
    adapter = str(first / "policy")
    second = execute(make_job(tmp_path / "second", update=update, policy=adapter, reference=adapter))
    assert json.loads((second / "policy" / "adapter_config.json").read_text())["r"] == 4
    before = load_file(first / "policy" / "adapter_model.safetensors")
    after = load_file(second / "policy" / "adapter_model.safetensors")
    assert before.keys() == after.keys() and all(not torch.equal(before[name], after[name]) for name in before)
    assert done_of(second)["z_error"] < 1e-5


def test_an_adapter_is_merged_for_full_fine_tuning(once, tmp_path):
    first = once("lora 1 process", lambda folder: execute(lora_job(folder)))
    adapter = str(first / "policy")
    second = execute(make_job(tmp_path / "second", update={"steps": 1, "lr": 1e-12}, policy=adapter, reference=adapter))
    assert (second / "policy" / "model.safetensors").exists()
    assert (final_logps(second / "policy") - final_logps(first / "policy")).abs().max() < 1e-3


def test_given_reference_log_probabilities_are_used(once, tmp_path):
    """Brevity's own for the pairs that have them, computed for the others: the same figures."""
    rows = read_rows(PAIRS)
    logps = logps_of(load_reference(POLICY, torch.float32), read_pairs_of(PAIRS)).detach().tolist()
    for row, (chosen, rejected) in list(zip(rows, logps, strict=True))[:5]:
        row |= {"ref_chosen_logps": chosen, "ref_rejected_logps": rejected}
    job = execute(make_job(tmp_path / "job", rows))
    found = differences(read_rows(job / "metrics.jsonl"), EXPECTED["table"]["rows"])
    assert found["loss"] < 1e-6


def test_a_reference_of_its_own_under_fsdp(tmp_path):
    """The policy as its own reference, by way of a second model that is sharded alone."""
    job = execute(make_job(tmp_path / "job", same=False), **HOW["2 processes, FSDP2"])
    assert differences(read_rows(job / "metrics.jsonl"), EXPECTED["table"]["rows"])["loss"] < 1e-6


@pytest.mark.parametrize("how", ["1 process", "2 processes, DDP", "2 processes, FSDP2"])
def test_activation_checkpointing_changes_nothing(how, tmp_path):
    job = execute(make_job(tmp_path / "job", update={"activation_checkpointing": True, "steps": 2}), **HOW[how])
    found = differences(
        read_rows(job / "metrics.jsonl"), [r | {"total_steps": 2} for r in EXPECTED["table"]["rows"][:2]]
    )
    assert found["loss"] < 1e-6 and found["grad_norm"] < 1e-5


@pytest.mark.parametrize("how", ["1 process", "2 processes, FSDP2"])
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_bf16_is_close(how, lora, tmp_path):
    """Master weights stay float32: steps of 2e-4 are visible in them, and would be rounded away in bfloat16's."""
    expected = EXPECTED["lora" if lora else "table"]["rows"]
    update = {"lora": lora} | ({"lr": 2e-3, "schedule": "linear"} if lora else {})
    job = execute(make_job(tmp_path / "job", update=update, precision="bf16"), **HOW[how])
    found = differences(read_rows(job / "metrics.jsonl"), expected)
    assert 1e-7 < found["loss"] < 0.02 and found["grad_norm"] < 0.1


def test_tf32_is_accepted_where_there_is_none(tmp_path):
    job = execute(make_job(tmp_path / "job", update={"steps": 1}, precision="tf32"))
    assert read_rows(job / "metrics.jsonl")[0]["loss"] == pytest.approx(EXPECTED["table"]["rows"][0]["loss"], abs=1e-6)


def test_decay_of_matrices_leaves_norms_alone(tmp_path):
    """With a vanishing gradient step, decay alone moves weights: lr·decay = 1e-6·10 in one step."""
    moved = {}
    for decay in ("matrices", "all"):
        update = {"lr": 1e-6, "weight_decay": 10, "decay": decay, "steps": 1}
        job = execute(make_job(tmp_path / decay, update=update))
        moved[decay] = load_file(job / "policy" / "model.safetensors")
    before = {name: tensor.float() for name, tensor in load_file(POLICY / "model.safetensors").items()}
    norm, matrix = "model.norm.weight", "model.layers.0.mlp.down_proj.weight"
    ratio = {decay: (moved[decay][norm] - before[norm]).abs().mean().item() for decay in moved}
    # AdamW's own first step is lr = 1e-6 in every weight; decay adds 1e-5 of the weight, which is about 1 in norms.
    assert ratio["matrices"] < 1.5e-6 and ratio["all"] > 5e-6
    assert torch.equal(moved["matrices"][matrix], moved["all"][matrix])


def test_probes_at_start_and_end(tmp_path):
    job = make_job(tmp_path / "job", update={"steps": 1})
    rows = read_rows(PAIRS)[:2]
    probes = [{"prompt_ids": row["prompt_ids"], "response_ids": row["chosen_ids"]} for row in rows]
    (job / "probes.jsonl").write_text("".join(json.dumps(probe) + "\n" for probe in probes))
    execute(job)
    found = done_of(job)["probes"]
    start = logps_of(load_reference(POLICY, torch.float32), read_pairs_of(PAIRS))[:2, 0].tolist()
    assert [len(values) for values in found["start"]] == [len(probe["response_ids"]) for probe in probes]
    assert [sum(values) for values in found["start"]] == pytest.approx(start, abs=1e-4)
    end = final_logps(job / "policy")[:2, 0].tolist()
    assert [sum(values) for values in found["end"]] == pytest.approx(end, abs=1e-4)
    assert found["start"] != found["end"]


COMMANDS = {
    "python": [sys.executable],
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
    "accelerate": [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        # With --cpu, accelerate 1.15 starts one process, however many are asked for.
        "--multi_gpu",
        "--num_processes=2",
        "--mixed_precision=no",
    ],
}


@pytest.mark.parametrize("launcher", COMMANDS)
def test_started_by(launcher, tmp_path):
    """The real commands, each a process of its own."""
    job = make_job(tmp_path / "job", update={"steps": 1})
    command = COMMANDS[launcher]
    if launcher == "accelerate":
        command = [*command, "--num_machines=1", f"--main_process_port={free_port()}", "--dynamo_backend=no"]
    env = os.environ | {"PYTHONPATH": str(TRAINER)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with (job / "log").open("w") as log:
        code = subprocess.run([*command, "-m", "brevity_trainer", str(job)], env=env, stdout=log, stderr=log).returncode
    assert code == 0, log_of(job)
    assert read_rows(job / "metrics.jsonl")[0]["loss"] == pytest.approx(EXPECTED["table"]["rows"][0]["loss"], abs=1e-6)
    assert json.loads((job / "status.json").read_text())["processes"] == (1 if launcher == "python" else 2)
