"""Input that its user can mend: one sentence on standard error and in done.json, exit code 1."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from brevity_trainer.request import JobError, check_release
from conftest import GOLDEN, PAIRS, POLICY, done_of, execute, log_of, make_job, read_rows
from safetensors.torch import load_file, save_file
from test_update import LORA


def fails(job: Path, sentence: str, **options) -> None:
    """sentence: a regular expression"""
    execute(job, expect=1, **options)
    done = done_of(job)
    assert done["outcome"] == "failed" and done["steps"] == 0
    assert re.search(sentence, done["message"]), done["message"]
    assert "\n" not in done["message"] and len(done["message"]) < 600
    assert f"brevity_trainer: {done['message']}" in log_of(job)
    assert "Traceback" not in log_of(job)
    assert not (job / "policy").exists()


def edited(job: Path, edit) -> Path:
    request = json.loads((job / "request.json").read_text())
    edit(request)
    (job / "request.json").write_text(json.dumps(request))
    return job


REQUESTS = {
    "later version": (
        lambda r: r.update(version=4, more=1),
        r"request\.json is version 4 and this executor reads version 3; update it on the node$",
    ),
    "unknown key": (lambda r: r.update(colour=1), r"has the unknown key colour"),
    "unknown setting": (lambda r: r["update"].update(momentum=1), r"has the unknown key update\.momentum"),
    "missing key": (lambda r: r.pop("seed"), r"lacks seed; expected a whole number of at least 0$"),
    "missing setting": (lambda r: r["update"].pop("clip"), r"lacks update\.clip; expected a number"),
    "value": (lambda r: r["update"].update(batch_size=0), r"update\.batch_size is 0; expected a whole number"),
    "kind": (lambda r: r["update"].update(lr="fast"), r'update\.lr is "fast"; expected a number above 0'),
    "fraction": (lambda r: r["update"].update(steps=1.5), r"update\.steps is 1\.5; expected a whole number"),
    "objective": (lambda r: r["objective"].update(name="ipo"), r'objective\.name is "ipo"; expected one of lr-dpo'),
    "precision": (lambda r: r.update(precision="fp8"), r'precision is "fp8"; expected one of bf16, tf32, fp32'),
    "no policy": (lambda r: r.update(policy="/nowhere"), r"the model /nowhere is not a folder on this machine"),
    "no reference": (
        lambda r: r.update(reference="/nowhere", same=False),
        r"the model /nowhere is not a folder on this machine",
    ),
    "targets": (
        lambda r: r["update"].update(lora=LORA | {"targets": ["w_proj"]}),
        r"names w_proj, which is not a linear layer of this model; it has down_proj, gate_proj",
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_requests(case, tmp_path):
    edit, sentence = REQUESTS[case]
    fails(edited(make_job(tmp_path / "job"), edit), sentence)


RELEASES = {"0.1.0": True, "0.1.7": True, "0.2.0": False, "1.1.0": False, "1.4.2": False}


@pytest.mark.parametrize("begun_by", RELEASES)
def test_releases(begun_by, tmp_path):
    """As src/core/version.ts."""
    (tmp_path / "launch.json").write_text(json.dumps({"attempt": 1, "brevity": begun_by}))
    if RELEASES[begun_by]:
        check_release(tmp_path, "0.1.3")
    else:
        with pytest.raises(JobError, match=f"is of Brevity {re.escape(begun_by)} and .* brevity_trainer 0.1.3"):
            check_release(tmp_path, "0.1.3")
    # From 1.0 on minor versions are compatible.
    (tmp_path / "launch.json").write_text('{"brevity": "2.1.0"}')
    check_release(tmp_path, "2.0.4")
    with pytest.raises(JobError):
        check_release(tmp_path, "3.1.0")


def test_a_job_of_another_release(tmp_path):
    job = make_job(tmp_path / "job")
    (job / "launch.json").write_text('{"attempt": 1, "id": "brevity-test-r0001", "brevity": "99.0.0"}')
    fails(job, r"^the job is of Brevity 99\.0\.0 and this Python has brevity_trainer \d+\.\d+\.\d+, .* on the node, then")


PAIR_FILES = {
    "torn": (
        '{"prompt_ids":[1],"chosen_ids":[2],"rejected_ids":[3]}\n{"prompt_ids":[1],"cho',
        r"pairs\.jsonl line 2 is not JSON",
    ),
    "empty": ("", r"has no pairs to train on"),
    "no response": (
        '{"prompt_ids":[1],"chosen_ids":[],"rejected_ids":[3]}\n',
        r"line 1 has an empty prompt or response",
    ),
    "missing key": (
        '{"prompt_ids":[1],"chosen_ids":[2]}\n',
        r"line 1 lacks rejected_ids; expected a list of token ids",
    ),
    "not ids": ('{"prompt_ids":[1],"chosen_ids":["a"],"rejected_ids":[3]}\n', r'line 1: chosen_ids is \["a"\]'),
    "not a number": (
        '{"prompt_ids":[1],"chosen_ids":[2],"rejected_ids":[3],"ref_chosen_logps":NaN,"ref_rejected_logps":0}\n',
        r"line 1 is not JSON: .*NaN",
    ),
    "vocabulary": (
        '{"prompt_ids":[1],"chosen_ids":[99999],"rejected_ids":[3]}\n',
        r"pair 1 of .* token id 99999 .* ends at 767",
    ),
    "context": (
        json.dumps({"prompt_ids": [1], "chosen_ids": [2] * 5000, "rejected_ids": [3]}) + "\n",
        r"pair 1 of .* has 5001 tokens and the model's context is \d+$",
    ),
}


@pytest.mark.parametrize("case", PAIR_FILES)
def test_pairs(case, tmp_path):
    text, sentence = PAIR_FILES[case]
    job = make_job(tmp_path / "job")
    (job / "pairs.jsonl").write_text(text)
    fails(job, sentence)


def test_two_processes_say_it_once(tmp_path):
    job = edited(make_job(tmp_path / "job"), lambda r: r.update(policy="/nowhere"))
    execute(job, processes=2, expect=1)
    assert "is not a folder on this machine" in done_of(job)["message"]


def test_no_job(tmp_path):
    """There is no folder to leave a done.json in."""
    execute(tmp_path / "nothing", expect=1)
    assert "there is no" in (tmp_path / "nothing.log").read_text()


def test_a_trainer_without_peft(tmp_path):
    job = make_job(tmp_path / "job", update={"lora": LORA})
    fails(job, r"needs PEFT, .* and this Python does not have it", shim="without_peft")


def test_without_transformers(tmp_path):
    fails(make_job(tmp_path / "job"), r"cannot import what the trainer needs", shim="without_torch")


class Sentinel:
    """Unpickling it would leave a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("kind", ["model", "adapter"])
def test_no_pickle_is_read(kind, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    touched = tmp_path / "touched"
    if kind == "model":
        shutil.copyfile(POLICY / "config.json", folder / "config.json")
        torch.save(Sentinel(touched), folder / "pytorch_model.bin")
    else:
        config = {"peft_type": "LORA", "base_model_name_or_path": str(POLICY), "r": 4, "target_modules": ["q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        torch.save(Sentinel(touched), folder / "adapter_model.bin")
    for lora in (None, LORA):
        job = make_job(
            tmp_path / f"job-{lora is None}", update={"lora": lora}, policy=str(folder), reference=str(folder)
        )
        fails(job, r"are a pickle \(.*\.bin\), which can run code")
    assert not touched.exists()


def test_damaged_weights(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(POLICY, folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:100_000])
    fails(edited(make_job(tmp_path / "job"), lambda r: r.update(policy=str(folder))), r"weights of .* are damaged")


def test_a_damaged_checkpoint(tmp_path):
    job = make_job(tmp_path / "job")
    (job / "checkpoint" / "step-2").mkdir(parents=True)
    (job / "checkpoint" / "step-2" / "state.json").write_text("{")
    fails(job, r"the checkpoint .*step-2 is damaged")


def test_a_policy_that_is_not_the_reference(tmp_path):
    """Reference log-probabilities of another policy: named with the pair and both numbers."""
    rows = [row | {"ref_chosen_logps": -20.0, "ref_rejected_logps": -20.0} for row in read_rows(PAIRS)]
    job = make_job(tmp_path / "job", rows)
    fails(job, r"pair \d of .*pairs\.jsonl has z = -?\d+\.\d+ before the first step and α·Δ\|y\| = -?\d+\.\d+, further")
    assert not (job / "metrics.jsonl").read_text()


def test_a_policy_that_was_not_sampled_from(tmp_path):
    job = make_job(tmp_path / "job", probe_tolerance=0.1)
    row = read_rows(PAIRS)[0]
    probe = {"prompt_ids": row["prompt_ids"], "response_ids": row["chosen_ids"]}
    probe["server_logprobs"] = [-3.0] * len(probe["response_ids"])
    (job / "probes.jsonl").write_text(json.dumps(probe) + "\n")
    fails(job, r"^the policy that was sampled from is not the policy of this job: ")


def test_a_loss_that_is_not_finite(tmp_path):
    rows = [row | {"ref_chosen_logps": -1e308, "ref_rejected_logps": 1e308} for row in read_rows(PAIRS)]
    fails(make_job(tmp_path / "job", rows, same=False), r"the loss of step 1 is not finite: most likely")


def test_a_learning_rate_that_is_too_high(tmp_path):
    update = {"lr": 1, "clip": 0, "steps": 50, "weight_decay": 10}
    execute(make_job(tmp_path / "job", update=update), expect=1)
    assert re.search(r"of step \d+ is not finite: most likely the learning rate", done_of(tmp_path / "job")["message"])


def test_a_model_of_another_kind(tmp_path):
    folder = str(GOLDEN / "reward-qwen3" / "model")
    job = make_job(tmp_path / "job", policy=folder, reference=folder)
    fails(job, r"is a Qwen3ForSequenceClassification, which is not a causal language model")


def test_weights_that_lack_a_tensor(tmp_path):
    """transformers would make it up and go on."""
    folder = tmp_path / "model"
    shutil.copytree(POLICY, folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    job = make_job(tmp_path / "job", policy=str(folder), reference=str(folder))
    fails(job, r"the weights of .* lack model\.norm\.weight; they may be incomplete")
