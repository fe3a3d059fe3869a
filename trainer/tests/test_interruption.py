"""Jobs that are stopped, aborted, signalled, killed, resumed, or taken by another executor."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from conftest import PAIRS, done_of, execute, launch, log_of, make_job, read_rows
from safetensors.torch import load_file
from test_update import HOW, LORA, with_held_out

LONG = {"steps": 12, "batch_size": 3, "micro_batch": 2, "schedule": "cosine", "warmup": 0.3, "checkpoint_seconds": 0}


def long_job(folder: Path, lora: dict | None = None, **update: object) -> Path:
    """Two pairs are held out: their evaluations continue as well."""
    rows = with_held_out(read_rows(PAIRS))
    return make_job(folder, rows, LONG | {"lora": lora, "eval_steps": 5} | update, version=3)


def whole_run(once, how: str, lora: dict | None) -> Path:
    name = f"long {how} {'lora' if lora else 'full'}"
    return once(name, lambda folder: execute(long_job(folder, lora, checkpoint_seconds=3600), **HOW[how]))


def same_results(job: Path, whole: Path) -> None:
    """Every metric of every step but the times, and every weight, to the last bit."""
    measured = {"tokens_per_second", "memory_mb"}
    rows = [
        [{k: v for k, v in row.items() if k not in measured} for row in read_rows(j / "metrics.jsonl")]
        for j in (job, whole)
    ]
    assert rows[0] == rows[1]
    file = "adapter_model.safetensors" if (whole / "policy" / "adapter_config.json").exists() else "model.safetensors"
    weights = [load_file(j / "policy" / file) for j in (job, whole)]
    assert weights[0].keys() == weights[1].keys()
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[1])


@pytest.mark.parametrize(
    "how,lora",
    [
        ("1 process", None),
        ("1 process", LORA),
        ("2 processes, DDP", None),
        ("2 processes, FSDP2", None),
        ("2 processes, FSDP2", LORA),
    ],
)
def test_killed_and_continued(how, lora, once, tmp_path):
    job = long_job(tmp_path / "job", lora)
    first = launch(job, **HOW[how])
    first.until_step(5)
    first.kill()
    steps = len(read_rows(job / "metrics.jsonl"))
    assert steps < 12 and not (job / "done.json").exists()
    with (job / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 9, "lo')  # torn
    execute(job, **HOW[how])
    taken_again = log_of(job).count("step 3 of 12")
    assert taken_again == 1, "it began again"
    same_results(job, whole_run(once, how, lora))


@pytest.mark.parametrize("how", ["1 process", "2 processes, DDP"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=["SIGTERM", "SIGUSR1"])
def test_signalled_and_continued(how, number, once, tmp_path):
    job = long_job(tmp_path / "job", checkpoint_seconds=3600)
    first = launch(job, **HOW[how])
    first.until_step(2)
    first.processes[-1].is_alive()
    first.signal(number)
    assert first.wait() == [143] * len(first.processes)
    assert not (job / "done.json").exists() and not (job / "policy").exists()
    steps = len(read_rows(job / "metrics.jsonl"))
    assert [path.name for path in (job / "checkpoint").iterdir()] == [f"step-{steps}"]
    assert not [path for path in (job / "checkpoint").rglob("*") if path.suffix not in ("", ".json", ".safetensors")]
    execute(job, **HOW[how])
    assert done_of(job)["z_error"] is not None
    same_results(job, whole_run(once, how, None))


@pytest.mark.parametrize("how", HOW)
def test_stopped_and_kept(how, once, tmp_path):
    job = long_job(tmp_path / "job", checkpoint_seconds=3600)
    started = launch(job, **HOW[how])
    started.until_step(2)
    (job / "control").write_text("stop\n")
    assert set(started.wait()) == {0}
    done = done_of(job)
    rows = read_rows(job / "metrics.jsonl")
    assert done["outcome"] == "stopped" and done["steps"] == len(rows) and 2 <= len(rows) < 12
    assert (job / "policy" / "model.safetensors").exists()


@pytest.mark.parametrize("how", HOW)
def test_aborted(how, tmp_path):
    job = long_job(tmp_path / "job")
    started = launch(job, **HOW[how])
    started.until_step(2)
    (job / "control").write_text("abort\n")
    assert set(started.wait()) == {0}
    assert done_of(job)["outcome"] == "aborted"
    assert not (job / "policy").exists() and not (job / "checkpoint").exists()


def test_stopped_before_the_first_step(tmp_path):
    job = make_job(tmp_path / "job")
    (job / "control").write_text("stop\n")
    execute(job)
    assert done_of(job)["outcome"] == "stopped" and done_of(job)["steps"] == 0
    assert (job / "policy" / "model.safetensors").exists()


def test_aborted_while_the_reference_is_computed(tmp_path):
    job = make_job(tmp_path / "job", same=False)
    (job / "control").write_text("abort\n")
    execute(job)
    assert done_of(job)["outcome"] == "aborted" and not (job / "policy").exists()


def test_done_before(tmp_path):
    job = make_job(tmp_path / "job", update={"steps": 1})
    (job / "done.json").write_text("{}")
    execute(job, processes=2)
    assert (job / "done.json").read_text() == "{}" and not (job / "metrics.jsonl").exists()
    assert "is done already" in log_of(job)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_taken_attempt_is_left_alone(processes, tmp_path):
    job = make_job(tmp_path / "job", update={"steps": 1})
    (job / "launch" / "claim-2").mkdir(parents=True)
    execute(job, processes, expect=3, env={"BREVITY_JOB_ATTEMPT": "2"})
    assert "attempt 2 of" in log_of(job) and "is taken by another executor" in log_of(job)
    assert not (job / "done.json").exists() and not (job / "status.json").exists()
    execute(job, processes, env={"BREVITY_JOB_ATTEMPT": "3"})
    assert (job / "launch" / "claim-3").is_dir()
    assert json.loads((job / "status.json").read_text())["attempt"] == 3


@pytest.mark.parametrize("later", [{"attempt": 2}, {"attempt": 1, "id": "brevity-other-r0001"}])
def test_a_later_attempt_or_another_job_replaces_a_running_one(later, tmp_path):
    job = long_job(tmp_path / "job")
    (job / "launch.json").write_text('{"attempt": 1, "id": "brevity-test-r0001"}')
    started = launch(job, env={"BREVITY_JOB_ATTEMPT": "1"})
    started.until_step(1)
    (job / "launch.json").write_text(json.dumps(later))
    assert started.wait() == [3]
    assert len(read_rows(job / "metrics.jsonl")) < 12 and not (job / "done.json").exists()


def test_bad_input_does_not_end_another_executors_job(tmp_path):
    job = make_job(tmp_path / "job", PAIRS, policy="/nowhere")
    (job / "launch" / "claim-1").mkdir(parents=True)
    (job / "pairs.jsonl").write_text("torn")
    execute(job, expect=3, env={"BREVITY_JOB_ATTEMPT": "1"})
    assert not (job / "done.json").exists()
