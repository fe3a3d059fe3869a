"""Jobs for tests, and processes that execute them.

Processes are forked from a server that has imported the trainer, as importing PyTorch takes longer than a job. They run
the real command, write a real log, and can be killed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINER = ROOT / "trainer"
GOLDEN = ROOT / "test" / "golden"
POLICY = ROOT / "data" / "base-policy"
# The first 8 pairs of round 1 of the bundled example (data/example.json, seed 0).
PAIRS = Path(__file__).parent / "pairs.jsonl"
CAUSAL = ["gpt-neox", "gpt2", "llama-tied-gqa", "llama3-rope-untied", "mistral", "qwen2", "qwen3"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
for launched in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "BREVITY_JOB_ATTEMPT"):
    os.environ.pop(launched, None)

UPDATE: dict[str, Any] = {
    "lr": 2e-4,
    "batch_size": 8,
    "micro_batch": 8,
    "epochs": 1,
    "steps": 3,
    "schedule": "constant",
    "warmup": 0,
    "weight_decay": 0,
    "decay": "matrices",
    "clip": 1,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_eps": 1e-8,
    "activation_checkpointing": False,
    "lora": None,
    "checkpoint_seconds": 3600,
}


def make_job(folder: Path, pairs: Path | list[dict[str, Any]] = PAIRS, update: Any = None, **request: Any) -> Path:
    """A job of the bundled policy with α 0.07, β 0.1, float32; keys of `update` and of the request can be replaced."""
    folder.mkdir(parents=True)
    content = {
        "version": 1,
        "id": "brevity-test-r0001",
        "round": 1,
        "policy": str(POLICY),
        "reference": str(POLICY),
        "same": True,
        "objective": {"name": "lr-dpo", "beta": 0.1, "alpha": 0.07, "label_smoothing": 0},
        "update": UPDATE | (update or {}),
        "seed": 7,
        "precision": "fp32",
        "threads": 1,
        "backend": "auto",
    }
    (folder / "request.json").write_text(json.dumps(content | request))
    if isinstance(pairs, Path):
        shutil.copyfile(pairs, folder / "pairs.jsonl")
    else:
        (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs))
    return folder


def read_rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def done_of(job: Path) -> dict[str, Any]:
    return json.loads((job / "done.json").read_text())


def log_of(job: Path) -> str:
    return (job / "log").read_text()


class Launched:
    """The processes of one attempt of a job."""

    def __init__(self, job: Path, processes: int, arguments: list[str], env: dict[str, str], shim: str | None) -> None:
        self.job = job
        port = str(free_port())
        self.processes = []
        for rank in range(processes):
            own = dict(env)
            if processes > 1:
                own |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
                own |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_WORLD_SIZE": str(processes)}
            process = context().Process(target=_child, args=(str(job), arguments, own, shim), daemon=True)
            process.start()
            self.processes.append(process)

    def wait(self, seconds: float = 600) -> list[int | None]:
        """Exit codes."""
        end = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.1, end - time.monotonic()))
        codes = [process.exitcode for process in self.processes]
        if None in codes:
            self.kill()
            raise AssertionError(f"still running after {seconds} s:\n{log_of(self.job)}")
        return codes

    def until(self, holds: Callable[[], bool], seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert any(process.is_alive() for process in self.processes), f"ended early:\n{log_of(self.job)}"
            assert time.monotonic() < end, f"nothing happened in {seconds} s:\n{log_of(self.job)}"
            time.sleep(0.01)

    def until_step(self, step: int) -> None:
        file = self.job / "metrics.jsonl"
        self.until(lambda: file.exists() and file.read_text().count("\n") >= step)

    def signal(self, number: int) -> None:
        for process in self.processes:
            os.kill(process.pid, number)

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()


def launch(
    job: Path,
    processes: int = 1,
    arguments: list[str] | None = None,
    env: dict[str, str] | None = None,
    shim: str | None = None,
) -> Launched:
    return Launched(job, processes, arguments or [], env or {}, shim)


def execute(job: Path, processes: int = 1, expect: int = 0, **options: Any) -> Path:
    codes = launch(job, processes, **options).wait()
    assert codes == [expect] * processes, f"exit codes {codes}:\n{log_of(job)}"
    return job


def _child(job: str, arguments: list[str], env: dict[str, str], shim: str | None) -> None:
    # Unbuffered, so that a killed process leaves what it said.
    log = open(Path(job).parent / f"{Path(job).name}.log" if not Path(job).is_dir() else Path(job) / "log", "ab", 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout = os.fdopen(1, "w", 1)
    sys.stderr = os.fdopen(2, "w", 1)
    os.environ.update(env)
    sys.argv = ["brevity_trainer", job, *arguments]
    if shim is not None:
        import shims

        getattr(shims, shim)()
    from brevity_trainer.__main__ import main

    sys.exit(main())


_context: Any = None


def context() -> Any:
    global _context
    if _context is None:
        _context = multiprocessing.get_context("forkserver")
        _context.set_forkserver_preload(["brevity_trainer.run", "brevity_trainer.__main__"])
    return _context


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], Path]], Path]:
    """Jobs that several tests read are executed once."""
    made: dict[str, Path] = {}

    def get(name: str, execute_in: Callable[[Path], Path]) -> Path:
        if name not in made:
            made[name] = execute_in(tmp_path_factory.mktemp("jobs") / name)
        return made[name]

    return get
