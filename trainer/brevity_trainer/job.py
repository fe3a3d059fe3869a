"""What an executor writes to the job folder, and the control file (docs/jobs.md).

Files are replaced whole (written beside, flushed, renamed) or appended a line at a time. Needs no torch.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .machine import Machine
from .request import JobError

DONE_VERSION = 1
STATUS_SECONDS = 5
# The machine is sampled at every third of these writes.
MACHINE_ROUNDS = 3


class Superseded(Exception):
    """Another executor has this job."""


def replace_file(file: Path, text: str) -> None:
    """Writes beside, flushes to the disk, renames."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename in it last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Job:
    """What an executor writes to the folder, and the control file. Used by rank 0, but for `fail`."""

    def __init__(self, folder: Path, executor: str) -> None:
        self.folder = folder
        self.policy = folder / "policy"
        self.checkpoint = folder / "checkpoint"
        self.executor = executor
        given = os.environ.get("BREVITY_JOB_ATTEMPT")
        if given is not None and not given.isdecimal():
            raise JobError(f"BREVITY_JOB_ATTEMPT is {given!r}; expected a whole number")
        self.attempt = 1 if given is None else int(given)
        self.claims = given is not None
        self._begun = time.monotonic()
        self._status: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._metrics = folder / "metrics.jsonl"

    def is_done(self) -> bool:
        return (self.folder / "done.json").exists()

    def claim(self) -> None:
        """Takes this attempt, so that no second executor of it works in the folder."""
        if not self.claims:
            return
        claim = self.folder / "launch" / f"claim-{self.attempt}"
        try:
            claim.parent.mkdir(exist_ok=True)
            claim.mkdir()
        except FileExistsError:
            raise Superseded(f"attempt {self.attempt} of {self.folder} is taken by another executor") from None

    def check_attempt(self, job_id: str) -> None:
        """Ends this executor if the launcher has started a later attempt, or written another job into the folder."""
        if not self.claims:
            return
        try:
            launch = json.loads((self.folder / "launch.json").read_text(encoding="utf-8"))
            newest, newest_id = launch.get("attempt"), launch.get("id")
        except (OSError, ValueError, AttributeError):
            return
        if isinstance(newest_id, str) and newest_id != job_id:
            raise Superseded(f"job {newest_id} has replaced job {job_id} in {self.folder}")
        if isinstance(newest, int) and newest > self.attempt:
            raise Superseded(f"attempt {newest} of {self.folder} has replaced attempt {self.attempt}")

    def control(self) -> str | None:
        """`stop`, `abort`, or None."""
        try:
            word = (self.folder / "control").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return word if word in ("stop", "abort") else None

    def start_status(self, **facts: Any) -> None:
        """Writes status.json at each change and every few seconds until the process ends."""
        now = _now()
        host = socket.gethostname()
        self._status = {"state": "loading", "done": 0, "total": 0, "host": host, "pid": os.getpid(), **facts}
        self._status |= {"executor": self.executor, "attempt": self.attempt, "started": now, "z_error": None}
        self.status()
        machine = Machine()

        def refresh() -> None:
            rounds = 0
            while not self._ended.wait(STATUS_SECONDS):
                self.status(**({"machine": machine.sample()} if rounds % MACHINE_ROUNDS == 0 else {}))
                rounds += 1

        threading.Thread(target=refresh, daemon=True, name="status").start()

    def status(self, **changes: Any) -> None:
        with self._lock:
            self._status |= changes
            self._status["updated"] = _now()
            try:
                replace_file(self.folder / "status.json", json.dumps(self._status, indent=2) + "\n")
            except OSError as error:
                # The next one may succeed; a full disk ends the job where something of value is written.
                print(f"cannot write status.json: {error}", flush=True)

    @property
    def z_error(self) -> float | None:
        return self._status.get("z_error")

    def keep_metrics(self, steps: int) -> None:
        """Drops rows of steps after `steps`, which are taken again, and a torn last line."""
        kept = []
        if self._metrics.exists():
            for line in self._metrics.read_text(encoding="utf-8", errors="replace").split("\n"):
                try:
                    row = json.loads(line)
                    if row["step"] <= steps:
                        kept.append(line + "\n")
                except (ValueError, KeyError, TypeError):
                    continue
        replace_file(self._metrics, "".join(kept))

    def add_metrics(self, row: dict[str, Any]) -> None:
        with self._metrics.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, allow_nan=False) + "\n")

    def end_status(self) -> None:
        """Waits for a write in progress, which would leave its temporary file."""
        self._ended.set()
        with self._lock:
            pass

    def finish(self, outcome: str, steps: int, memory_mb: float, probes: dict[str, Any] | None) -> None:
        self._done(outcome, steps, None, memory_mb, probes)

    def fail(self, message: str, steps: int) -> None:
        """Any rank may: a GPU's memory may run out on one alone, and the launcher then ends the others."""
        if not self.is_done():
            self._done("failed", steps, message, None, None)

    def _done(self, outcome: str, steps: int, message: str | None, memory_mb: float | None, probes: Any) -> None:
        done = {
            "version": DONE_VERSION,
            "outcome": outcome,
            "steps": steps,
            "message": message,
            "executor": self.executor,
        }
        done["seconds"] = round(time.monotonic() - self._begun, 3)
        done |= {"memory_mb": memory_mb, "z_error": self.z_error, "probes": probes}
        replace_file(self.folder / "done.json", json.dumps(done) + "\n")

    def discard(self) -> None:
        """Deletes the checkpoint and anything of a new policy."""
        for folder in (self.checkpoint, self.policy, self.policy.with_name("policy.tmp")):
            shutil.rmtree(folder, ignore_errors=True)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
